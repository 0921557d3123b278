"""A family of models that sing in sine tones: the smallest that goes every way that a real one goes.

Tests register it, in their own process (`making.registered`) and as the children `checking` and
`importing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.engines.config_fields import checked_fields
from sidecar.engines.family import WEIGHTS, Alone, Capabilities, Contents, Family, Importing
from sidecar.engines.headers import Header
from sidecar.engines.registry import FAMILIES
from sidecar.engines.shapes import Shape
from sidecar.protocol.reasons import Reason, refusal

if TYPE_CHECKING:
    from sidecar.engines.base import Engine
    from sidecar.engines.placement import Placement

ARCHITECTURE = "sine"
LANGUAGES = ("en-US",)
CAPABILITIES = Capabilities(plans_f0=True, plans_energy=True, streams_pieces=True, reads_prompts=False)


@dataclass(frozen=True)
class SineConfig:
    """How many speakers there are, and how many partials make their timbres."""

    n_speaker: int = 4
    partials: int = 6


def checked_config(data: Mapping[str, object]) -> SineConfig:
    return checked_fields(SineConfig, data, {"n_speaker": (1, 100), "partials": (1, 16)}, {})


def speakers(number: int) -> tuple[str, ...]:
    return tuple(f"tone_{index}" for index in range(number))


def _shapes(config: SineConfig) -> Mapping[str, Mapping[str, Shape]]:
    """Octaves over 55 Hz, and the strength of each partial."""
    return {WEIGHTS: {"octaves": (config.n_speaker, 1), "partials": (config.n_speaker, config.partials)}}


def _check_tables(config: SineConfig, names: tuple[str, ...], _: Mapping[str, Header]) -> None:
    if names != speakers(config.n_speaker):
        raise refusal(Reason.SPEAKERS_DIFFER, f"expected the speakers {speakers(config.n_speaker)}")


def _load(folder: Path, names: tuple[str, ...], _: SineConfig, placement: "Placement") -> "Engine":
    from tests.toy.engine import SineEngine

    return SineEngine.load(folder / WEIGHTS, names, placement)


def _takes(sources: Sequence[Path]) -> bool:
    return len(sources) == 1 and sources[0].suffix == ".sine"


def _convert(sources: Sequence[Path], folder: Path) -> Contents:
    from tests.toy.engine import convert

    return convert(sources[0], folder)


def _complete(folder: Path) -> tuple[str, ...]:
    from tests.toy.engine import rows

    return speakers(rows(folder / WEIGHTS))


SINE = Family(
    name=ARCHITECTURE,
    title="Sine",
    languages=LANGUAGES,
    language_of=lambda speaker: LANGUAGES[0],
    capabilities=CAPABILITIES,
    weight_files=(WEIGHTS,),
    table_files=(),
    lists=(),
    checked_config=checked_config,
    shapes=_shapes,
    check_tables=_check_tables,
    check_values=lambda folder: None,
    load=_load,
    importing=Importing(
        published="a .sine file",
        expected="a file ending in .sine",
        pack_name="sine",
        takes=_takes,
        convert=_convert,
    ),
    alone=Alone(SineConfig(), _complete),
)


def register() -> None:
    """From now on this process knows the family."""
    FAMILIES[SINE.name] = SINE
