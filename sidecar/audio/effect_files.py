"""Effects as data: the presets that come with us, and what a user's or a game's `effects.json` says besides.

    {"format": 1, "effects": {"wraith": {"pitch_st": -3, "room_s": 2.5, "room_share": 0.4}}}

An entry has the measures of `Effect`; one of a name that there is already changes what it names.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

from sidecar.audio.effects import LIMITS, Effect
from sidecar.protocol.errors import BadRequest, StorageError, did_you_mean
from sidecar.protocol.limits import EFFECT_CHARACTERS

FORMAT, MAX_BYTES, MAX_EFFECTS = 1, 1 << 20, 200
#: Measures that do nothing without another.
NEEDS = {
    "ring_share": "ring_hz", "ring_hz": "ring_share", "room_share": "room_s", "room_s": "room_share",
    "chorus_share": "chorus_hz", "chorus_ms": "chorus_share", "chorus_hz": "chorus_share",
}  # fmt: skip


@dataclass(frozen=True)
class Effects:
    """Effects by name."""

    known: Mapping[str, Effect]

    def find(self, name: str) -> Effect:
        """In any case. Raises `BadRequest` with the nearest there is."""
        found = self.known.get(name.strip().casefold())
        if found is None:
            raise BadRequest(f"unknown effect {name[:40]!r}{did_you_mean(name, self.known)}", field="effect")
        return found

    def over(self, text: str | bytes, where: str) -> "Effects":
        """With what a file says besides or instead. Raises `BadRequest` naming the field."""
        return self.with_entries(_parsed(text, where), where, "effects")

    def with_entries(self, entries: object, where: str, place: str) -> "Effects":
        """With entries that are at `place` in a file. Raises `BadRequest` naming the field."""
        known = dict(self.known)
        for name, entry in _map(entries, where, place).items():
            known[name] = _read(name, entry, known.get(name, Effect()), where, f"{place}.{name}")
        if len(known) > MAX_EFFECTS:
            raise _wrong(where, place, f"{len(known)} effects, at most {MAX_EFFECTS} fit")
        return Effects(known)


@cache
def shipped() -> Effects:
    """The presets that come with the product."""
    text = files("sidecar.audio").joinpath("data/effects.json").read_text("utf-8")
    return Effects({}).over(text, "effects.json")


def with_users(effects: Effects, file: Path) -> Effects:
    """With what the user's own file says, if it is there. Raises `BadRequest` or `StorageError`."""
    if not file.exists():
        return effects
    try:
        return effects.over(file.read_bytes(), str(file))
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error}") from error


def as_file(effects: Effects) -> dict[str, Any]:
    """All of them in the form of the file."""
    entries = {name: {k: v for k, v in vars(e).items() if v} for name, e in effects.known.items()}
    return {"format": FORMAT, "effects": entries}


def _read(name: str, entry: object, before: Effect, where: str, place: str) -> Effect:
    if not 0 < len(name) <= EFFECT_CHARACTERS or name != name.strip().casefold():
        raise _wrong(where, place, f"a name is 1 to {EFFECT_CHARACTERS} characters, in lower case")
    said = {key: _number(key, value, where, place) for key, value in _map(entry, where, place).items()}
    effect = replace(before, **said)
    for key, needed in NEEDS.items():
        if getattr(effect, key) and not getattr(effect, needed):
            raise _wrong(where, f"{place}.{needed}", f"{key} is heard only with {needed} over 0")
    return effect


def _number(key: str, value: Any, where: str, place: str) -> float:
    if key not in LIMITS:
        raise _wrong(where, f"{place}.{key}", f"unknown measure {key[:40]!r}{did_you_mean(key, LIMITS)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise _wrong(where, f"{place}.{key}", f"{key} must be a number, got {value!r:.40}")
    lowest, highest = LIMITS[key]
    if not lowest <= value <= highest:
        nearest = lowest if value < lowest else highest
        said = f"{key} is {value:g}, expected {lowest:g} to {highest:g}, the nearest is {nearest:g}"
        raise _wrong(where, f"{place}.{key}", said)
    return float(value)


def _parsed(text: str | bytes, where: str) -> Any:
    """The entries of a file, its outer form checked."""
    if len(text) > MAX_BYTES:
        raise _wrong(where, "effects", f"over {MAX_BYTES:,} bytes")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(where, "effects", f"not JSON: {error}") from error
    content = _map(content, where, "effects")
    if content.get("format") != FORMAT:
        raise _wrong(where, "format", f"format is {content.get('format')!r:.40}, expected {FORMAT}")
    if odd := content.keys() - {"format", "effects"}:
        raise _wrong(where, min(odd), f"unknown key {min(odd)!r:.40}: expected format or effects")
    return content.get("effects", {})


def _map(value: object, where: str, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, place, f"{place} must be a map, got {type(value).__name__}")
    return value


def _wrong(where: str, place: str, what: str) -> BadRequest:
    return BadRequest(f"{where}: {place}: {what}"[:400], field=place)
