"""How a node stands with what it shall speak, and what it does about it: a pure function.

What follows what: `absent` -> `fetching` -> `found` -> `checking` -> `ready` -> `loading` -> `live`; any may
become `rejected`. The words are the models folder's own (`reload/states.py`), but for the first two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sidecar.fleet.fetch import drop_name
from sidecar.fleet.spec import Target
from sidecar.reload.policy import live_of
from sidecar.reload.states import Entry, State

ABSENT, FETCHING = "absent", "fetching"
#: Of several packs that are called the same, whose state tells most.
_ORDER = (State.LIVE, State.CANARY, State.LOADING, State.READY, State.CHECKING, State.FOUND, State.REJECTED)


@dataclass(frozen=True)
class Standing:
    """`pin`: the version to pin, as a person would with `activate`; `fetch`: whether the target is to be
    fetched."""

    live: str
    state: str
    reason: str = ""
    detail: str = ""
    pin: str | None = None
    fetch: bool = False


def standing(name: str, target: Target, entries: Sequence[Entry], pins: Mapping[str, str]) -> Standing:
    """With what the models folder knows now."""
    live = live_of(entries, name)
    speaks, pinned = live.version if live is not None else "", pins.get(name)
    own = _own(name, target, entries)
    if own is None:
        return _missing(target, speaks, pinned)
    if own.state is State.REJECTED:
        return Standing(speaks, State.REJECTED.value, own.reason, own.detail)
    if own.name and (own.name, own.version) != (name, target.version):
        said = f"what came calls itself {own.label}, expected {name}@{target.version}"
        return Standing(speaks, State.REJECTED.value, "another_pack", said)
    if live is not None and live is not own and live.version == target.version:
        said = f"another pack speaks as {live.label} here, from {live.source or 'the program itself'}"
        return Standing(speaks, State.REJECTED.value, "version_taken", said)
    is_known = bool(own.name) and pinned != target.version
    return Standing(speaks, own.state.value, own.reason, own.detail, target.version if is_known else None)


def _missing(target: Target, speaks: str, pinned: str | None) -> Standing:
    """What speaks is pinned first: else what is dropped would be live before it is wished for."""
    if not target.source:
        said = f"{target.version} is not here, and the spec does not say where it is to be had"
        return Standing(speaks, ABSENT, "no_source", said)
    if speaks and pinned is None:
        return Standing(speaks, FETCHING, pin=speaks)
    return Standing(speaks, FETCHING, fetch=True)


def _own(name: str, target: Target, entries: Sequence[Entry]) -> Entry | None:
    """What was dropped for this target; without a source, whatever is called so."""
    if target.source:
        dropped = drop_name(name, target)
        return next((entry for entry in entries if entry.source == dropped), None)
    fitting = [e for e in entries if (e.name, e.version) == (name, target.version)]
    return min(fitting, key=lambda entry: _ORDER.index(entry.state), default=None)
