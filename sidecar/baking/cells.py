"""What a script and a cast say of a line, as the fields of a request."""

from collections.abc import Mapping
from typing import Any

from sidecar.baking.script import HEARD
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.fields import blend, one_of
from sidecar.protocol.formats import FILES
from sidecar.protocol.limits import LINE_CHARACTERS, Limits
from sidecar.protocol.requests import Synthesize

LIMITS = Limits(text_characters=LINE_CHARACTERS)
#: Fields that mean something else in a script than on the wire.
_OTHERWISE = ("format", "reference", "baseline")
_WHOLE, _NUMBERS = ("sample_rate", "seed"), ("intensity", "speed", "pitch", "loudness")
_BLENDS = ("speaker", "manner", "emotion")


def request_of(cells: Mapping[str, Any], text: Any) -> Synthesize:
    """What is asked for, in the wire's own terms. Raises the `RequestError` that names the field."""
    given = {name: typed(name, cells[name]) for name in HEARD if name in cells and name not in _OTHERWISE}
    return Synthesize.from_header({**given, "text": text}, LIMITS)


def file_format(value: object) -> str:
    """Raises `BadRequest`."""
    return one_of({"format": str(value)}, "format", FILES)


def typed(name: str, value: Any) -> Any:
    """A cell as the field it stands for: text of a spreadsheet may be a number, or a map of weights.
    Raises `BadRequest`."""
    if not isinstance(value, str):
        return value
    value = value.strip() if name != "text" else value
    if name in _NUMBERS or name in _WHOLE:
        return _number(name, value)
    if name in _BLENDS:
        return int(value) if name != "emotion" and value.isdecimal() else blend(value, name)
    return value


def _number(name: str, value: str) -> float | int:
    try:
        return int(value) if name in _WHOLE else float(value)
    except ValueError:
        kind = "a whole number" if name in _WHOLE else "a number"
        raise BadRequest(f"{name} is {value[:40]!r}, expected {kind}", field=name) from None
