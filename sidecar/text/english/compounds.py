"""Words that were written as one: which they are, how their parts share the stress, and stutters.

A hyphen lies within the span of the word before it, so the parts of a compound have
spans that touch (see `words`).
"""

from collections.abc import Sequence

from ..tokens import Token, TokenKind
from . import sounds


def group(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Index ranges: a word alone, or words that were written as one (their spans touch)."""
    groups: list[tuple[int, int]] = []
    for index in range(len(tokens)):
        if index > 0 and _joined(tokens, index):
            groups[-1] = (groups[-1][0], index + 1)
        else:
            groups.append((index, index + 1))
    return groups


def _joined(tokens: Sequence[Token], index: int) -> bool:
    """Whether the token at `index` was written as one with the token before it."""
    left, right = tokens[index - 1], tokens[index]
    several = (index > 1 and tokens[index - 2].start == left.start) or (  # the words of one figure
        index + 1 < len(tokens) and tokens[index + 1].start == right.start
    )
    return left.end == right.start and not several and _is_verbatim(left) and _is_verbatim(right)


def _is_verbatim(token: Token) -> bool:
    """Whether the token stands in the text as it is said, at most with a hyphen behind it."""
    written = token.kind in (TokenKind.WORD, TokenKind.LETTERS)
    return written and token.end - token.start - len(token.text) in (0, 1)


def text(group: Sequence[Token]) -> str:
    return (
        "".join(token.text + "-" * (token.end - token.start - len(token.text)) for token in group[:-1])
        + group[-1].text
    )


def is_stutter(part: str, following: str) -> bool:
    """ "W" before "wait", "th" before "the"; not the "co" of "co-conspirator"."""
    start = part.lower()
    consonants = len(start) <= 3 and not set("aeiouy").intersection(start.replace("qu", "q"))
    return (len(start) == 1 or consonants) and following.lower().startswith(start)


def stuttered(parts: Sequence[str], group: Sequence[Token]) -> list[str]:
    """A stuttered consonant is its sound with a schwa; a stuttered vowel the vowel."""
    said = list(parts)
    for index in range(len(group) - 2, -1, -1):
        if is_stutter(group[index].text, group[index + 1].text) and group[index].text.lower() != "i":
            said[index] = onset(said[index + 1], len(group[index].text))
    return said


def onset(phonemes: str, letters: int) -> str:
    """What is heard of a word broken off after `letters`: its first consonants and a schwa, or its vowel."""
    plain = phonemes.replace(sounds.PRIMARY, "").replace(sounds.SECONDARY, "")
    first = next((index for index, char in enumerate(plain) if char in sounds.VOWELS), len(plain))
    return plain[: min(first, letters)] + "ə" if first else plain[:1]


def balanced(parts: list[str]) -> list[str]:
    """The lighter half of a compound's parts loses its primary stress."""
    stressed = sum(sounds.PRIMARY in part for part in parts)
    if len(parts) == 2 and len(parts[0].strip("ˈˌ")) == 1:
        return [parts[0], sounds.weakened(parts[1])]
    if len(parts) < 2 or stressed <= (len(parts) + 1) // 2:
        return parts
    order = sorted(range(len(parts)), key=lambda i: (sounds.PRIMARY in parts[i], sounds.weight(parts[i]), i))
    lighter = set(order[: len(parts) // 2])
    return [sounds.weakened(part) if index in lighter else part for index, part in enumerate(parts)]
