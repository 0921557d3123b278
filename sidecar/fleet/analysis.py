"""One measure of a new version against the stable one: Successful, Failed or Inconclusive, and why."""

from dataclasses import dataclass, field
from enum import Enum

from sidecar.fleet.spec import Gate
from sidecar.reload.policy import Side


class Result(str, Enum):
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"


@dataclass(frozen=True)
class Measure:
    result: Result
    reason: str


@dataclass(frozen=True)
class Figures:
    """What the new and the stable version have done in the last interval, all nodes together. `problem`:
    why they could not be had."""

    new: Side = field(default_factory=Side)
    old: Side = field(default_factory=Side)
    problem: str = ""


def measure(gate: Gate, figures: Figures, usual_cost: float | None) -> Measure:
    """`usual_cost`: the stable version's seconds of work for a second of speech when it was seen last, for
    where it is heard no more."""
    new = figures.new
    if figures.problem:
        return Measure(Result.INCONCLUSIVE, f"no figures: {figures.problem}")
    if new.requests < gate.least_lines:
        return Measure(
            Result.INCONCLUSIVE,
            f"{new.requests} lines in {gate.interval_s:g} s, {gate.least_lines} are needed to judge",
        )
    if new.error_rate > gate.max_error_rate:
        return Measure(
            Result.FAILED,
            f"{new.errors} of {new.requests} lines failed, at most {gate.max_error_rate:.1%} may",
        )
    return _judged_cost(gate, new, figures.old.cost or usual_cost)


def _judged_cost(gate: Gate, new: Side, usual_cost: float | None) -> Measure:
    errors = f"{new.errors} of {new.requests} lines failed"
    if new.cost is None or not usual_cost:
        return Measure(Result.SUCCESSFUL, f"{errors}; there is no work to compare with")
    ratio = new.cost / usual_cost
    said = f"the real-time factor is {ratio:.2f} times the stable version's ({new.cost:.3g})"
    if ratio > gate.max_cost_ratio:
        return Measure(Result.FAILED, f"{said}, at most {gate.max_cost_ratio:g} may be")
    return Measure(Result.SUCCESSFUL, f"{errors}; {said}")
