"""Cries and noises: how they are spelled, however long they are drawn, and how they sound without a vowel."""

import re

from .scan import word_set

#: Checked before the general rule for stretched letters.
DRAWN = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"h+m{2,}", "hmm"), (r"m{2,}h+m+", "mhm"), (r"m{3,}", "mmm"), (r"a+r+g+h*", "aargh"),
        (r"a+g+h+", "aargh"), (r"a+h{2,}|a{2,}h+|a{3,}", "ah"), (r"o+h{2,}", "oh"), (r"o{2,}h+", "ooh"),
        (r"o{3,}", "ooh"), (r"o+w{2,}", "ow"), (r"s+h{2,}", "shh"), (r"b+r{2,}", "brr"), (r"g+r{2,}", "grr"),
        (r"z{3,}", "zzz"), (r"u+g+h{2,}", "ugh"), (r"u{2,}g+h+", "ugh"), (r"e+w{2,}|e{2,}w+", "eww"),
        (r"a+w{3,}|a{3,}w+", "aw"), (r"a+r{3,}", "arr"), (r"e+k{3,}|e{3,}k+", "eek"), (r"e{3,}", "ee"),
        (r"u+h{3,}|u{3,}h+", "uh"), (r"p+s{2,}t+", "psst"), (r"p+f{2,}t+", "pfft"), (r"p+f{2,}", "pff"),
        (r"w+h*o{2,}a+h*", "whoa"), (r"b+o{3,}h*", "boo"), (r"w+o{3,}", "woo"), (r"i{3,}", "ee"),
        (r"r{3,}", "grr"), (r"s{3,}", "sss"), (r"h+r+m+", "hm"), (r"t+s+k+", "tsk"), (r"t+c+h+", "tch"),
        (r"h+n+g+h*", "hngh"), (r"n{2,}g+h*", "ngh"), (r"b+z{2,}t*", "bzzt"), (r"h+m+p+h+", "hmph"),
        (r"f{3,}", "fff"), (r"v{3,}", "vvv"), (r"n{3,}", "nnn"), (r"t+s{3,}", "tss"),
    )
)  # fmt: skip

#: Without a vowel, and never letters.
NAMED = word_set(
    "hm hmm mm mmm mhm shh sh psst pst pfft pft brr grr zzz tsk nth mr mrs dr st th hmph pff psh sss "
    "tch tsch hrm hrmm hngh hng ngh nngh mngh mmph mph bzzt bzz zzt fwp thwp krk skrt skrr shk kshh ksh "
    "pshh pssh psht pht phht hss hsss fff vvv vrr vrrm rrr grrr grrk hrr hrrm hrk hnn hnh nnn tss tsst "
    "mrrp mrr prr prrt blrg brrm clk clnk fsst wrr zzzt tt hff khh kh gnn gnrr grmph hrmph brt pbt pbbt "
    "phbt thbt"
)
#: A cry that no table has: at least one cluster that no initialism is written with.
_NOISY = re.compile(r"zz|ff|ss|rr|mm|hh|nn|ngh|tch|sch|shh?$|[^t]h$|^h[mnr]|^[kgbdp]h?r|^ts")
_LETTERS = re.compile(r"[bcdfghjklmnpqrstvwxz]{3,10}")
_CLUSTERS = (
    ("tsch", "ʧ"), ("tch", "ʧ"), ("sch", "ʃ"), ("ngh", "ŋ"), ("ng", "ŋ"), ("nk", "ŋk"), ("ch", "ʧ"),
    ("sh", "ʃ"),
    ("th", "θ"), ("ph", "f"), ("kh", "k"), ("gh", "ɡ"), ("ck", "k"), ("x", "ks"), ("q", "k"), ("c", "k"),
    ("j", "ʤ"), ("g", "ɡ"), ("r", "ɹ"),
)  # fmt: skip
_ONSET = re.compile("s?[^ɹlw]?[ɹlw]?")
_HUMS = "mnŋszʃʒfvlɹ"


def is_cry(word: str) -> bool:
    """Whether a word without a vowel is a noise rather than letters: "pfft", "HNGH", not "NPC"."""
    lower = word.lower()
    if lower in NAMED:
        return True
    return _LETTERS.fullmatch(lower) is not None and len(lower) > 3 and _NOISY.search(lower) is not None


def sound(word: str) -> str | None:
    """American phonemes of a cry without a vowel, which a plosive gets; None for any other word."""
    lower = re.sub(r"(.)\1+", r"\1", word.lower())
    if not is_cry(word):
        return None
    for written, said in _CLUSTERS:
        lower = lower.replace(written, said)
    lower = re.sub(r"(.)\1+", r"\1", lower)
    if lower in ("pft", "pst", "pʃ", "pʃt", "pf"):
        return lower
    if len(lower) > 1 and lower[-1] == "h":
        lower = lower[:-1]
    if all(char in _HUMS for char in lower) or lower == "ʧ":
        return lower
    first = len(_ONSET.match(lower).group())  # type: ignore[union-attr]
    return f"{lower[:first]}ˈʌ{lower[first:]}"
