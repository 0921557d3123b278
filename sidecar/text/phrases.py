"""Spoken words and marks -> phrases that the model speaks in one breath.

Sentences are kept whole where they fit, cut at clause marks where they are long, and short ones
join their neighbours: the model needs some company for a natural tune. The first phrase is kept
short where the line allows it, so that its sound is there early; a phrase is also what a more
urgent line has to wait for, which keeps the others short too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sidecar.text.tokens import Break, Mark, Spoken, Word

SENTENCE_MARKS = frozenset(".!?…")
CLAUSE_MARKS = frozenset(",;:—")
OPENING_MARKS = frozenset("“(")
CLOSING_MARKS = frozenset('”)"')

#: Words before which a speaker may breathe where no mark says so.
LINKS = frozenset(
    (
        "and", "because", "but", "if", "or", "so", "that", "though", "unless", "until", "when", "where",
        "which", "while", "who",
    )
)  # fmt: skip

LONGEST = 120  #: phonemes in a phrase: longer sentences are cut, at a clause if there is one
OPENING = (18, 60)  #: a first sentence over `OPENING_CUT` is cut at a clause within this range, if it has one
OPENING_CUT = 80
SHORT = 40  #: a sentence under this joins a neighbour while both together stay under `JOINED`
JOINED = 120


@dataclass(frozen=True, slots=True)
class Phoneme:
    """One symbol of a phrase; `item` is the index of the word or mark it belongs to, None for a space."""

    symbol: str
    item: int | None


@dataclass(frozen=True, slots=True)
class SpokenPhrase:
    """Words and marks that are spoken together.

    `resumes` and `pauses` tell that the silence before it, or after it, is not a sentence's: it begins or
    ends in the middle of one, or at a pause of a given length. `before_s` and `after_s` are such pauses.
    """

    items: tuple[Spoken, ...]
    resumes: bool = False
    pauses: bool = False
    before_s: float = 0.0
    after_s: float = 0.0

    def phonemes(self) -> tuple[Phoneme, ...]:
        """Symbols in order: words apart by a space, marks close to the word they follow (or open)."""
        result: list[Phoneme] = []
        for index, item in enumerate(self.items):
            if result and _needs_space(self.items[index - 1], item):
                result.append(Phoneme(" ", None))
            symbols = item.phonemes if isinstance(item, Word) else item.symbol
            result.extend(Phoneme(symbol, index) for symbol in symbols)
        return tuple(result)


def phrases(items: Sequence[Spoken | Break]) -> list[SpokenPhrase]:
    """Cut a line of any length. Phrases without a word are dropped; their pauses add up."""
    result: list[SpokenPhrase] = []
    pause_s = 0.0
    for section, after_s in _sections(items):
        spoken = _between_breaks(section, not result)
        if spoken and pause_s and result:
            result[-1] = _followed(result[-1], pause_s)
            spoken[0] = replace(spoken[0], resumes=True)
        elif spoken and pause_s:
            spoken[0] = replace(spoken[0], resumes=True, before_s=pause_s)
        result += spoken
        pause_s = after_s + (0.0 if spoken else pause_s)
    if result and pause_s:
        result[-1] = _followed(result[-1], pause_s)
    return result


def _followed(phrase: SpokenPhrase, pause_s: float) -> SpokenPhrase:
    return replace(phrase, pauses=True, after_s=pause_s)


def _sections(items: Sequence[Spoken | Break]) -> Iterator[tuple[list[Spoken], float]]:
    """What is said between breaks, and the pause after each."""
    section: list[Spoken] = []
    for item in items:
        if isinstance(item, Break):
            yield section, item.pause_s
            section = []
        else:
            section.append(item)
    yield section, 0.0


def _between_breaks(items: Sequence[Spoken], is_first: bool) -> list[SpokenPhrase]:
    pieces: list[list[Spoken]] = []
    for sentence in _sentences(items):
        opening = _opening(sentence) if is_first and not pieces else 0
        for part in (sentence[:opening], sentence[opening:]):
            pieces += _fitting(part) if part else []
    joined = [tuple(phrase) for phrase in _joined(pieces)]
    inside = [False, *(not _ends_sentence(phrase) for phrase in joined[:-1]), False]
    return [SpokenPhrase(phrase, *inside[at : at + 2]) for at, phrase in enumerate(joined)]


def _ends_sentence(phrase: Sequence[Spoken]) -> bool:
    """Whether its last mark, closing ones apart, is a final one."""
    last = next((i for i in reversed(phrase) if isinstance(i, Word) or i.symbol not in CLOSING_MARKS), None)
    return isinstance(last, Mark) and last.symbol in SENTENCE_MARKS


def _opening(sentence: Sequence[Spoken]) -> int:
    """How many items of a long first sentence are said first: to its clause mark nearest to the middle of
    `OPENING`, else to a linking word; 0 where it has neither there."""
    shortest, longest = OPENING
    if _size(sentence) <= OPENING_CUT:
        return 0
    best, reached = (float("inf"), 0), 0
    for index, item in enumerate(sentence[:-1], start=1):
        reached += _size([item])
        after = sentence[index]
        marked = isinstance(item, Mark) and item.symbol in CLAUSE_MARKS and isinstance(after, Word)
        linked = isinstance(item, Word) and isinstance(after, Word) and after.text.lower() in LINKS
        if (marked or linked) and shortest <= reached <= longest:
            best = min(best, (abs(reached - sum(OPENING) / 2) + (0 if marked else longest), index))
    return best[1]


def _needs_space(before: Spoken, after: Spoken) -> bool:
    if isinstance(before, Mark) and before.symbol in OPENING_MARKS:
        return False
    return isinstance(after, Word) or after.symbol in OPENING_MARKS


def _size(items: Iterable[Spoken]) -> int:
    return sum(len(item.phonemes) + 1 if isinstance(item, Word) else 1 for item in items)


def _sentences(items: Sequence[Spoken]) -> Iterator[list[Spoken]]:
    """Split after final marks and the quotes or brackets that close behind them."""
    sentence: list[Spoken] = []
    ended = False
    for item in items:
        symbol = item.symbol if isinstance(item, Mark) else ""
        if ended and symbol not in SENTENCE_MARKS | CLOSING_MARKS:
            yield sentence
            sentence, ended = [], False
        sentence.append(item)
        ended = ended or symbol in SENTENCE_MARKS
    yield sentence


def _fitting(sentence: list[Spoken]) -> Iterator[list[Spoken]]:
    """Cut a sentence over `LONGEST` at the clause mark, or failing that the word, nearest to its middle."""
    if _size(sentence) <= LONGEST:
        yield sentence
    elif len(sentence) == 1:
        yield from _broken(sentence[0])
    else:
        cut = _best_cut(sentence)
        yield from _fitting(sentence[:cut])
        yield from _fitting(sentence[cut:])


def _best_cut(sentence: list[Spoken]) -> int:
    middle, reached = _size(sentence) / 2, 0
    best: tuple[float, int] = (float("inf"), 1)
    for index, item in enumerate(sentence[:-1], start=1):
        reached += _size([item])
        clause = isinstance(item, Mark) and item.symbol in CLAUSE_MARKS
        closes = isinstance(sentence[index], Mark)
        cost = abs(reached - middle) + (0 if clause else middle * 0.7) + (middle if closes else 0)
        best = min(best, (cost, index))
    return best[1]


def _broken(item: Spoken) -> Iterator[list[Spoken]]:
    """A word longer than a phrase, in pieces that share its span."""
    assert isinstance(item, Word)
    for at in range(0, len(item.phonemes), LONGEST - 1):
        yield [Word(item.text, item.phonemes[at : at + LONGEST - 1], item.start, item.end)]


def _joined(pieces: Sequence[list[Spoken]]) -> Iterator[list[Spoken]]:
    """Join short neighbours, in a long line none to a first that can stand alone; drop what has no word."""
    enough = OPENING[0] if sum(map(_size, pieces)) > OPENING_CUT else SHORT
    waiting: list[Spoken] = []
    for piece in pieces:
        if not any(isinstance(item, Word) for item in piece):
            continue
        together = _size(waiting) + _size(piece)
        if waiting and (together > JOINED or _size(waiting) >= enough <= _size(piece)):
            yield waiting
            waiting, enough = [], SHORT
        waiting = waiting + piece
    if waiting:
        yield waiting
