"""States of the mouth: a pose each from one time to another, none too short to be seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sidecar.lipsync.sounds import Pose

LEAST_S = 0.04  #: a state holds so long: two or three frames of a game
SHIFT_S = 0.02  #: how far a state may begin from its phoneme
SAME_S = 1e-4  #: times nearer than this are one
_FIRM: tuple[Pose, ...] = ({"PP": 1.0}, {"FF": 1.0})


@dataclass(frozen=True)
class State:
    """A pose from `start_s` to `end_s`; `own_s` is where it was planned to start and end.

    Consecutive states follow on each other. A *firm* one is of lips that must be seen to close.
    """

    pose: Pose
    start_s: float
    end_s: float
    own_s: tuple[float, float]

    @classmethod
    def of(cls, pose: Pose, start_s: float, end_s: float) -> "State":
        return cls(pose, start_s, end_s, (start_s, end_s))

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def firm(self) -> bool:
        return self.pose in _FIRM

    @property
    def flickers(self) -> bool:
        return self.length_s < LEAST_S - SAME_S and not self.firm


def steady(states: Sequence[State]) -> list[State]:
    """The same without flicker, and with lips that close for long enough to be seen.

    Phonemes that a model gave no time leave no state.
    """
    lasting = [state for state in states if state.length_s > 0] or states[:1]
    return _merged(_closed(_without_flicker(_merged(lasting))))


def _merged(states: Sequence[State]) -> list[State]:
    """Neighbours of one pose as one."""
    found: list[State] = []
    for state in states:
        if found and found[-1].pose == state.pose:
            found[-1] = _as_one(found[-1], state, state.pose)
        else:
            found.append(state)
    return found


def _as_one(first: State, second: State, pose: Pose) -> State:
    return State(pose, first.start_s, second.end_s, (first.own_s[0], second.own_s[1]))


def _without_flicker(states: Sequence[State]) -> list[State]:
    """Short states joined with short ones beside them, else shared out. The edges of the line stay."""
    if len(states) < 3:
        return list(states)
    joined = [states[0]]
    for state in states[1:-1]:
        last = joined[-1]
        if state.flickers and last.flickers and len(joined) > 1:
            part = last.length_s / (last.length_s + state.length_s)
            joined[-1] = _as_one(last, state, mean(last.pose, part, state.pose))
        else:
            joined.append(state)
    joined.append(states[-1])
    kept = [joined[0]]
    for state in joined[1:-1]:
        if state.flickers:
            kept[-1] = _between(kept[-1], kept[-1].start_s, (state.start_s + state.end_s) / 2)
        else:
            kept.append(_between(state, kept[-1].end_s, state.end_s))
    return [*kept, _between(joined[-1], kept[-1].end_s, joined[-1].end_s)]


def _closed(states: Sequence[State]) -> list[State]:
    """Lips that close stay so for `LEAST_S`, as far as that moves nothing by more than `SHIFT_S`."""
    cuts_s = [state.start_s for state in states] + [state.end_s for state in states[-1:]]
    for index, state in enumerate(states[1:-1], start=1):
        if not state.firm or state.length_s >= LEAST_S:
            continue
        spare_s = (_spare_s(states[index - 1]), _spare_s(states[index + 1]))
        by_s = (LEAST_S - state.length_s) / max(1, sum(spare > 0 for spare in spare_s))
        earlier_s = min(by_s, spare_s[0], cuts_s[index] - state.own_s[0] + SHIFT_S)
        later_s = min(by_s, spare_s[1], state.own_s[1] + SHIFT_S - cuts_s[index + 1])
        cuts_s[index] -= earlier_s
        cuts_s[index + 1] += later_s
    return [_between(state, *cut_s) for state, cut_s in zip(states, pairwise(cuts_s), strict=True)]


def _between(state: State, start_s: float, end_s: float) -> State:
    return State(state.pose, start_s, end_s, state.own_s)


def _spare_s(state: State) -> float:
    """What a state can lend on either side."""
    return max(0.0, state.length_s - LEAST_S if state.firm else state.length_s) / 2


def scaled(pose: Pose, by: float) -> Pose:
    return {shape: weight * by for shape, weight in pose.items()}


def total(one: Pose, other: Pose) -> Pose:
    return {shape: one.get(shape, 0) + other.get(shape, 0) for shape in (*one, *other)}


def mean(one: Pose, part: float, other: Pose) -> Pose:
    """`part` of one and the rest of the other."""
    return total(scaled(one, part), scaled(other, 1 - part))
