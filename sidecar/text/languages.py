"""A mixed line -> runs of one language each.

Han characters are Chinese, letters are English; marks and spaces belong to the language beside them. Digits,
units and other signs of quantity belong to the language of their sentence: in a Chinese sentence they are
Chinese beside Latin letters too ("HP 30/100"), unless they stand in English prose ("他说I have 3 apples"). In
an English sentence they go with what they touch. A number is never cut.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.protocol.errors import UnknownLanguage

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = ("en-US", "en-GB", "zh-CN")  #: BCP 47 tags of what can be read

#: Accepted tag, lower case -> (language of neutral text, whether English is British).
_TAGS = {
    "en": (ENGLISH, False), "en-us": (ENGLISH, False), "en-gb": (ENGLISH, True),
    "zh": (CHINESE, False), "zh-cn": (CHINESE, False), "zh-hans": (CHINESE, False),
}  # fmt: skip

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff〇"
#: Numbers that are no digits: powers, fractions, Roman numerals, items in circles. To Python, letters.
_FIGURES = r"²³¹¼-¾⁰-₉⅐-↋①-⒛⓪⓫-⓿❶-➓㈠-㊰㋀-㋿"
_LETTER = rf"[^\W\d_{_FIGURES}{_HAN}]"

#: Said letter by letter in Chinese: initials of pinyin, as people type them.
_INITIALS = (
    "awsl|bdjw|bhys|cpdd|dbq|ddl|dddd|gkd|jms|kdl|kswl|nbcs|nsdd|plgg|plmm|pyq|qaq|rnb|srds|ssfd|szd|tql"
    "|u1s1|wdnmd|wsl|wtcl|xdm|xjj|xgg|xswl|xxs|xyx|ybb|yjgj|ysl|yygq|yysy|yyds|zqsg|zzzq|zbl|zgr"
)
_SOUNDS = "h?m+|sh+|psh+|ps+t|pf+t|tsk|b?r+|gr+|nth|ps|vs|mr|mrs|ms|dr|st"
_NO_WORD = rf"(?:{_INITIALS}|(?!(?:{_SOUNDS})\b)[b-df-hj-np-tv-xz]{{3,8}})"
_WORD = re.compile(
    rf"(?<![A-Za-z0-9])(?!{_NO_WORD}(?![A-Za-z]))[A-Za-z]?[a-z]{{2,}}(?:['’][a-z]+)?(?![A-Za-z])"
)
#: Words that show prose, where a title or a name has none ("Final Fantasy 7").
_PROSE = re.compile(
    r"\b(?:I|I'm|you|your|me|my|is|are|am|was|were|have|has|had|do|don't|can|will|we|he|she|they|it|this|that"
    r"|please|give|let|at|with|need|want)\b",
    re.IGNORECASE | re.ASCII,
)
_SENTENCE = re.compile(r"(?:[^。！？!?\n.]|\.(?!\s))+[。！？!?\n.]*|[。！？!?\n.]+")
_STRETCH = re.compile(rf"[^{_HAN}，、。！？；：“”\n]+")

#: Money that is told by letters: HK$100, USD 50, 20 EUR.
_LETTERS_OF_MONEY = "US|HK|NT|TW|AU?|CA?|SG?|NZ|MX|R"
_CODES_OF_MONEY = "USD|EUR|GBP|JPY|CNY|RMB|HKD|TWD|KRW|AUD|CAD|SGD|NZD|RUB|BRL|INR|THB|CHF"

_STRONG = re.compile(
    r"(?P<link>(?:https?://|www\.)[!-~]+|[A-Za-z0-9.+_-]{1,64}@[A-Za-z0-9.-]+"
    r"|[A-Za-z0-9-]{1,64}\.(?:com|cn|net|org)(?![A-Za-z0-9]))"
    rf"|(?P<zh>(?:第[IV]|[{_HAN}][IVX]{{2,6}})(?![A-Za-z])|[{_HAN}])"  # 第V章, 亨利VIII
    rf"|(?P<number>(?<![A-Za-z])(?:(?:{_LETTERS_OF_MONEY})\$|(?:CN|JP)[¥￥]|{_CODES_OF_MONEY}) ?\d"
    rf"|\d ?(?:{_CODES_OF_MONEY})(?![A-Za-z])"
    r"|\d(?: ?(?:[kcm]?m|[km]?g|min|m?[Ll]|km/h|m/s|mph|kWh|mAh|[GMk]Hz|rpm|fps|dB|kcal|[ap]m"
    r"|[AP]M)"
    r"(?![A-Za-z])|(?!st|nd|rd|th)[A-Za-zµμ]{1,2}(?:[²³/][A-Za-z0-9²³]{0,4})?(?![A-Za-z])|[°℃℉]C?F?)?"
    rf"|[{_FIGURES}]|(?<=[a-z] )[IVX]{{2,5}}(?![A-Za-z]))"
    rf"|(?P<letters>(?<![A-Za-z])(?:[A-Za-z]|{_NO_WORD})(?![A-Za-z'’]))"
    rf"|(?P<en>{_LETTER}+)"
)
#: What a number may begin with, and what joins its parts.
_BEFORE_NUMBER, _IN_NUMBER = ".,-+#×~=<>≤≥≈±$¥￥€£第", ".,:/-~～"

_HAN_CHAR = re.compile(f"[{_HAN}]")


def has_han(text: str) -> bool:
    """Whether `text` has a character that is read as Chinese."""
    return _HAN_CHAR.search(text) is not None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a line is read: the language of text that shows none, and the kind of English."""

    language: str
    british: bool


@dataclass(frozen=True, slots=True)
class Run:
    """The half-open span [start, end) of a line, all in one language."""

    language: str
    start: int
    end: int


def dialect(tag: str) -> Dialect:
    """A BCP 47 tag -> how to read. Raises `UnknownLanguage`."""
    found = _TAGS.get(tag.lower().replace("_", "-"))
    if found is None:
        raise UnknownLanguage(f"unknown language {tag!r}: known are {', '.join(LANGUAGES)}", field="language")
    return Dialect(*found)


def runs(text: str, start: int, end: int, default: str) -> Iterator[Run]:
    """Cut ``text[start:end]`` where the language changes. Runs are contiguous and cover the whole span."""
    current, run_start, strong_end = default, start, start
    started = False
    for language, left, right in _strong(text, start, end, default):
        if started and language != current:
            cut = _boundary(text, strong_end, left)
            yield Run(current, run_start, cut)
            run_start = cut
        current, strong_end, started = language, right, True
    if end > run_start:
        yield Run(current, run_start, end)


def _strong(text: str, start: int, end: int, default: str) -> Iterator[tuple[str, int, int]]:
    """What shows its language, as (language, start, end), in order."""
    whole = _is_chinese(text, default, default)
    for sentence in _SENTENCE.finditer(text, start, end):
        is_chinese = _is_chinese(sentence.group(), default, CHINESE if whole else default)
        prose = _prose(text, *sentence.span()) if is_chinese else ()
        for match in _STRONG.finditer(text, *sentence.span()):
            kind = match.lastgroup
            while prose and prose[-1][1] <= match.start():
                prose.pop()
            chinese = is_chinese and not (prose and prose[-1][0] <= match.start())
            if kind == "zh" or (chinese and kind in ("number", "letters")):
                yield CHINESE, *match.span()
            elif kind != "number" or any(char.isalpha() for char in match.group()):
                yield ENGLISH, *match.span()


def _is_chinese(text: str, default: str, without_han: str) -> bool:
    """Whether `text` is a Chinese sentence, perhaps with Latin names, and not English with Han in it."""
    han, words = len(_HAN_CHAR.findall(text)), len(_WORD.findall(text))
    if not han:
        return without_han == CHINESE and not words
    return han > 2 * words if default == ENGLISH else 2 * han > words


def _prose(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where English is spoken inside a Chinese sentence, the last first."""
    found = [
        stretch.span()
        for stretch in _STRETCH.finditer(text, start, end)
        if (words := len(_WORD.findall(stretch.group()))) > 3
        or (words > 1 and _PROSE.search(stretch.group()))
    ]
    return found[::-1]


def _boundary(text: str, left: int, right: int) -> int:
    """Where a run ends between two strong characters: what touches the right one belongs to it."""
    cut = right
    while cut > left and (text[cut - 1].isdigit() or (_joins(text, cut - 1) and cut - 1 > left)):
        cut -= 1
    while cut > left and text[cut - 1] in _BEFORE_NUMBER and text[cut : cut + 1].isdigit():
        cut -= 1
    while cut > left and text[cut - 1] in "“‘(（《「『【[<":
        cut -= 1
    return cut


def _joins(text: str, at: int) -> bool:
    """Whether a sign stands between two digits."""
    return text[at] in _IN_NUMBER and text[at - 1].isdigit() and text[at + 1 : at + 2].isdigit()
