"""Reading a configuration of whole numbers strictly, from what a manifest says. Works without PyTorch."""

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol, TypeVar

#: Lowest and highest value of each dimension; a tuple's entries each keep to it.
Bounds = Mapping[str, tuple[int, int]]


class Configuration(Protocol):
    """A dataclass of whole numbers and tuples of them."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


C = TypeVar("C", bound=Configuration)


def checked_fields(kind: type[C], data: Mapping[str, Any], bounds: Bounds, lengths: Bounds) -> C:
    """The configuration named by every field and no other; fields with `lengths` are tuples.

    Raises `ValueError` naming the one at fault.
    """
    known = {field.name for field in fields(kind)}
    if odd := sorted(known ^ data.keys()):
        raise ValueError(f"config {'lacks' if odd[0] in known else 'does not know'} {odd[0][:64]!r}")
    return kind(**{name: _checked(name, data[name], bounds[name], lengths.get(name)) for name in known})


def _checked(
    name: str, value: Any, bounds: tuple[int, int], length: tuple[int, int] | None
) -> int | tuple[int, ...]:
    if length is None:
        return _whole(name, value, bounds)
    shortest, longest = length
    if not isinstance(value, list | tuple) or not shortest <= len(value) <= longest:
        raise ValueError(f"config: {name} must be a list of {shortest} to {longest} numbers")
    return tuple(_whole(name, item, bounds) for item in value)


def _whole(name: str, value: Any, bounds: tuple[int, int]) -> int:
    lowest, highest = bounds
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(f"config: {name} is {value!r:.40}, expected {lowest} to {highest}")
    return value
