"""JSON from a store that anybody may have written to: bounded, strict, and refused by field."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from sidecar.protocol.errors import BadRequest, did_you_mean
from sidecar.protocol.fields import check_range, wrong
from sidecar.protocol.limits import Range

MOST_BYTES = 64 << 10  #: of one value
MOST_S = 30 * 24 * 3600.0
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)", re.ASCII)
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_object(text: str) -> dict[str, Any]:
    """Raises `BadRequest` for what is no JSON map, has a key twice, nests too deep or holds no numbers."""
    try:
        data = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the value is no JSON: {str(error)[:120]}", field="value") from error
    if not isinstance(data, dict):
        raise wrong("value", data, "a map")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a key is there twice")
    return data


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def known_keys(data: Mapping[str, Any], known: Sequence[str], within: str) -> None:
    """Raises `BadRequest` for the first key that is not among them."""
    for key in data:
        if key not in known:
            raise BadRequest(
                f"unknown field {within + str(key)[:40]!r}{did_you_mean(str(key), known)}",
                field=str(key)[:40],
            )


def checked_text(data: Mapping[str, Any], key: str, form: "re.Pattern[str]", expected: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise BadRequest(f"{key} must be {expected}, got {str(value)[:40]!r}", field=key)
    return value


def number(data: Mapping[str, Any], key: str, limits: Range, default: float, within: str = "") -> float:
    value = data.get(key, default)
    check_range(within + key, value, limits, field=key)
    return float(value)


def whole(data: Mapping[str, Any], key: str, limits: Range, default: int | None, within: str = "") -> int:
    value = data.get(key, default)
    check_range(within + key, value, limits, field=key)
    return int(value)


def duration_s(
    data: Mapping[str, Any], key: str, default_s: float, within: str = "", least_s: float = 0.0
) -> float:
    """Seconds as a number, or text like `500ms`, `30s`, `5m`, `1h`."""
    value = data.get(key, default_s)
    if isinstance(value, str):
        value = parsed_duration_s(value, within + key)
    check_range(within + key, value, Range(least_s, MOST_S), field=key)
    return float(value)


def parsed_duration_s(text: str, name: str) -> float:
    """Raises `BadRequest`."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise BadRequest(f"{name} is {text[:40]!r}, expected a duration such as 30s, 5m or 1h", field=name)
    return float(found[1]) * _UNITS_S[found[2]]
