"""Records: frozen dataclasses that turn into msgpack maps and back, by their annotations.

A field holds text, a number, a truth value, another record, a tuple (of one kind of item, or of fixed
kinds: a row), a map from text, or None. None is left out of the map; a key that no field has is ignored;
a key that is missing takes the field's default or is refused by name. A field whose name is a word of
Python's ends in an underscore, its key does not.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from sidecar.protocol.errors import BadRequest
from sidecar.protocol.fields import wrong
from sidecar.protocol.wire import Header

R = TypeVar("R")
Reader = Callable[[str, Any], Any]
_PLAIN = (str, int, float, bool, bytes)


def to_map(record: Any) -> Header:
    """The record's fields that are not None, those of records inside it too."""
    keys, values, flat = _shape(cast(Any, type(record)))
    pairs = zip(keys, values(record), strict=True)
    if flat:
        return dict(pairs)
    return {
        key: value if type(value) in _PLAIN else _plain(value) for key, value in pairs if value is not None
    }


def from_map(kind: type[R], data: object, within: str = "") -> R:
    """The record of that kind. Raises `BadRequest` naming the field that is missing or of another type."""
    if not isinstance(data, Mapping):
        raise wrong(within or kind.__name__, data, "a map")
    return kind(
        **{
            field.name: read(within + key, data[key]) if data.get(key) is not None else _absent(field, within)
            for field, key, read in _readers(cast(Any, kind))
        }
    )


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_map(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _absent(field: Any, within: str) -> Any:
    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    raise BadRequest(f"{within}{field.name} is missing", field=field.name)


@cache
def _shape(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], bool]:
    """A record's keys, what fetches its values, and whether all of them are plain and always there."""
    names = [field.name for field in fields(kind)]
    keys = tuple(name.rstrip("_") for name in names)
    hints = get_type_hints(kind)
    if len(names) < 2:  # attrgetter of one name gives no tuple
        return keys, lambda record: tuple(getattr(record, name) for name in names), False
    return keys, attrgetter(*names), all(hints[name] in _PLAIN for name in names)


@cache
def _readers(kind: Any) -> tuple[tuple[Any, str, Reader], ...]:
    hints = get_type_hints(kind)
    return tuple((field, field.name.rstrip("_"), _reader(hints[field.name])) for field in fields(kind))


def _reader(hint: Any) -> Reader:
    """What turns a decoded value into a field annotated so."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):  # only ever "or None", and None never comes here
        return _reader(next(item for item in inside if item is not type(None)))
    if is_dataclass(hint):
        return lambda name, value: from_map(hint, value, f"{name}.")  # type: ignore[arg-type]
    if origin is tuple and inside[1:] == (...,):
        return _tuple_reader(_reader(inside[0]))
    if origin is tuple:
        return _row_reader([_reader(item) for item in inside])
    if origin is not None and issubclass(origin, Mapping):
        return _map_reader(_reader(inside[1]))
    return _scalar_reader(hint)


def _scalar_reader(kind: type) -> Reader:
    accepted = (int, float) if kind is float else (kind,)

    def read(name: str, value: Any) -> Any:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise wrong(name, value, kind.__name__)
        return kind(value)

    return read


def _tuple_reader(item: Reader) -> Reader:
    def read(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise wrong(name, value, "a list")
        return tuple(item(name, one) for one in value)

    return read


def _row_reader(columns: list[Reader]) -> Reader:
    def read(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(columns):
            raise wrong(name, value, f"rows of {len(columns)}")
        return tuple(column(name, one) for column, one in zip(columns, value, strict=True))

    return read


def _map_reader(item: Reader) -> Reader:
    def read(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise wrong(name, value, "a map")
        return {key: item(f"{name}.{key}", one) for key, one in value.items()}

    return read
