"""Chinese words to the phonemes Kokoro v1.0 was trained with.

Hanzi are read as pinyin by pypinyin (our corrections are in `readings`, surnames in `names`),
and each syllable is an initial and a final from the tables below: broad IPA after
Duanmu, "The Phonology of Standard Chinese" (2nd ed., 2007), pp. 25-46, and Lin,
"The Sounds of Chinese" (2007), ch. 3. Which of the possible symbols stands for a
sound is the model's convention, that of misaki 0.9.4 in its first Chinese mode; the
tests hold the tables equal to it.

Tones are one arrow right after the vowel (→ ↗ ↓ ↘), the neutral tone is bare. There
is no tone sandhi (你好 stays ↓↓, 一 stays →): the model learnt it from unchanged
citation tones, so changing them here would be heard as the wrong word. 儿 as in 花儿
is a syllable of its own for the same reason.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from sidecar.text.chinese.libraries import phrases, syllables
from sidecar.text.chinese.names import SURNAMES, surname
from sidecar.text.chinese.readings import IN_CONTEXT, WORDS, corrected, in_context
from sidecar.text.chinese.traditional import DISTINCT
from sidecar.text.chinese.words import is_known, is_name, word_cutter
from sidecar.text.tokens import Mark, Spoken, Token, TokenKind, Word

#: How much of the clause on each side of a word may decide its reading, in characters.
_CONTEXT_CHARS = 10

_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}

_INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f",
    "d": "t", "t": "tʰ", "n": "n", "l": "l",
    "g": "k", "k": "kʰ", "h": "x",
    "j": "ʨ", "q": "ʨʰ", "x": "ɕ",
    "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ",
    "z": "ʦ", "c": "ʦʰ", "s": "s",
}  # fmt: skip

#: Finals as pinyin spells them in full; "|" is where the tone goes.
_FINALS = {
    "a": "a|", "o": "wo|", "e": "ɤ|", "ai": "ai|", "ei": "ei|", "ao": "au|", "ou": "ou|",
    "an": "a|n", "en": "ə|n", "ang": "a|ŋ", "eng": "ə|ŋ", "ong": "ʊ|ŋ",
    "i": "i|", "ia": "ja|", "ie": "je|", "iao": "jau|", "iou": "jou|", "io": "wo|",
    "ian": "jɛ|n", "in": "i|n", "iang": "ja|ŋ", "ing": "i|ŋ", "iong": "jʊ|ŋ",
    "u": "u|", "ua": "wa|", "uo": "wo|", "uai": "wai|", "uei": "wei|",
    "uan": "wa|n", "uen": "wə|n", "uang": "wa|ŋ", "ueng": "wə|ŋ",
    "ü": "y|", "üe": "ɥe|", "üan": "ɥɛ|n", "ün": "y|n",
}  # fmt: skip

#: Syllables that are not an initial and a final: interjections and 儿.
_WHOLE = {
    "er": "ɚ|", "r": "ɚ|", "o": "ɔ|", "ê": "ɛ|", "m": "m|", "n": "n|", "ng": "ŋ|", "hm": "hm|", "hng": "hŋ|",
    "wong": "ʊ|ŋ",
}  # fmt: skip

_ABBREVIATED = {"iu": "iou", "ui": "uei", "un": "uen"}
_SYLLABLE = re.compile(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcs])?([a-zêü]+)")


class ChineseReader:
    """Reads Chinese words. Stateless and safe to share between threads.

    Making one loads the dictionaries (about a second), so that no line has to.
    """

    def __init__(self) -> None:
        word_cutter()
        is_name("你好")
        _alone("你好")

    def read(self, tokens: Sequence[Token]) -> list[Spoken]:
        """Phonemes for each word of hanzi, each mark as it is.

        `tokens` are words of hanzi and marks: Latin letters are another reader's.
        A word without a known reading yields nothing; nothing raises.
        """
        spoken: list[Spoken] = []
        for index, token in enumerate(tokens):
            if token.kind is TokenKind.MARK:
                spoken.append(Mark(token.text, token.start, token.end))
                continue
            phonemes = _phonemes(token.text, tokens, index)
            if phonemes:
                spoken.append(Word(token.text, phonemes, token.start, token.end))
        return spoken


def _phonemes(word: str, tokens: Sequence[Token], index: int) -> str:
    """`word`, which is the text of the token at `index`, read in its clause."""
    if not _depends(word):
        return _joined(_alone(word))
    before, after = _clause(tokens, index, -1), _clause(tokens, index, 1)
    return _joined(in_context(word, before, after) or _within(word, before, after))


@lru_cache(maxsize=8192)
def _depends(word: str) -> bool:
    """Whether neighbours may decide how `word` is read."""
    if word in IN_CONTEXT:
        return True
    is_settled = len(word) > 1 and (word in WORDS or word in phrases())
    return not is_settled and any(char in IN_CONTEXT or char in SURNAMES for char in word)


def _within(word: str, before: str, after: str) -> tuple[str, ...]:
    """Character by character, for a word that no dictionary reads."""
    alone = _alone(word)
    if len(alone) != len(word):
        return alone
    said = [
        (in_context(char, before + word[:at], word[at + 1 :] + after) or (alone[at],))[0]
        for at, char in enumerate(word)
    ]
    name = surname(word, len(word) > 1 and is_known(word) and not is_name(word), before, after)
    if name:
        said[name[0]] = name[1]
    return tuple(said)


def _clause(tokens: Sequence[Token], index: int, step: int) -> str:
    """The text next to a token, to the nearest mark or about `_CONTEXT_CHARS`."""
    text = ""
    index += step
    while 0 <= index < len(tokens) and len(text) < _CONTEXT_CHARS:
        if tokens[index].kind is not TokenKind.WORD:
            break
        text = text + tokens[index].text if step > 0 else tokens[index].text + text
        index += step
    return text


@lru_cache(maxsize=8192)
def _alone(word: str) -> tuple[str, ...]:
    """The syllables of a word without neighbours."""
    if word in DISTINCT:
        return (DISTINCT[word],)
    # Characters pypinyin has no reading for are left out rather than passed on as they are.
    return corrected(word, tuple(syllables(word)))


def _joined(syllables: tuple[str, ...]) -> str:
    return "".join(map(syllable_phonemes, syllables))


@lru_cache(maxsize=4096)
def syllable_phonemes(pinyin: str) -> str:
    """One syllable such as "zhong1" or "nv3" (ü may be written v); "" if it is not pinyin."""
    tone = _TONES.get(pinyin[-1:])
    spelling = pinyin[:-1] if tone is not None else pinyin
    return _shape(spelling.replace("v", "ü")).replace("|", tone or "")


def _shape(spelling: str) -> str:
    """Phonemes with "|" where the tone goes."""
    whole = _WHOLE.get(spelling)
    if whole is not None:
        return whole
    parts = _SYLLABLE.fullmatch(_without_y_and_w(spelling))
    if parts is None:
        return ""
    initial, final = parts.group(1) or "", parts.group(2)
    if initial in ("j", "q", "x"):
        final = re.sub("^u", "ü", final)
    if final == "i" and initial in ("z", "c", "s", "zh", "ch", "sh", "r"):
        shape: str | None = "ɨ|"  # the buzzed vowel of 四 and 是
    else:
        shape = _FINALS.get(_ABBREVIATED.get(final, final) if initial else final)
    return _INITIALS.get(initial, "") + shape if shape else ""


def _without_y_and_w(spelling: str) -> str:
    """Undoes the spelling rule that a final standing alone begins with y or w (汉语拼音方案, section 4)."""
    if spelling[:2] == "yu":
        return "ü" + spelling[2:]
    if spelling[:2] in ("yi", "wu"):
        return spelling[1:]
    return re.sub("^w", "u", re.sub("^y", "i", spelling))
