"""The families of models that there are. Works without PyTorch.

One more is one more folder here and one more entry in `FAMILIES`: docs/ENGINES.md.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sidecar.engines.emotivoice.family import EMOTIVOICE
from sidecar.engines.family import WEIGHTS, Alone, Family, SingleVoices
from sidecar.engines.headers import Header
from sidecar.engines.kokoro.family import KOKORO

#: By `architecture`, as manifests have it.
FAMILIES: dict[str, Family[Any]] = {family.name: family for family in (KOKORO, EMOTIVOICE)}


def importer_of(sources: Sequence[Path]) -> Family[Any] | None:
    """The family whose published checkpoint these files can be, by their number and names."""
    return next((family for family in FAMILIES.values() if family.importing.takes(sources)), None)


def single_voice_of(file: Path) -> tuple[Family[Any], SingleVoices] | None:
    """The family whose single voices this file may hold, by its name and size."""
    for family in FAMILIES.values():
        if family.voices is not None and family.voices.takes(file):
            return family, family.voices
    return None


def owner_of(weights: Header) -> tuple[Family[Any], Alone[Any]]:
    """The family that these weights are most like, by their tensors' names, among those whose weights may
    come alone."""
    return max(_may_come_alone(), key=lambda found: _shared(weights, *found))


def lists() -> tuple[str, ...]:
    """Files of ids that a pack may have, for one family or another."""
    return tuple(dict.fromkeys(name for family in FAMILIES.values() for name in family.lists))


def _may_come_alone() -> Iterator[tuple[Family[Any], Alone[Any]]]:
    for family in FAMILIES.values():
        if family.alone is not None:
            yield family, family.alone


def _shared(weights: Header, family: Family[Any], alone: Alone[Any]) -> int:
    return len(weights.keys() & family.shapes(alone.config)[WEIGHTS].keys())
