"""A node of a fleet: it follows the store, wishes as a person would, and says how it stands.

Two threads beside the fetch. `follow` waits for the store and acts on what it wants; `beat` renews the lease,
writes the status and, where this node holds the lock, judges. Whatever either meets, voices speak on.
"""

import contextlib
import logging
import platform
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sidecar.fleet.documents import (
    LONGEST_TEXT,
    MOST_PROBLEMS,
    NODES,
    WISHES,
    NodeStatus,
    Problem,
    Recent,
    VoiceStatus,
    written,
)
from sidecar.fleet.fetch import Fetcher, FetchFailed, Fetching
from sidecar.fleet.judge import Judge, Judging
from sidecar.fleet.known import Known, Remembered, taken_in
from sidecar.fleet.prometheus import Prometheus
from sidecar.fleet.recent import Counters, RecentFigures
from sidecar.fleet.rollout import REJECTED, State, wanted
from sidecar.fleet.share import jitter_s
from sidecar.fleet.spec import Gate, Target, Weight
from sidecar.fleet.standing import Standing, standing
from sidecar.fleet.store import Folder, SessionLost, Store, StoreUnavailable
from sidecar.protocol.errors import ModelRejected, NpcVoiceError
from sidecar.protocol.events import Event, FleetDecided
from sidecar.reload.states import Entry
from sidecar.version import __version__

log = logging.getLogger(__name__)

WAIT_S = 5.0  #: for one change of the store
AGAIN_S = 1.0  #: after a store that could not be reached
LOOK_S = 0.2  #: at least between two looks: a flood of changes costs no more


class Voices(Protocol):
    """What a sidecar lets its fleet do, which is what it lets a person do. Any thread may call."""

    def entries(self) -> Sequence[Entry]:
        """What the models folder knows."""

    def pins(self) -> Mapping[str, str]: ...

    def pin(self, name: str, version: str) -> None:
        """As `activate`. Raises an `NpcVoiceError`."""

    def counters(self) -> Counters:
        """Lines of each voice since it speaks. Raises `TimeoutError` where the server does not answer."""

    def publish(self, event: Event) -> None: ...


@dataclass(frozen=True)
class NodeSettings:
    """`beat_s`: between two signs of life; the lease of `ttl_s` is lost without some of them. Before a fetch
    a node waits for up to `jitter_s`."""

    id: str
    ttl_s: float = 15.0
    jitter_s: float = 5.0

    @property
    def beat_s(self) -> float:
        return self.ttl_s / 5


class Node:
    """`start` it once the sidecar serves, `stop` it before it ends."""

    def __init__(
        self, settings: NodeSettings, store: Store, voices: Voices, fetching: Fetching,
        remembered: Remembered, prometheus: Prometheus | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._store, self._voices = settings, store, voices
        self._remembered, self._known = remembered, remembered.load()
        self._stopping, self._woken = threading.Event(), threading.Event()
        self._fetcher = Fetcher(fetching, self._woken.set)
        self._standings: dict[str, tuple[Target, Standing]] = {}  # replaced as a whole
        self._recent, self._session = RecentFigures(), ""
        self._folder = Folder()
        self.reaches_store = self.judges = False
        self._judge = Judge(Judging(
            settings.id, store, lambda: self._known, prometheus, time.time, 2 * settings.beat_s
        ))  # fmt: skip
        self._threads = [
            threading.Thread(target=self._forever, args=(step, pause_s), name=name, daemon=True)
            for name, step, pause_s in (
                ("fleet-follow", self.follow, LOOK_S),
                ("fleet-act", self.act, LOOK_S),
                ("fleet-beat", self.beat, settings.beat_s),
            )
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """The lease ends, so that others know at once."""
        self._stopping.set()
        self._woken.set()
        self._fetcher.stop()
        for thread in self._threads[1:]:  # what waits for the store ends with the process
            thread.join(AGAIN_S)
        if self._session:
            self._safely(lambda: self._store.end_session(self._session))
        self._store.close()

    def _forever(self, step: Callable[[], None], pause_s: float) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(pause_s if self._safely(step) else max(pause_s, AGAIN_S))

    def _safely(self, step: Callable[[], None]) -> bool:
        """Whether all went well; a store that is away is no fault of ours."""
        try:
            step()
            return True
        except StoreUnavailable as error:
            if not self._stopping.is_set():
                log.debug("the fleet's store: %s", error.message)
        except Exception:
            if not self._stopping.is_set():
                log.exception("something failed in the fleet's part, which goes on")
        return False

    # --- what is exported

    @property
    def states(self) -> tuple[tuple[str, State], ...]:
        """Of the rollouts that it knows, by name."""
        return tuple((name, wish.state) for name, wish in self._known.wishes.items() if wish.state)

    # --- the store's wishes

    def follow(self) -> None:
        """One look at the store, and a wait for its next change. Raises `StoreUnavailable`."""
        self._folder = self._store.read(WISHES, self._folder)
        self._take_in(taken_in(self._known, self._folder))
        self._store.wait(WISHES, self._folder.revision, WAIT_S)

    def _take_in(self, known: Known) -> None:
        before, self._known = self._known, known
        self._remembered.save(known)
        if known.wishes != before.wishes:
            self._tell(before, known)
            self._woken.set()

    def _tell(self, before: Known, known: Known) -> None:
        for name, wish in known.wishes.items():
            old, new = before.wish(name).state, wish.state
            if new is not None and (old is None or new.history[-1:] != old.history[-1:]):
                self._voices.publish(
                    FleetDecided(name, new.target.version, new.phase, new.weight, new.reason)
                )

    # --- what it does about them

    def act(self) -> None:
        """Bring every name one step nearer to what it shall speak with."""
        self._woken.wait(LOOK_S)
        self._woken.clear()
        self._standings = {
            name: found for name in self._known.wishes if (found := self._pursued(name)) is not None
        }

    def _pursued(self, name: str) -> tuple[Target, Standing] | None:
        wish = self._known.wish(name)
        target = wanted(wish.spec, wish.state, self._settings.id)
        if target is None:
            return None
        stands = standing(name, target, self._voices.entries(), self._voices.pins())
        if stands.pin is not None:
            self._safely(lambda: self._voices.pin(name, str(stands.pin)))
        if not stands.fetch:
            self._fetcher.unwant(name)
            return target, stands
        assert wish.state is not None
        wait_s = jitter_s(self._settings.id, wish.state.rollout, self._settings.jitter_s)
        return target, with_problem(stands, self._fetcher.want(name, target, wait_s))

    # --- signs of life

    def beat(self) -> None:
        """Raises `StoreUnavailable`."""
        with contextlib.suppress(TimeoutError):  # a server that is stuck is alive, and keeps its lease
            self._recent.add(self._voices.counters(), time.monotonic())
        try:
            self._renew()
            held = self._store.hold(f"{NODES}/{self._settings.id}", written(self.status()), self._session)
            if not held:
                log.warning("another node is called %s, or was until just now", self._settings.id)
            self.judges = self._judge.round(self._session)
            self.reaches_store = True
        except SessionLost:
            self._session = ""
            self._lose_lock()
            raise
        except StoreUnavailable:
            self.reaches_store = False
            self._lose_lock()
            raise

    def _lose_lock(self) -> None:
        self._judge.lost()
        self.judges = False

    def _renew(self) -> None:
        if self._session:
            self._store.renew(self._session)
        else:
            self._session = self._store.open_session(self._settings.ttl_s)

    def status(self) -> NodeStatus:
        """How it stands, for the store. Any thread may call."""
        known, standings = self._known, self._standings
        voices = tuple(self._voice(name, target, stands) for name, (target, stands) in standings.items())
        problems = [
            Problem(f"{voice.name}@{voice.wanted}", voice.reason, voice.detail)
            for voice in voices
            if voice.state == REJECTED
        ]
        return NodeStatus(
            self._settings.id, platform.node()[:64], __version__, round(time.time(), 3), voices,
            (*known.problems, *problems)[:MOST_PROBLEMS],
        )  # fmt: skip

    def _voice(self, name: str, target: Target, stands: Standing) -> VoiceStatus:
        window_s = window_of(self._known, name)
        recent = tuple(
            Recent(version, window_s, self._recent.recent(name, version, window_s))
            for version in self._recent.versions(name)
        )
        return VoiceStatus(
            name,
            stands.live,
            target.version,
            stands.state,
            stands.reason,
            stands.detail[:LONGEST_TEXT],
            recent,
        )


def with_problem(stands: Standing, problem: NpcVoiceError | None) -> Standing:
    """What is not what the spec says is as if it had been dropped and refused; all else may yet come."""
    if problem is None:
        return stands
    if isinstance(problem, ModelRejected):
        return replace(stands, state=REJECTED, reason=problem.reason, detail=problem.message)
    reason = "fetch_failed" if isinstance(problem, FetchFailed) else problem.code
    return replace(stands, reason=reason, detail=problem.message)


def window_of(known: Known, name: str) -> float:
    """How far back the gate of a name looks, in seconds."""
    spec = known.wish(name).spec
    gates = [s.gate for s in spec.steps if isinstance(s, Weight) and s.gate] if spec is not None else []
    return gates[0].interval_s if gates else Gate.interval_s
