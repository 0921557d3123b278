"""The order of the checks, what is allowed, and what a check took."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sidecar.models.trust import Policy, TrustPolicy

MIB = 1 << 20


class Stage(str, Enum):
    """In the order in which they run: what is cheap comes first, the network is loaded for the last two.

    start -> paths -> manifest -> signature -> copy -> headers -> values -> load -> probe -> publish
    """

    START = "start"  # the child process
    PATHS = "paths"  # names, links, sizes; the archive's directory
    MANIFEST = "manifest"
    SIGNATURE = "signature"
    COPY = "copy"  # every byte is read once, hashed and written into the store
    HEADERS = "headers"  # tensors by name, shape and type; the lexicon
    VALUES = "values"
    LOAD = "load"
    PROBE = "probe"
    PUBLISH = "publish"  # flushed and renamed into place


@dataclass(frozen=True)
class CheckSettings:
    """What a pack may be and a check may take.

    Without `listen` the check ends before the pack is loaded and spoken, or records its probe whatever that
    sounds like, and random weights pass. The sidecar must never do that; it is there for tests of what does
    not need a sounding voice. `timeout_s` is generous, since a game may leave a check little of the machine;
    `processor_s` bounds what it uses. `bases` are folders of packs that a voice pack's base may be; single
    voices are spoken by the first.
    """

    policy: Policy = field(default_factory=Policy)
    trusted_keys: frozenset[str] = frozenset()
    timeout_s: float = 600.0
    processor_s: int = 180
    memory_bytes: int = 4 << 30
    max_pack_bytes: int = (4 << 30) - 1
    listen: bool = True
    bases: tuple[str, ...] = ()
    runtime: str = "auto"

    def to_request(self) -> dict[str, Any]:
        return {
            "policy": self.policy.who.value,
            "needs_consent": self.policy.needs_consent,
            "trusted_keys": sorted(self.trusted_keys),
            "timeout_s": self.timeout_s,
            "processor_s": self.processor_s,
            "memory_bytes": self.memory_bytes,
            "max_pack_bytes": self.max_pack_bytes,
            "listen": self.listen,
            "bases": list(self.bases),
            "runtime": self.runtime,
        }

    @classmethod
    def from_request(cls, request: dict[str, Any]) -> "CheckSettings":
        plain = dict(request)
        parsed = {
            "policy": Policy(TrustPolicy(plain.pop("policy")), plain.pop("needs_consent")),
            "trusted_keys": frozenset(request["trusted_keys"]),
            "bases": tuple(request["bases"]),
        }
        return cls(**{**plain, **parsed})


@dataclass(frozen=True)
class StageTime:
    stage: Stage
    ms: float


@dataclass(frozen=True)
class CheckReport:
    """What a passed check took. `peak_memory_bytes` is the child's, None where it cannot be known.

    `signer` is the key that signed the pack, None when nobody did; `distance_nepers` how far the probe
    was from its picture.
    """

    stages: tuple[StageTime, ...]
    peak_memory_bytes: int | None
    signer: str | None
    distance_nepers: float | None

    @property
    def total_ms(self) -> float:
        return sum(stage.ms for stage in self.stages)
