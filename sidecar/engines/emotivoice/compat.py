"""Upstream's own front ends, mistakes and all: text -> the very tokens that its models are fed.

Our own reader reads lines better (`spelling.py`); this is for comparing with upstream token by token, and for
who wants its sound exactly. What reads words is handed in: upstream's are jieba, pypinyin with the phrases
of CC-CEDICT, the LibriSpeech lexicon and g2p_en. Known oddities, kept: digits are Chinese in English text
too; a word outside the lexicon loses its last phoneme before a mark and runs into the next; marks inside
English cost a token.
"""

import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sidecar.engines.emotivoice.lists import BOUNDARY
from sidecar.protocol.errors import BadRequest

CHINESE_MARKS = "。，？！；：“”‘’《》〈〉【】『』—…、（）"
_HAN = "\u4e00-\u9fa5"
_PARTS = re.compile(rf"[^{_HAN}]+|[{_HAN}][{_HAN} {CHINESE_MARKS}]*")
_NUMBER = re.compile(r"\d[\d.]*")
_PIECES = re.compile(r"([,;.\-?!+\s])")
_DIGITS = "零一二三四五六七八九"
_MOST_DIGITS = 16
_SPOKEN_ONLY = {",", " ", "'"}

#: Spelled in full -> (initial, final), where neither rule nor letters tell.
_WHOLE = {
    **{f"{initial}i": (initial, "ii") for initial in ("z", "c", "s", "r")},
    **{f"{initial}i": (initial, "iii") for initial in ("zh", "ch", "sh")},
    **{f"y{rest}": ("", f"i{rest}") for rest in ("a", "an", "ang", "ao", "e", "ong", "ou")},
    **{f"y{rest}": ("", rest) for rest in ("i", "in", "ing")},
    **{f"y{u}{rest}": ("", f"v{rest}") for u in "uv" for rest in ("", "an", "n")},
    "yve": ("", "ve"),
    "wu": ("", "u"),
}  # fmt: skip
_FULL_FINALS = {"ui": "uei", "iu": "iou", "un": "uen", "ue": "ve"}


@dataclass(frozen=True)
class CompatReader:
    """`cut` is a sentence in words, `pinyin` a word's syllables with tone digits (what is not Han as it
    is), `lexicon` English words in ARPAbet, `guess` what g2p_en says of any other piece."""

    cut: Callable[[str], Sequence[str]]
    pinyin: Callable[[str], Sequence[str]]
    lexicon: Mapping[str, Sequence[str]]
    guess: Callable[[str], Sequence[str]]

    def tokens(self, text: str) -> tuple[str, ...]:
        """Of a line in Chinese, English or both, sentinels included.

        Raises `BadRequest` for a number or a syllable that upstream fails on too.
        """
        tokens, was_english = [BOUNDARY], None
        for part in _PARTS.findall(_NUMBER.sub(lambda match: reading(match.group()), text)):
            if part == " ":
                continue
            if re.search(f"[{_HAN}]", part):
                tokens += ["eng_cn_sp"] * (was_english is True) + self.chinese(part)[1:-1]
                was_english = False
            else:
                tokens += ["cn_eng_sp"] * (was_english is False and "sp" not in tokens[-1])
                tokens += (spoken := self.english(part))
                was_english = True if spoken else was_english
        return (*(tokens[:-1] if "sp" in tokens[-1] else tokens), BOUNDARY)

    def chinese(self, part: str) -> list[str]:
        """With sentinels, of which a leading mark eats the first."""
        tokens = [BOUNDARY]
        for word in self.cut(part):
            if word == " ":
                continue
            syllables = self.pinyin(word)
            if any(_is_mark(syllable) for syllable in syllables):
                tokens[-1] = "sp3"
                continue
            for at, syllable in enumerate(syllables):
                tokens += ["sp0"] * (at > 0) + syllable_tokens(syllable)
            tokens.append("sp1")
        return [*tokens, BOUNDARY]

    def english(self, part: str) -> list[str]:
        """Without sentinels."""
        tokens: list[str] = []
        for piece in _PIECES.split(part):
            if piece in ("", " "):
                continue
            if (known := self.lexicon.get(piece.lower())) is not None:
                tokens += [f"[{phone}]" for phone in known if phone not in _SPOKEN_ONLY]
                tokens += ["engsp1"] * (not tokens or "sp" not in tokens[-1])
            elif guessed := self.guess(piece):
                _add_guessed(tokens, guessed)
        return tokens[:-1] if tokens and "engsp" in tokens[-1] else tokens


def _add_guessed(tokens: list[str], guessed: Sequence[str]) -> None:
    if not guessed[0].isalnum():
        if tokens:
            tokens[-1] = "engsp4"
        return
    for phone in guessed:
        if phone == " ":
            tokens += ["engsp1"] * (not tokens or "sp" not in tokens[-1])
        elif phone not in _SPOKEN_ONLY:
            tokens.append(f"[{phone}]")


def _is_mark(item: str) -> bool:
    return any(mark in item for mark in CHINESE_MARKS) or item in string.punctuation


def syllable_tokens(pinyin: str) -> list[str]:
    """A syllable with its tone digit -> initial, if it has one, and toned final."""
    initial, final = split(pinyin[:-1])
    return [*([initial] if initial else []), final + pinyin[-1]]


def split(syllable: str) -> tuple[str, str]:
    """A syllable without tone -> initial ("" for none) and final. Raises `BadRequest`."""
    if syllable in ("n", "ng", "m"):
        syllable = f"e{syllable}"
    stem = syllable.removesuffix("r")
    coda = syllable[len(stem) :]
    if stem in _WHOLE:
        initial, final = _WHOLE[stem]
    elif stem.startswith("w"):
        initial, final = "", f"u{stem[1:]}"
    elif stem[:1] in ("j", "q", "x") and stem[1:2] == "u":
        initial, final = stem[0], f"v{stem[2:]}"
    elif match := re.match("[^aeiouv]*(?=[aeiouv])", stem):
        initial, final = match.group(), stem[match.end() :]
        final = _FULL_FINALS.get(final, final)
    else:
        raise BadRequest(f"{syllable!r} is not a syllable with a vowel", field="text")
    return initial, final + coda


def reading(number: str) -> str:
    """Digits, perhaps with a point, in Chinese, as a cardinal. Raises `BadRequest` where upstream fails."""
    whole, *rest = number.split(".")
    decimals = rest[0] if rest else ""
    if not number.isascii() or len(rest) > 1 or max(len(whole.lstrip("0")), len(decimals)) > _MOST_DIGITS:
        raise BadRequest(f"the number {number[:40]!r} cannot be read", field="text")
    said = _cardinal(whole.lstrip("0"))
    return f"{said}点{''.join(_DIGITS[int(digit)] for digit in decimals)}" if decimals else said


def _cardinal(digits: str) -> str:
    text = ""
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit != "0":
            text += _DIGITS[int(digit)] + _unit(place)
            continue
        if place % 4 == 0:
            text += "零" + _unit(place)
        text += "零" * (bool(text) and not text.endswith("零"))
    for before, after in (("零零", "零"), ("零万", "万"), ("零亿", "亿"), ("亿万", "亿")):
        text = text.replace(before, after)
    text = text.strip("零")
    return (text[1:] if text.startswith("一十") else text) or "零"


def _unit(place: int) -> str:
    return ("", "十", "百", "千")[place % 4] if place % 4 else {4: "万", 8: "亿", 12: "万"}.get(place, "")
