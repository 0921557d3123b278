"""Reading typed fields out of a header. Each raises `BadRequest` naming the field and what fits."""

import math
from collections.abc import Sequence

from sidecar.protocol.errors import BadRequest, did_you_mean
from sidecar.protocol.wire import Header


def text(header: Header, name: str) -> str:
    value = header.get(name)
    if not isinstance(value, str):
        raise wrong(name, value, "text")
    return value


def optional_text(header: Header, name: str) -> str | None:
    return None if header.get(name) is None else text(header, name)


def flag(header: Header, name: str, default: bool = False) -> bool:
    value = header.get(name, default)
    if not isinstance(value, bool):
        raise wrong(name, value, "true or false")
    return value


def one_of(header: Header, name: str, choices: Sequence[str], default: str) -> str:
    value = header.get(name, default)
    if not isinstance(value, str):
        raise wrong(name, value, "text")
    if value not in choices:
        raise BadRequest(f"unknown {name} {value[:40]!r}{did_you_mean(value, choices)}", field=name)
    return value


def number(header: Header, name: str, lowest: float, highest: float, default: float) -> float:
    value = header.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise wrong(name, value, f"a number from {lowest:g} to {highest:g}")
    if not lowest <= value <= highest:
        nearest = min(max(value, lowest), highest)
        raise BadRequest(
            f"{name} is {value:g}, expected {lowest:g} to {highest:g}, the nearest is {nearest:g}", field=name
        )
    return float(value)


def optional_number(header: Header, name: str, lowest: float, highest: float) -> float | None:
    return None if header.get(name) is None else number(header, name, lowest, highest, lowest)


def optional_integer(header: Header, name: str, lowest: int, highest: int) -> int | None:
    value = header.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(name, value, "a whole number")
    if not lowest <= value <= highest:
        nearest = min(max(value, lowest), highest)
        raise BadRequest(
            f"{name} is {value}, expected {lowest} to {highest}, the nearest is {nearest}", field=name
        )
    return value


def names(header: Header, name: str, choices: Sequence[str]) -> tuple[str, ...]:
    """A list of names out of `choices`, without repetition."""
    value = header.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong(name, value, f"a list of {', '.join(choices)}")
    return tuple(dict.fromkeys(one_of({name: item}, name, choices, "") for item in value))


def weights(header: Header, name: str) -> str | dict[str, float] | None:
    """A name, or a map name -> weight."""
    value = header.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and 0 < len(value) <= 64:
        return {key: number({key: weight}, key, 0, 1e6, 0) for key, weight in value.items()}
    raise wrong(name, value, "text, or a map of up to 64 names to weights")


def wrong(name: str, value: object, expected: str) -> BadRequest:
    got = "nothing" if value is None else type(value).__name__
    return BadRequest(f"{name} must be {expected}, got {got}", field=name)
