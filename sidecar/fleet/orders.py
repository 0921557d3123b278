"""What a person does to a fleet, by way of its store: whoever judges goes on from it."""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.fleet import rollout
from sidecar.fleet.documents import (
    NODES,
    ROLLOUT,
    SPEC,
    WISHES,
    NodeStatus,
    key,
    part,
    read_nodes,
    read_state,
    spec_text,
    text_of,
    written,
)
from sidecar.fleet.reading import read_object
from sidecar.fleet.rollout import State
from sidecar.fleet.share import best_rollout
from sidecar.fleet.spec import Spec, Target, Weight, is_name, read_spec
from sidecar.fleet.store import Store, Value
from sidecar.models.pack import describe
from sidecar.protocol.errors import BadRequest, Overloaded, UnknownModel, Unsupported, did_you_mean

TRIES = 8
_CANDIDATES = 256
Change = Callable[[Spec, State, float], State]


@dataclass(frozen=True)
class Rollout:
    """One name's. `state` is None until somebody has judged it for the first time."""

    spec: Spec
    spec_text: str
    state: State | None
    revision: int = 0


def started(store: Store, fields: Mapping[str, Any]) -> Spec:
    """Write a spec made of these fields, under a rollout id by which the nodes of now are shared out well.

    Raises `BadRequest` for what a spec cannot be, and `StoreUnavailable`."""
    name = fields.get("name")
    draft = {**fields, "rollout": "draft"}
    spec = read_spec(spec_text(draft), str(name))
    text = spec_text({**draft, "rollout": _rollout_id(store, spec)})
    store.put(key(SPEC, spec.name), text)
    return read_spec(text, spec.name)


def _rollout_id(store: Store, spec: Spec) -> str:
    nodes = [status.id for status in nodes_of(store)]
    weights = [step.percent for step in spec.steps if isinstance(step, Weight)]
    return best_rollout((secrets.token_hex(4) for _ in range(_CANDIDATES)), nodes, weights)


def nodes_of(store: Store) -> list[NodeStatus]:
    """Those that live, by id; what is no status is passed over. Raises `StoreUnavailable`."""
    return read_nodes(store.read(NODES))[0]


def rollouts_of(store: Store) -> list[Rollout]:
    """Of every name whose spec can be read. Raises `StoreUnavailable`."""
    folder = store.read(WISHES)
    names = sorted(name for name in part(folder, SPEC) if is_name(name))
    found = []
    for name in names:
        try:
            found.append(_rollout(name, part(folder, SPEC)[name], part(folder, ROLLOUT).get(name)))
        except BadRequest:
            continue
    return found


def rollout_of(store: Store, name: str) -> Rollout:
    """Raises `UnknownModel`, `BadRequest` for what is there but no spec, and `StoreUnavailable`."""
    spec = store.get(key(SPEC, name)) if is_name(name) else None
    if spec is None:
        known = [rollout.spec.name for rollout in rollouts_of(store)]
        near = did_you_mean(name, known) if known else ": there is none yet"
        raise UnknownModel(f"no rollout of {name[:80]!r}{near}", field="name")
    return _rollout(name, spec, store.get(key(ROLLOUT, name)))


def _rollout(name: str, spec: Value, state: Value | None) -> Rollout:
    text = text_of(spec, name)
    read = read_state(text_of(state, name)) if state is not None else None
    return Rollout(read_spec(text, name), text, read, state.revision if state is not None else 0)


def changed(store: Store, name: str, change: Change) -> State:
    """The state after `change`, written unless somebody else came first, and then tried again.

    Raises what `change` does, `Unsupported` where there is nothing to change, `Overloaded` if it is never
    its turn, and `StoreUnavailable`."""
    for _ in range(TRIES):
        found = rollout_of(store, name)
        state = found.state
        if state is None or state.rollout != found.spec.rollout:
            raise Unsupported(
                f"nobody has begun with the rollout of {name} yet", field="name",
                tip="is a node there? npc-voice fleet nodes",
            )  # fmt: skip
        after = change(found.spec, state, time.time())
        if store.swap(key(ROLLOUT, name), written(after), found.revision):
            return after
    raise Overloaded(f"the rollout of {name} changes all the time: try again")


def pause(by: str) -> Change:
    return lambda spec, state, now_s: rollout.paused(_open(spec, state), now_s, by)


def promote(by: str, full: bool) -> Change:
    return lambda spec, state, now_s: rollout.promoted(spec, _open(spec, state), now_s, by, full)


def abort(by: str) -> Change:
    return lambda spec, state, now_s: rollout.aborted(_open(spec, state), now_s, by, "asked to")


def _open(spec: Spec, state: State) -> State:
    """Raises `Unsupported` for one that is over."""
    if state.is_over:
        raise Unsupported(
            f"the rollout of {spec.label} is over ({state.phase}): start another, or undo it", field="name"
        )
    return state


def undone(store: Store, name: str) -> Spec:
    """Start a rollout back: of a healthy one to the version before, of any other to the stable one.

    Raises `Unsupported` where there is none."""
    found = rollout_of(store, name)
    target = _before(found.state)
    if target is None:
        raise Unsupported(f"there is no earlier version of {name} to go back to", field="name")
    fields = {**read_object(found.spec_text), **_fields(target)}
    return started(store, {k: v for k, v in fields.items() if v})


def _before(state: State | None) -> Target | None:
    if state is None:
        return None
    if state.phase != rollout.HEALTHY:
        return state.stable
    return state.earlier[0] if state.earlier else None


def _fields(target: Target) -> dict[str, str]:
    return {"version": target.version, "sha256": target.sha256, "source": target.source}


def sha256_of(pack: Path) -> str:
    """Raises `BadRequest` for a file that cannot be read."""
    try:
        return describe(pack).sha256
    except OSError as error:
        raise BadRequest(f"{pack} cannot be read: {error.strerror}", field="pack") from error


def as_json(records: Sequence[State | NodeStatus]) -> str:
    return f"[{', '.join(written(record) for record in records)}]"


def spec_fields(file: Path) -> dict[str, Any]:
    """A spec that somebody has written as a file. Raises `BadRequest`."""
    try:
        return read_object(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{file} cannot be read: {error}", field="file") from error


def as_text(spec: Spec, state: State | None) -> str:
    """For tools: the spec's target and the whole state."""
    said = None if state is None else json.loads(written(state))
    return json.dumps(
        {"name": spec.name, "rollout": spec.rollout, "version": spec.target.version, "state": said}
    )
