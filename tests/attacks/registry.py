"""What a defect is, and the list of them all."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.models.trust import TrustPolicy
from sidecar.protocol.reasons import Reason


@dataclass(frozen=True)
class Dropped:
    """Something to drop, the reasons of which one must be given, and what it takes to see the defect."""

    source: Path
    reasons: frozenset[Reason]
    policy: TrustPolicy = TrustPolicy.ANY


Spoil = Callable[[Path, random.Random], Dropped]


@dataclass
class Registry:
    """Defects by name. `sounding` ones need the real voice: their packs are fine but for their sound."""

    silent: dict[str, Spoil] = field(default_factory=dict)
    sounding: dict[str, Spoil] = field(default_factory=dict)

    def defect(
        self, *reasons: Reason, policy: TrustPolicy = TrustPolicy.ANY, sounding: bool = False
    ) -> Callable[[Callable[[Path, random.Random], Path | None]], Spoil]:
        """Register `spoil(pack, rng)`, which changes the pack or gives back another path to drop."""

        def register(spoil: Callable[[Path, random.Random], Path | None]) -> Spoil:
            def dropped(pack: Path, rng: random.Random) -> Dropped:
                return Dropped(spoil(pack, rng) or pack, frozenset(reasons), policy)

            (self.sounding if sounding else self.silent)[spoil.__name__] = dropped
            return dropped

        return register


REGISTRY = Registry()
defect = REGISTRY.defect
