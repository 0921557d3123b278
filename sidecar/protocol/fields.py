"""Reading and judging typed fields. Each raises `BadRequest` naming the field and what fits."""

from collections.abc import Sequence
from typing import Any

from sidecar.protocol.errors import BadRequest, did_you_mean
from sidecar.protocol.limits import WEIGHT, Range, shown
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


def one_of(header: Header, name: str, choices: Sequence[str]) -> str:
    value = header.get(name)
    if not isinstance(value, str):
        raise wrong(name, value, "text")
    if value not in choices:
        raise BadRequest(f"unknown {name} {value[:40]!r}{did_you_mean(value, choices)}", field=name)
    return value


def number(header: Header, name: str, limits: Range) -> float:
    value: Any = header.get(name)
    check_range(name, value, limits)
    return float(value)


def optional_number(header: Header, name: str, limits: Range) -> float | None:
    return None if header.get(name) is None else number(header, name, limits)


def optional_integer(header: Header, name: str, limits: Range) -> int | None:
    value: int | None = header.get(name)
    if value is not None:
        check_range(name, value, limits)
    return value


def names(header: Header, name: str, choices: Sequence[str]) -> tuple[str, ...]:
    """A list of names out of `choices`, without repetition."""
    value = header.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong(name, value, f"a list of {', '.join(choices)}")
    return tuple(dict.fromkeys(one_of({name: item}, name, choices) for item in value))


def weights(header: Header, name: str) -> str | dict[str, float] | None:
    """A name, or a map name -> weight."""
    value = header.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and 0 < len(value) <= 64:
        for key, weight in value.items():
            check_range(f"{name}.{key}", weight, WEIGHT, field=name)
        return {key: float(weight) for key, weight in value.items()}
    raise wrong(name, value, "text, or a map of up to 64 names to weights")


def blend(choice: str | None, name: str) -> str | dict[str, float] | None:
    """ "af_heart:0.7,am_adam:0.3", as people write a map of weights; a plain name stays itself."""
    if choice is None or ":" not in choice:
        return choice
    try:
        pairs = [part.split(":") for part in choice.split(",")]
        return {key.strip(): float(weight) for key, weight in pairs}
    except ValueError as error:
        raise BadRequest(f"{choice!r} is not a blend: write name:weight,name:weight", field=name) from error


def check_range(name: str, value: object, limits: Range, field: str | None = None) -> None:
    """Raise `BadRequest` for what is not a number within `limits`, to `field` where that is not the name."""
    kinds, article = ((int,), "a whole") if limits.is_whole else ((int, float), "a")
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise wrong(name, value, f"{article} number from {limits}", field)
    if not limits.lowest <= value <= limits.highest:  # nor is nan
        end = limits.lowest if value < limits.lowest else limits.highest
        nearest = f", the nearest is {shown(end)}" if value == value else ""
        raise BadRequest(f"{name} is {shown(value)}, expected {limits}{nearest}", field=field or name)


def wrong(name: str, value: object, expected: str, field: str | None = None) -> BadRequest:
    got = "nothing" if value is None else type(value).__name__
    return BadRequest(f"{name} must be {expected}, got {got}", field=field or name)
