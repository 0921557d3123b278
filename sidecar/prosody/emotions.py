"""Emotions as data: what each label changes, for women's and men's registers, and what a pack or a user
changes of that; and the level at which a speaker starts from, so that a whisper of one is not as loud as
another's shout. The shipped figures start from Murray & Arnott (1993), Mozziconacci (1998), Schröder (2001)
and Emofilt (Burkhardt 2005)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache, cached_property
from importlib.resources import files
from math import isfinite, log2
from pathlib import Path
from typing import Any

from sidecar.files import read
from sidecar.prosody.change import LIMITS, NONE, Change
from sidecar.prosody.plan import Style
from sidecar.protocol.errors import BadRequest, StorageError, UnknownEmotion, did_you_mean
from sidecar.protocol.fields import check_range, wrong
from sidecar.protocol.limits import PROMPT_CHARACTERS, WEIGHT

NEUTRAL = "neutral"
#: How loud every shipped speaker is neutrally, EBU R128.
SPEAKERS_LUFS = -23.0
LEVELS_DB = (-12.0, 12.0)
NEUTRAL_IS_NONE = "neutral changes nothing: give the voice another manner, or a level in levels_db"
FORMAT, MAX_BYTES, MAX_EMOTIONS = 1, 1 << 20, 200
MAX_PROMPTS = 8
MAX_ALIASES, NAME_CHARACTERS = 16, 40  #: of a label, and as many names to show
#: At full intensity a prompt is followed further than where it leads by itself: users find that too weak.
FULL_LEAN = 1.5
MEN_HZ, WOMEN_HZ = (
    130.0,
    185.0,
)  #: medians of F0 up to which, and from which on, a register is one sex's alone
MEASURES = tuple(field.name for field in fields(Change))


@dataclass(frozen=True)
class Mood:
    """A change, for a man's and for a woman's register."""

    men: Change = NONE
    women: Change = NONE

    def at(self, median_hz: float) -> Change:
        """For a voice that is neutrally at `median_hz`: between the registers a mixture, without a step."""
        if self.men == self.women or median_hz <= 0:
            return self.women
        share = min(max(log2(median_hz / MEN_HZ) / log2(WOMEN_HZ / MEN_HZ), 0), 1)
        return self.men * (1 - share) + self.women * share

    def __add__(self, other: "Mood") -> "Mood":
        return Mood(self.men + other.men, self.women + other.women)

    def __mul__(self, share: float) -> "Mood":
        return Mood(self.men * share, self.women * share)

    @property
    def is_none(self) -> bool:
        return self.men.is_none and self.women.is_none

    def limited(self) -> "Mood":
        return Mood(self.men.limited(), self.women.limited())


@dataclass(frozen=True)
class Temper:
    """The measures that something has instead of a mood's, by name."""

    men: Mapping[str, float]
    women: Mapping[str, float]

    def over(self, mood: Mood) -> Mood:
        return Mood(replace(mood.men, **self.men), replace(mood.women, **self.women))

    def then(self, later: "Temper") -> "Temper":
        return Temper({**self.men, **later.men}, {**self.women, **later.women})


@dataclass(frozen=True)
class Emotion:
    """A label. `display` maps a language to a name to show; `mood` is its change at full intensity, `prompts`
    are what models that read prompts are told."""

    name: str
    display: Mapping[str, str]
    aliases: tuple[str, ...]
    mood: Mood
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repertoire:
    """The emotions that can be asked for. `own` holds what (speaker, label) has for itself, `levels_db`
    what is always added to a speaker's level, by name, so that all are equally loud."""

    emotions: Mapping[str, Emotion]
    own: Mapping[tuple[str, str], Temper]
    levels_db: Mapping[str, float] = field(default_factory=dict)

    def find(self, asked: str) -> Emotion:
        """By label or alias, in any case. Raises `UnknownEmotion` with the nearest there is."""
        name = asked.strip().casefold()
        if (exact := self.emotions.get(name)) is not None:
            return exact
        if (found := self._by_alias.get(name)) is not None:
            return found
        raise UnknownEmotion(
            f"unknown emotion {asked[:40]!r}{did_you_mean(asked, [*self.emotions, *self._by_alias])}",
            field="emotion",
        )

    @cached_property
    def _by_alias(self) -> Mapping[str, Emotion]:
        """Put together once: a request may ask for dozens of labels."""
        return {alias.casefold(): e for e in self.emotions.values() for alias in spoken_names(e)}

    def mood(self, emotion: str | Mapping[str, float], speaker: str) -> Mood:
        """What a label, or a mixture label -> weight, changes at full intensity.

        Weights over 1 in sum are scaled to 1, so that no mixture goes further than its parts.
        Raises `UnknownEmotion` or `BadRequest`.
        """
        total = Mood()
        for label, share in self._shares(emotion):
            own = self.own.get((speaker, label.name))
            total += (own.over(label.mood) if own else label.mood) * share
        return total

    def level_db(self, shares: Mapping[str, float]) -> float:
        """What is added to the level of a blend of speakers; `shares` need not sum to 1."""
        whole = sum(shares.values())
        return sum(self.levels_db.get(name, 0.0) * share for name, share in shares.items()) / whole

    def style(self, emotion: str | Mapping[str, float], intensity: float) -> Style:
        """The prompts of a label or mixture, and how far to lean towards each. Raises as `mood`."""
        return tuple(
            (prompt, FULL_LEAN * intensity * share / len(label.prompts))
            for label, share in self._shares(emotion)
            for prompt in label.prompts
            if intensity * share
        )

    def _shares(self, emotion: str | Mapping[str, float]) -> list[tuple[Emotion, float]]:
        weights = {emotion: 1.0} if isinstance(emotion, str) else emotion
        whole = max(1.0, sum(weights.values()))
        return [(self.find(asked), weight / whole) for asked, weight in weights.items()]

    def with_own_of(self, other: "Repertoire") -> "Repertoire":
        """With what single speakers have in `other`."""
        levels = {**self.levels_db, **other.levels_db}
        return Repertoire(self.emotions, {**self.own, **other.own}, levels)

    def over(self, text: str | bytes, where: str) -> "Repertoire":
        """With what a file says besides or instead. Raises `BadRequest` naming the place in `where`."""
        content = parsed(text, where)
        emotions = dict(self.emotions)
        for name, entry in content.get("emotions", {}).items():
            place = f"{where}: {name[:NAME_CHARACTERS]}"
            emotions[name] = read_emotion(name, entry, emotions.get(name), place)
        if len(emotions) > MAX_EMOTIONS:
            raise _wrong(where, f"{len(emotions)} emotions, at most {MAX_EMOTIONS} fit")
        _check_names(emotions.values(), where)
        own = dict(self.own)
        for speaker, entries in content.get("speakers", {}).items():
            for name, entry in _map(entries, f"{where}: {speaker[:64]}").items():
                place = f"{where}: {speaker[:64]}: {name[:NAME_CHARACTERS]}"
                if name not in emotions:
                    raise _wrong(place, f"no such emotion{did_you_mean(name, emotions)}")
                temper = read_temper(_map(entry, place), place)
                check_neutral(name, temper, place)
                own[speaker, name] = own.get((speaker, name), Temper({}, {})).then(temper)
        return Repertoire(emotions, own, {**self.levels_db, **read_levels(content, where)})


def with_users(emotions: Repertoire, file: Path) -> Repertoire:
    """With what the user's own file changes, if it is there. Raises `BadRequest` or `StorageError`."""
    if not file.exists():
        return emotions
    try:
        return emotions.over(read(file), str(file))
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error}") from error


@cache
def shipped() -> Repertoire:
    """The emotions that come with the product."""
    text = files("sidecar.prosody").joinpath("data/emotions.json").read_text("utf-8")
    return Repertoire({}, {}).over(text, "emotions.json")


def check_weights(emotion: object) -> None:
    """Raise `BadRequest` for what is neither a name nor names with weights from 0 on."""
    if isinstance(emotion, str) and emotion:
        return
    if not isinstance(emotion, Mapping) or not emotion:
        raise BadRequest("emotion must be a name, or names with weights", field="emotion")
    for name, weight in emotion.items():
        if not isinstance(name, str):
            raise wrong("emotion", name, "names with weights")
        check_range(f"emotion.{name:.50}", weight, WEIGHT, field="emotion")


def spoken_names(emotion: Emotion) -> Iterable[str]:
    return (*emotion.aliases, *emotion.display.values())


def read_emotion(name: str, entry: Any, before: Emotion | None, where: str) -> Emotion:
    """An entry of the file, over the emotion of that name that there is already."""
    entry = _map(entry, where)
    if odd := entry.keys() - {"display", "aliases", "prompts", "change", "men", "women"}:
        raise _wrong(
            where, f"unknown key {min(odd)!r}: expected display, aliases, prompts, change, men or women"
        )
    display = entry.get("display", before.display if before else {"en": name.capitalize()})
    aliases = entry.get("aliases", list(before.aliases) if before else [])
    if not name or name != name.strip().casefold() or len(name) > NAME_CHARACTERS:
        raise _wrong(where, f"a label is 1 to {NAME_CHARACTERS} characters, in lower case")
    check_texts("display", list(_map(display, where)), where)
    check_texts("display", list(display.values()), where)
    check_texts("aliases", _list(aliases, where), where)
    prompts = _list(entry.get("prompts", list(before.prompts) if before else []), where)
    if len(prompts) > MAX_PROMPTS or not all(
        isinstance(item, str) and 0 < len(item) <= PROMPT_CHARACTERS for item in prompts
    ):
        raise _wrong(where, f"prompts holds up to {MAX_PROMPTS} texts of 1 to {PROMPT_CHARACTERS} characters")
    temper = read_temper({key: entry[key] for key in ("change", "men", "women") if key in entry}, where)
    if name == NEUTRAL and prompts:
        raise _wrong(where, NEUTRAL_IS_NONE)
    check_neutral(name, temper, where)
    mood = temper.over(before.mood if before else Mood())
    return Emotion(name, display, tuple(aliases), mood, tuple(prompts))


def check_texts(key: str, names: list[Any], where: str) -> None:
    """Raise `BadRequest` for names that are too many, too long or no text."""
    if len(names) > MAX_ALIASES:
        raise _wrong(where, f"{key} holds {len(names):,} names, the most is {MAX_ALIASES}")
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARACTERS:
            raise _wrong(
                where, f"{key}: {str(name)[:40]!r} must be text of 1 to {NAME_CHARACTERS} characters"
            )


def read_temper(entry: Mapping[str, Any], where: str) -> Temper:
    """`change` for everybody, and over it `men` and `women`."""
    if odd := entry.keys() - {"change", "men", "women"}:
        raise _wrong(where, f"unknown key {min(odd)!r}: expected change, men or women")
    both = read_changes(entry.get("change", {}), where)
    return Temper(*(both | read_changes(entry.get(sex, {}), where) for sex in ("men", "women")))


def check_neutral(name: str, temper: Temper, where: str) -> None:
    """Raise `BadRequest` where neutral would change anything, in anybody."""
    if name == NEUTRAL and any((*temper.men.values(), *temper.women.values())):
        raise _wrong(where, NEUTRAL_IS_NONE)


def read_changes(values: Any, where: str) -> dict[str, float]:
    for name in _map(values, where):
        if name not in MEASURES:
            raise _wrong(where, f"unknown measure {name!r}{did_you_mean(name, MEASURES)}")
    return {name: _number(value, *LIMITS[name], where, name) for name, value in values.items()}


def read_levels(content: Mapping[str, Any], where: str) -> dict[str, float]:
    place = f"{where}: levels_db"
    levels = _map(content.get("levels_db", {}), place)
    return {name: _number(value, *LEVELS_DB, place, name) for name, value in levels.items()}


def _number(value: Any, lowest: float, highest: float, where: str, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise _wrong(where, f"{name} must be a number, got {value!r}")
    if not lowest <= value <= highest:
        raise _wrong(where, f"{name} is {value:g}, expected {lowest:g} to {highest:g}")
    return float(value)


def parsed(text: str | bytes, where: str) -> dict[str, Any]:
    """The file's content, its outer form checked."""
    if len(text) > MAX_BYTES:
        raise _wrong(where, f"over {MAX_BYTES:,} bytes")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(where, f"not JSON: {error}") from error
    content = _map(content, where)
    if content.get("format") != FORMAT:
        raise _wrong(where, f"format is {content.get('format')!r}, expected {FORMAT}")
    if odd := content.keys() - {"format", "emotions", "speakers", "levels_db"}:
        raise _wrong(where, f"unknown key {min(odd)!r}: expected emotions, speakers or levels_db")
    for key in ("emotions", "speakers"):
        _map(content.get(key, {}), f"{where}: {key}")
    return content


def as_file(repertoire: Repertoire) -> dict[str, Any]:
    """All of it in the form of the file."""
    emotions = {
        name: {
            "display": dict(emotion.display),
            "aliases": list(emotion.aliases),
            **({"prompts": list(emotion.prompts)} if emotion.prompts else {}),
            "men": _said(emotion.mood.men),
            "women": _said(emotion.mood.women),
        }
        for name, emotion in repertoire.emotions.items()
    }
    speakers: dict[str, dict[str, Any]] = {}
    for (speaker, name), temper in repertoire.own.items():
        speakers.setdefault(speaker, {})[name] = {"men": dict(temper.men), "women": dict(temper.women)}
    levels = dict(repertoire.levels_db)
    return {"format": FORMAT, "levels_db": levels, "emotions": emotions, "speakers": speakers}


def _said(change: Change) -> dict[str, float]:
    return {name: value for name, value in asdict(change).items() if value}


def _check_names(emotions: Iterable[Emotion], where: str) -> None:
    """Each name means one emotion."""
    owners: dict[str, str] = {}
    for emotion in emotions:
        for name in {emotion.name, *(n.casefold() for n in spoken_names(emotion))}:
            if owners.setdefault(name, emotion.name) != emotion.name:
                raise _wrong(where, f"{name!r} names both {owners[name]!r} and {emotion.name!r}")


def _map(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, f"expected a map, got {value!r}"[:200])
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(where, f"expected a list, got {value!r}"[:200])
    return value


def _wrong(where: str, what: str) -> BadRequest:
    return BadRequest(f"{where}: {what[:300]}", field="emotions")
