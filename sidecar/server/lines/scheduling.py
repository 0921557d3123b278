"""What the device does next, and which lines are not worth beginning: pure functions over a snapshot.

Times are seconds of one monotonic clock, work is seconds of the device. Nothing here reads a clock,
holds state or touches a socket; `queue.py` takes the snapshot and carries the decision out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sidecar.protocol.requests import PRIORITIES

RANKS = {name: rank for rank, name in enumerate(PRIORITIES)}
#: A line that has begun goes on before new ones of its priority until it has had this much of the device;
#: then its client's share decides, so that a monologue does not hold up a room.
TURN_S = 3.0
#: A listener with this much sound in hand can wait: streams that are about to run dry go first.
AHEAD_S = 2.0


@dataclass(frozen=True)
class Waiting:
    """A line that wants the device. `client_s` is what its client has had of it lately.

    `ahead_s` is how much of it a listener has in hand and has not heard yet; None: it is not streamed.
    `work_s` is what is left to do, `first_s` what is left until its first answer, as far as is known.
    `begun` tells that the device is or was at it, `done_s` is what it has spent, `pass_s` what is left of
    the pass it is in, if it is in one. `due_s`: when its answer must be there.
    """

    key: int
    rank: int
    client: str
    client_s: float
    arrived_s: float
    work_s: float
    first_s: float
    begun: bool = False
    done_s: float = 0.0
    pass_s: float = 0.0
    ahead_s: float | None = None
    due_s: float | None = None
    model: int = 0


@dataclass(frozen=True)
class QueueLimits:
    """How many lines may wait: in all, and of one client. An eighth of the places is kept for clients that
    have no line waiting."""

    lines: int = 256
    client_lines: int = 64

    def places(self, own: int) -> int:
        """Those that a client with so many lines waiting may take the last of."""
        return self.lines - self.lines // 8 if own else self.lines


@dataclass(frozen=True)
class Admission:
    """May a line wait? `evicted` is the line that has to go for it; a refusal has its reason."""

    admitted: bool
    evicted: int | None = None
    reason: str | None = None
    retry_after_s: float = 0.0


@dataclass(frozen=True)
class Order:
    """The order of lines that wait together. `least_s` is the smallest `client_s` among them.

    Shares that differ by no more than the shortest line, `slack_s`, are equal, and who came first is first:
    else clients that ask alike would overtake each other, and some of their lines wait two turns.
    """

    least_s: float = 0.0
    slack_s: float = 0.0

    @classmethod
    def among(cls, lines: Collection[Waiting]) -> "Order":
        return cls(
            min((line.client_s for line in lines), default=0.0),
            min((line.work_s for line in lines), default=0.0),
        )

    def __call__(self, line: Waiting) -> tuple[int, int, float, float]:
        """The most urgent line has the smallest."""
        if line.ahead_s is not None and line.ahead_s > AHEAD_S:
            turn = 2
        elif 0 < line.done_s < TURN_S:
            turn = 0
        else:
            turn = 1
        lead_s = line.client_s - self.least_s
        return line.rank, turn, lead_s if turn and lead_s > self.slack_s else 0.0, line.arrived_s


def choose(waiting: Collection[Waiting], rows: int) -> list[int]:
    """The lines whose next phrases make the device's next pass: up to `rows`, of one model."""
    if not waiting:
        return []
    order = Order.among(waiting)
    first = min(waiting, key=order)
    if rows == 1:
        return [first.key]
    fitting = sorted((line for line in waiting if line.model == first.model), key=order)
    return [line.key for line in fitting[:rows]]


def admit(
    others: Sequence[Waiting], new: Waiting, now_s: float, limits: QueueLimits, rows: int = 1
) -> Admission:
    """Whether `new` may join `others`, those that the device is busy with among them.

    A line that cannot be in time any more is refused before it costs anything; in a full queue
    it takes the place of the last of those that are less urgent, or is told when to come again.
    The last places are for clients that have nothing waiting.
    """
    order = Order.among([*others, new])
    passing_s = sum(other.pass_s for other in others)
    before_s = sum(other.work_s - other.pass_s for other in others if order(other) < order(new))
    if new.due_s is not None and now_s + (passing_s + before_s) / rows + new.first_s > new.due_s:
        return Admission(False, reason="late")
    again_s = min((other.work_s for other in others), default=0.0)
    own = sum(other.client == new.client for other in others)
    if own >= limits.client_lines:
        return Admission(False, reason="client", retry_after_s=again_s)
    if len(others) < limits.places(own):
        return Admission(True)
    last = max((other for other in others if not other.begun), key=order, default=new)
    if last.rank > new.rank:
        return Admission(True, evicted=last.key)
    return Admission(False, reason="full", retry_after_s=again_s)


def late(waiting: Collection[Waiting], now_s: float) -> list[int]:
    """Lines that could not be in time even if they were next."""
    return [line.key for line in waiting if line.due_s is not None and now_s + line.first_s > line.due_s]


@dataclass(frozen=True)
class Pace:
    """What a character of text costs the device, learnt as it works (exponential mean)."""

    s_per_character: float = 0.0
    measured: bool = False

    def learnt(self, work_s: float, characters: float) -> "Pace":
        if characters < 1:
            return self
        now = work_s / characters
        return Pace(now if not self.measured else 0.8 * self.s_per_character + 0.2 * now, True)

    def work_s(self, characters: float) -> float:
        return characters * self.s_per_character


def entered(shares: dict[str, float], client: str, active: Collection[str]) -> float:
    """What a client is taken to have had when it begins to wait: no less than the least of those who do.

    So a newcomer comes next, and nobody saves up turns by being away.
    """
    least = min((shares.get(other, 0.0) for other in active), default=0.0)
    return max(shares.get(client, 0.0), least)
