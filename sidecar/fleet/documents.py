"""What lies in the store, and where: `fleet/spec/NAME`, `fleet/rollout/NAME`, `nodes/ID` and `judge`.

Specs are people's (`fleet/spec.py`); the rest is ours, JSON of the records below. All of it may have been
written by anybody who reaches the store, so all of it is read with limits.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sidecar.fleet.reading import read_object
from sidecar.fleet.rollout import EARLIER, HISTORY, PHASES, NodeView, State
from sidecar.fleet.spec import MOST_STEPS, is_name, read_target
from sidecar.fleet.store import Folder, Value
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.fields import check_range
from sidecar.protocol.limits import Range
from sidecar.protocol.record import from_map, to_map
from sidecar.reload.policy import Side

WISHES, NODES, JUDGE = "fleet", "nodes", "judge"
SPEC, ROLLOUT = "spec", "rollout"  #: the two kinds in `WISHES`, which nodes watch
MOST_NAMES = 64  #: names that a fleet decides about
MOST_PROBLEMS = 16
LONGEST_TEXT = 300
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """Something of the store, or of a wish, that cannot be followed: a stable word, and plain ones."""

    about: str
    code: str
    detail: str


@dataclass(frozen=True)
class Recent:
    """What one version has done on a node in the last `window_s`."""

    version: str
    window_s: float
    did: Side = field(default_factory=Side)


@dataclass(frozen=True)
class VoiceStatus:
    """How a node stands with one name: what speaks, what it shall have, and how far it is with that."""

    name: str
    live: str
    wanted: str
    state: str
    reason: str = ""
    detail: str = ""
    recent: tuple[Recent, ...] = ()


@dataclass(frozen=True)
class NodeStatus:
    """What a node says of itself, under its lease. `program` is our version."""

    id: str
    host: str
    program: str
    at_s: float
    voices: tuple[VoiceStatus, ...] = ()
    problems: tuple[Problem, ...] = ()

    def view(self, name: str) -> NodeView:
        """Of one name; of a name that it does not know yet, that nothing is live."""
        for voice in self.voices:
            if voice.name == name:
                return NodeView(self.id, voice.live, voice.wanted, voice.state, voice.reason)
        return NodeView(self.id, "", "", "")


def key(kind: str, name: str) -> str:
    """Of a name's spec or rollout."""
    return f"{WISHES}/{kind}/{name}"


def part(folder: Folder, kind: str) -> Mapping[str, Value]:
    """Of what lies in `WISHES`, what is of one kind, by name."""
    start = f"{kind}/"
    return {key[len(start) :]: value for key, value in folder.values.items() if key.startswith(start)}


def is_node(text: str) -> bool:
    """Whether a node can be called so."""
    return bool(_NODE.fullmatch(text))


def written(record: State | NodeStatus) -> str:
    return json.dumps(to_map(record), ensure_ascii=False, separators=(",", ":"))


def spec_text(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, indent=1)


def read_state(text: str) -> State:
    """Raises `BadRequest`."""
    state = from_map(State, read_object(text))
    if state.phase not in PHASES:
        raise BadRequest(f"phase is {state.phase[:40]!r}, expected one of {', '.join(PHASES)}", field="phase")
    check_range("weight", state.weight, Range(0, 100))
    check_range("step", state.step, Range(0, MOST_STEPS))
    if len(state.history) > HISTORY or len(state.earlier) > EARLIER:
        raise BadRequest("there are more decisions or versions than are remembered", field="history")
    for target in (state.target, *state.earlier, *([state.stable] if state.stable else [])):
        read_target(asdict(target))
    return state


def read_status(text: str, node: str) -> NodeStatus:
    """What lies under that node's key. Raises `BadRequest`."""
    status = from_map(NodeStatus, read_object(text))
    if status.id != node:
        raise BadRequest(f"id is {status.id[:40]!r}, but it lies under {node[:40]!r}", field="id")
    if len(status.voices) > MOST_NAMES:
        raise BadRequest(f"there are over {MOST_NAMES} voices", field="voices")
    for recent in (recent for voice in status.voices for recent in voice.recent):
        _check_side(recent.did)
    return status


def _check_side(side: Side) -> None:
    """Numbers that sums and quotients can be made of."""
    for name, value in asdict(side).items():
        check_range(name, value, Range(0, 1e12))


def text_of(value: Value, about: str) -> str:
    """Raises `BadRequest` for what is too large, or no text."""
    if value.text is None:
        raise BadRequest(f"{about[:80]} is no text, or over 64 KiB", field="value")
    return value.text


def read_nodes(folder: Folder) -> tuple[list[NodeStatus], list[Problem]]:
    """Every status that can be read, and what is wrong with the others."""
    statuses, problems = [], []
    for node, value in folder.values.items():
        about = f"{NODES}/{node}"[:80]
        try:
            if not is_node(node):
                raise BadRequest(f"{about!r} is no node's key", field="key")
            statuses.append(read_status(text_of(value, about), node))
        except BadRequest as error:
            problems.append(problem(about, error))
    return sorted(statuses, key=lambda status: status.id), problems


def problem(about: str, error: BadRequest) -> Problem:
    return Problem(about[:80], error.code, error.message[:LONGEST_TEXT])


def names_in(values: Mapping[str, Value]) -> tuple[list[str], list[Problem]]:
    """The names that are looked at, and why others are not."""
    good = sorted(key for key in values if is_name(key))
    odd = sorted(key for key in values if not is_name(key))
    problems = [
        Problem(ascii(key)[:80], "bad_request", "no pack can be called so") for key in odd[:MOST_PROBLEMS]
    ]
    if len(good) > MOST_NAMES:
        problems.append(Problem("spec", "too_large", f"{len(good)} names, the first {MOST_NAMES} count"))
    return good[:MOST_NAMES], problems


def summed(statuses: Iterable[NodeStatus], name: str, version: str) -> Side:
    """What a version of a name has done lately on all nodes."""
    sides = [
        recent.did
        for status in statuses
        for voice in status.voices
        if voice.name == name
        for recent in voice.recent
        if recent.version == version
    ]
    return Side(
        sum(side.requests for side in sides), sum(side.errors for side in sides),
        math.fsum(side.work_s for side in sides), math.fsum(side.audio_s for side in sides),
    )  # fmt: skip
