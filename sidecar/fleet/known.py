"""What a node knows of the store: the last good spec and state of each name, kept on disk.

A store that is away, was emptied or holds nonsense changes none of it: what was good last goes on ruling.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from sidecar import files
from sidecar.fleet.documents import (
    MOST_NAMES,
    MOST_PROBLEMS,
    ROLLOUT,
    SPEC,
    Problem,
    names_in,
    part,
    problem,
    read_state,
    text_of,
    written,
)
from sidecar.fleet.reading import read_object
from sidecar.fleet.rollout import State
from sidecar.fleet.spec import Spec, read_spec
from sidecar.fleet.store import Folder
from sidecar.protocol.errors import BadRequest

log = logging.getLogger(__name__)

FILE = "fleet.json"
_MOST_BYTES = 32 << 20
T = TypeVar("T")


@dataclass(frozen=True)
class Wish:
    """Of one name. `spec_text` is the spec as it was written."""

    spec: Spec | None = None
    state: State | None = None
    spec_text: str = ""


@dataclass(frozen=True)
class Known:
    """By name; `problems` are what the last look could not follow."""

    wishes: Mapping[str, Wish] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def wish(self, name: str) -> Wish:
        return self.wishes.get(name, Wish())


def taken_in(known: Known, folder: Folder) -> Known:
    """With what lies in `WISHES` now; what cannot be read, or is not there, stays as it was."""
    wishes, problems = dict(known.wishes), []
    for kind, take in ((SPEC, _with_spec), (ROLLOUT, _with_state)):
        values = part(folder, kind)
        names, odd = names_in(values)
        problems += odd
        for name in names:
            try:
                _check_count(wishes, name)
                text = text_of(values[name], f"{kind}/{name}")
                wishes[name] = take(wishes.get(name, Wish()), name, text)
            except BadRequest as error:
                problems.append(problem(f"{kind}/{name}", error))
    return Known(wishes, tuple(problems[:MOST_PROBLEMS]))


def _check_count(wishes: Mapping[str, Wish], name: str) -> None:
    if name not in wishes and len(wishes) >= MOST_NAMES:
        raise BadRequest(f"a fleet decides about at most {MOST_NAMES} names", field="name")


def _with_spec(wish: Wish, name: str, text: str) -> Wish:
    return wish if text == wish.spec_text else replace(wish, spec=read_spec(text, name), spec_text=text)


def _with_state(wish: Wish, name: str, text: str) -> Wish:
    return replace(wish, state=read_state(text))


class Remembered:
    """`Known` in a file. A disk that refuses is logged and costs only memory. One thread at a time."""

    def __init__(self, file: Path) -> None:
        self._file, self._last = file, ""

    def load(self) -> Known:
        """Nothing where there is no such file, or it is no such."""
        try:
            with self._file.open("rb") as stream:
                data = read_object(stream.read(_MOST_BYTES).decode())
            return Known({name: _remembered(name, row) for name, row in data.items()})
        except FileNotFoundError:
            return Known()
        except (OSError, ValueError, TypeError, KeyError, BadRequest) as error:
            log.warning("what the fleet wanted last cannot be read: %s", error)
            return Known()

    def save(self, known: Known) -> None:
        text = json.dumps({name: _row(wish) for name, wish in known.wishes.items()}, ensure_ascii=False)
        if text == self._last:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            files.write_whole(self._file, text.encode(), durable=True)
            self._last = text
        except OSError as error:
            log.warning("what the fleet wants could not be written down: %s", error)


def _row(wish: Wish) -> dict[str, str]:
    return {SPEC: wish.spec_text, ROLLOUT: written(wish.state) if wish.state is not None else ""}


def _remembered(name: str, row: Mapping[str, str]) -> Wish:
    return Wish(
        _if_any(lambda text: read_spec(text, name), row[SPEC]), _if_any(read_state, row[ROLLOUT]), row[SPEC]
    )


def _if_any(read: Callable[[str], T], text: str) -> T | None:
    return read(text) if text else None
