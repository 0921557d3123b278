"""What a fleet shall speak with: one rollout of one name, in the words of Argo Rollouts and Flagger.

A spec is JSON in the store, written by `npc-voice fleet rollout start`:

    {"rollout": "5f0c9a1e", "name": "guard", "version": "2.1.0",
     "sha256": "…", "source": "https://packs.example.org/guard-2.1.0.npcvoice",
     "steps": [{"weight": 10}, {"pause": {"duration": "5m"}}, {"weight": 50}],
     "analysis": {"interval": "30s", "count": 4, "failureLimit": 1},
     "progressDeadline": "10m", "rollbackWindow": 3}

`source` is an https address, `share:FILE` in the folder that a node was given as its share, or absent: nodes
have that version already. It is read strictly: a key that is not known is refused, not passed over.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sidecar.fleet.reading import checked_text, duration_s, known_keys, number, read_object, whole
from sidecar.models.version import is_version
from sidecar.protocol.errors import BadRequest, did_you_mean
from sidecar.protocol.limits import Range

MOST_STEPS = 32
SHARE = "share:"  #: the beginning of a source in a node's share
FROM_NODES, FROM_PROMETHEUS = "nodes", "prometheus"  #: where a gate's figures come from
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_ROLLOUT = re.compile(r"[a-z0-9]{4,32}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}\.npcvoice", re.ASCII)

T = TypeVar("T")
PERCENT = Range(0, 100, is_whole=True)
TIMES = Range(1, 1000, is_whole=True)
LIMIT = Range(0, 1000, is_whole=True)
LINES = Range(1, 1_000_000, is_whole=True)
RATE = Range(0, 1)
RATIO = Range(1, 100)
WINDOW = Range(0, 10, is_whole=True)


@dataclass(frozen=True)
class Target:
    """A version, the sha256 of its `.npcvoice` file and where that is to be had; both empty where nodes
    have it already."""

    version: str
    sha256: str = ""
    source: str = ""


@dataclass(frozen=True)
class Gate:
    """What a step must show before the next: `count` successful measures, one each `interval_s`, the first
    `initial_delay_s` after the nodes of the step have the version.

    More than `failure_limit` failed ones abort the rollout, more than `inconclusive_limit` inconclusive ones
    pause it. A measure looks at the last `interval_s`: fewer than `least_lines` are inconclusive. `figures`
    says where they come from.
    """

    interval_s: float = 60.0
    count: int = 3
    failure_limit: int = 0
    inconclusive_limit: int = 3
    initial_delay_s: float = 60.0
    least_lines: int = 20
    max_error_rate: float = 0.02
    max_cost_ratio: float = 1.5
    figures: str = FROM_NODES

    @property
    def promised_s(self) -> float:
        """Until a version that fails every measure is given up, from when the step's nodes have it."""
        return self.initial_delay_s + self.interval_s * self.failure_limit


@dataclass(frozen=True)
class Weight:
    """That part of the nodes, in percent, and what they must show; None: nothing."""

    percent: int
    gate: Gate | None = None


@dataclass(frozen=True)
class Pause:
    """None: until somebody promotes."""

    duration_s: float | None = None


Step = Weight | Pause


@dataclass(frozen=True)
class Spec:
    """`rollout` is another one for each start: it decides which nodes go first. `rollback_window`: to a
    version that was stable so few rollouts ago there are no steps."""

    name: str
    rollout: str
    target: Target
    steps: tuple[Step, ...] = ()
    progress_deadline_s: float = 600.0
    rollback_window: int = 3

    @property
    def label(self) -> str:
        return f"{self.name}@{self.target.version}"


def read_spec(text: str, name: str) -> Spec:
    """The spec that lies under `name`. Raises `BadRequest` naming what is wrong."""
    data = read_object(text)
    known_keys(data, (
        "name", "rollout", "version", "sha256", "source", "steps", "analysis", "progressDeadline",
        "rollbackWindow",
    ), "")  # fmt: skip
    found = checked_text(data, "name", _NAME, "a pack's name")
    if found != name:
        raise BadRequest(f"name is {found!r}, but it lies under {name!r}", field="name")
    usual = _optional(data, "analysis", _gate)
    return Spec(
        found,
        checked_text(data, "rollout", _ROLLOUT, "4 to 32 lower-case letters and digits"),
        read_target(data),
        _steps(data.get("steps", []), usual),
        duration_s(data, "progressDeadline", Spec.progress_deadline_s),
        whole(data, "rollbackWindow", WINDOW, Spec.rollback_window),
    )


def is_name(text: str) -> bool:
    """Whether a pack can be called so."""
    return bool(_NAME.fullmatch(text))


def read_target(data: Mapping[str, Any]) -> Target:
    """From `version`, `sha256` and `source`. Raises `BadRequest`."""
    version = data.get("version")
    if not is_version(version):
        raise BadRequest(
            f"version must be a semantic version such as 1.2.3, got {str(version)[:40]!r}", field="version"
        )
    if not data.get("source"):
        return Target(str(version))
    sha256 = checked_text(data, "sha256", _SHA256, "64 hexadecimal digits")
    return Target(str(version), sha256, _source(data["source"]))


def _source(source: object) -> str:
    """Nothing but a file name in the share, or https; http to this machine only."""
    if not isinstance(source, str) or len(source) > 2000:
        raise BadRequest("source must be text of at most 2000 characters", field="source")
    if source.startswith(SHARE):
        if not _FILE.fullmatch(source[len(SHARE) :]):
            raise BadRequest(
                f"source {source[:80]!r}: expected {SHARE}NAME.npcvoice, without a path", field="source"
            )
        return source
    address = _address(source)
    is_near = address.scheme == "http" and address.hostname in ("127.0.0.1", "localhost", "::1")
    if not (address.scheme == "https" or is_near) or not address.hostname or address.username is not None:
        raise BadRequest(
            f"source {source[:80]!r}: expected https://HOST/… without a user, or {SHARE}NAME.npcvoice",
            field="source",
        )
    return source


def _address(source: str) -> Any:
    try:
        address = urlsplit(source)
        _ = address.port
    except ValueError as error:
        raise BadRequest(f"source {source[:80]!r} is no address: {error}", field="source") from error
    return address


def _steps(data: object, usual: Gate | None) -> tuple[Step, ...]:
    if not isinstance(data, list) or len(data) > MOST_STEPS:
        raise BadRequest(f"steps must be a list of at most {MOST_STEPS}", field="steps")
    return tuple(_step(item, f"steps[{index}].", usual) for index, item in enumerate(data))


def _step(data: object, within: str, usual: Gate | None) -> Step:
    if not isinstance(data, dict) or ("weight" in data) == ("pause" in data):
        raise BadRequest(f"{within[:-1]} must be a map with a weight or a pause", field="steps")
    if "pause" in data:
        known_keys(data, ("pause",), within)
        return _pause(data["pause"], within + "pause.")
    known_keys(data, ("weight", "analysis"), within)
    gate = _optional(data, "analysis", _gate) if "analysis" in data else usual
    return Weight(whole(data, "weight", PERCENT, None, within), gate)


def _pause(data: object, within: str) -> Pause:
    if not isinstance(data, dict):
        raise BadRequest(f"{within[:-1]} must be a map, {{}} or {{duration}}", field="steps")
    known_keys(data, ("duration",), within)
    return Pause(duration_s(data, "duration", 0.0, within) if "duration" in data else None)


def _gate(data: object) -> Gate:
    if not isinstance(data, dict):
        raise BadRequest("analysis must be a map", field="analysis")
    within = "analysis."
    known_keys(data, (
        "interval", "count", "failureLimit", "inconclusiveLimit", "initialDelay", "leastLines",
        "maxErrorRate", "maxCostRatio", "figures",
    ), within)  # fmt: skip
    figures = data.get("figures", FROM_NODES)
    if figures not in (FROM_NODES, FROM_PROMETHEUS):
        near = did_you_mean(str(figures)[:40], (FROM_NODES, FROM_PROMETHEUS))
        raise BadRequest(f"unknown analysis.figures {str(figures)[:40]!r}{near}", field="analysis")
    interval_s = duration_s(data, "interval", Gate.interval_s, within, least_s=0.1)
    return Gate(
        interval_s,
        whole(data, "count", TIMES, Gate.count, within),
        whole(data, "failureLimit", LIMIT, Gate.failure_limit, within),
        whole(data, "inconclusiveLimit", LIMIT, Gate.inconclusive_limit, within),
        duration_s(data, "initialDelay", interval_s, within),
        whole(data, "leastLines", LINES, Gate.least_lines, within),
        number(data, "maxErrorRate", RATE, Gate.max_error_rate, within),
        number(data, "maxCostRatio", RATIO, Gate.max_cost_ratio, within),
        figures,
    )


def _optional(data: Mapping[str, Any], key: str, read: Callable[[Any], T]) -> T | None:
    return None if data.get(key) is None else read(data[key])
