"""What happens next with the packs that were seen: pure functions, a snapshot in, at most one action out.

Rules, in this order: what the user pinned becomes live; what was found is checked, the newest and smallest
first; the highest ready version of a name becomes live, unless the name is pinned, a trial is under way, or
it is `held`: the name is another publisher's, or it lacks what the live version can.

A voice pack is checked once a copy of its base is there, and live while its base is: it adds to that.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sidecar.reload.states import Entry, State

SHIPPED = "shipped"  #: the publisher of the default voice, which no key can be


@dataclass(frozen=True)
class Snapshot:
    """`pins` maps a name to the version that the user wants; `canary_share` above 0 tries new versions on
    that part of the sessions first. `low_memory_swap`: a live version may go before the next is there.
    `owners` says whose packs speak for a name, unless `any_publisher` may; `resting` are sources that are not
    checked yet, since they, or too many others, have just been."""

    entries: Sequence[Entry]
    pins: Mapping[str, str] = field(default_factory=dict)
    canary_share: float = 0.0
    low_memory_swap: bool = False
    owners: Mapping[str, str] = field(default_factory=dict)
    any_publisher: bool = False
    resting: Collection[str] = ()


@dataclass(frozen=True)
class Hold:
    """Why a version does not become live by itself: a stable word, and plain ones."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Check:
    entry: Entry


@dataclass(frozen=True)
class Load:
    """`share` is the part of the sessions that get it; 1: all, it becomes live."""

    entry: Entry
    share: float = 1.0


Action = Check | Load


def decide(snapshot: Snapshot) -> Action | None:
    return _pinned(snapshot) or _found(snapshot) or _newer(snapshot)


def live_of(entries: Sequence[Entry], name: str) -> Entry | None:
    return next((e for e in entries if e.name == name and e.state is State.LIVE), None)


def gives_way(snapshot: Snapshot, entry: Entry, share: float) -> Entry | None:
    """The live version that may be let go of before `entry` is loaded, should there be no room for both.

    None where that is not allowed, nobody speaks for the name, or a trial needs both.
    """
    on_trial = any(e.name == entry.name and e.state is State.CANARY for e in snapshot.entries)
    if not snapshot.low_memory_swap or share < 1 or on_trial or entry.base:
        return None
    return live_of(snapshot.entries, entry.name)


def _pinned(snapshot: Snapshot) -> Action | None:
    for name, version in snapshot.pins.items():
        live = live_of(snapshot.entries, name)
        if live is not None and live.version == version:
            continue  # another drop of the version that speaks is no reason to load it again
        for entry in snapshot.entries:
            is_wanted = (entry.name, entry.version, entry.state) == (name, version, State.READY)
            if is_wanted and _of_another(snapshot, entry) is None and _unfit(snapshot, entry) is None:
                return Load(entry)
    return None


def _found(snapshot: Snapshot) -> Action | None:
    found = [e for e in to_check(snapshot.entries) if e.source not in snapshot.resting]
    return Check(max(found, key=lambda e: (e.changed_ns, -e.size_bytes))) if found else None


def to_check(entries: Sequence[Entry]) -> list[Entry]:
    """What was found and can be checked: voices need a copy of their base for that."""
    bases = {e.sha256 for e in entries if e.folder is not None and not e.base}
    return [e for e in entries if e.state is State.FOUND and (not e.base or e.base in bases)]


def speaks_for(base: Entry, voices: Entry) -> bool:
    """Whether these voices are for that pack, which is live, or on trial."""
    return base.state in (State.LIVE, State.CANARY) and not base.base and base.sha256 == voices.base


def held(snapshot: Snapshot, entry: Entry) -> Hold | None:
    """Why a ready version waits until the user activates it; None where nothing is in its way."""
    if entry.state is not State.READY:
        return None
    live = live_of(snapshot.entries, entry.name)
    if (hold := _of_another(snapshot, entry) or _unfit(snapshot, entry)) is not None:
        return hold
    is_pinned = snapshot.pins.get(entry.name) == entry.version
    return None if live is None or is_pinned else _lacking(entry, live)


def _of_another(snapshot: Snapshot, entry: Entry) -> Hold | None:
    owner = snapshot.owners.get(entry.name)
    if entry.signer in (owner, SHIPPED) or snapshot.any_publisher:
        return None
    tip = f"activate {entry.label} if it shall"
    if owner is None:
        others = [
            e for e in snapshot.entries if e.name == entry.name and e.folder and e.signer != entry.signer
        ]
        several = f"packs of several publishers are called {entry.name}; {tip}"
        return Hold("name_owned", several) if others else None
    if owner == SHIPPED:
        return Hold("name_reserved", f"{entry.name} is what ships with the program: no pack takes it; {tip}")
    whose = f"the publisher with key {owner[:16]}…" if owner else "somebody who does not sign"
    return Hold("name_owned", f"{entry.name} has been spoken for by {whose}, and this is another's; {tip}")


def _unfit(snapshot: Snapshot, entry: Entry) -> Hold | None:
    """What nobody can decide otherwise: voices without their base, or by a name that is taken; a name that is
    a model's for voices, or the other way round."""
    for other in snapshot.entries:
        is_other_kind = other.name == entry.name and bool(other.base) != bool(entry.base)
        if is_other_kind and other.state in (State.LIVE, State.CANARY):
            kinds = ("a model", "voices") if entry.base else ("voices", "a model")
            return Hold("name_owned", f"{other.label} speaks, which is {kinds[0]}, and this is {kinds[1]}")
    if not entry.base:
        return None
    if not any(speaks_for(other, entry) for other in snapshot.entries):
        return Hold(
            "base_missing", f"its voices need the weights {entry.base[:12]}…, which no live model has"
        )
    return _taken(snapshot, entry)


def _taken(snapshot: Snapshot, entry: Entry) -> Hold | None:
    """Another pack has a voice of that name."""
    for other in snapshot.entries:
        is_beside = other.base == entry.base and other.name != entry.name and other.state is State.LIVE
        if not (is_beside or speaks_for(other, entry)):
            continue
        if shared := sorted(entry.speakers & other.speakers):
            return Hold(
                "speaker_taken", f"the speaker {shared[0]} is one of {other.label} already: remove one"
            )
    return None


def _lacking(entry: Entry, live: Entry) -> Hold | None:
    for what, has, wanted in (
        ("speaker", entry.speakers, live.speakers),
        ("language", entry.languages, live.languages),
    ):
        if lost := sorted(wanted - has):
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            return Hold(
                f"lacks_{what}s",
                f"it lacks the {what} {lost[0]}{more} of {live.version}, which lines may name; activate "
                f"{entry.label} if that is right",
            )
    return None


def _newer(snapshot: Snapshot) -> Action | None:
    ready = [e for e in snapshot.entries if e.state is State.READY and e.name not in snapshot.pins]
    busy = {e.name for e in snapshot.entries if e.state in (State.LOADING, State.CANARY)}
    for entry in sorted(ready, key=lambda e: e.precedence, reverse=True):
        live = live_of(snapshot.entries, entry.name)
        if entry.name in busy or (live is not None and live.precedence >= entry.precedence):
            continue
        if held(snapshot, entry) is not None:
            continue
        is_tried = live is not None and snapshot.canary_share > 0 and not entry.base
        return Load(entry, snapshot.canary_share if is_tried else 1.0)
    return None


@dataclass(frozen=True)
class Side:
    """What one version has done in a trial. `work_s` is the device's work for `audio_s` of speech."""

    requests: int = 0
    errors: int = 0
    work_s: float = 0.0
    audio_s: float = 0.0

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0

    @property
    def cost(self) -> float | None:
        """Seconds of work for a second of speech."""
        return self.work_s / self.audio_s if self.audio_s else None


@dataclass(frozen=True)
class TrialRules:
    """A trial ends after `requests` of the new version, or at once when it fails `errors` times more than
    the old one's rate lets expect. It may cost `cost_ratio` times the old one's work."""

    requests: int = 20
    errors: int = 3
    cost_ratio: float = 1.5


@dataclass(frozen=True)
class Verdict:
    promote: bool
    reason: str


def judge(new: Side, old: Side, rules: TrialRules) -> Verdict | None:
    """How a trial ends; None while it is open."""
    expected = old.error_rate * new.requests
    if new.errors - expected >= rules.errors:
        return Verdict(
            False,
            f"{new.errors} of {new.requests} requests failed, the old version's rate is {old.error_rate:.1%}",
        )
    if new.requests < rules.requests:
        return None
    ratio = cost_ratio(new, old)
    if ratio is not None and ratio > rules.cost_ratio:
        return Verdict(False, f"it takes {ratio:.2f} times the work of the old version")
    return Verdict(True, f"{new.requests} requests, {new.errors} errors, {ratio or 1:.2f} times the work")


def cost_ratio(new: Side, old: Side) -> float | None:
    """None until both have spoken."""
    return new.cost / old.cost if new.cost is not None and old.cost else None
