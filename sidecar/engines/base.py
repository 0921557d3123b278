"""What every acoustic architecture offers to the rest of the sidecar."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sidecar.engines.family import Capabilities
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker

#: A name, an index, a blend (name -> weight) or a raw embedding of the model's length.
SpeakerChoice = str | int | Mapping[str, float] | Sequence[float]


@dataclass(frozen=True)
class EngineDescription:
    """What an engine can do, fixed when it is loaded. `alphabet` holds the phoneme symbols it knows,
    `batch_rows` is how many phrases share a pass, `runtime` what runs the network."""

    architecture: str
    sample_rate_hz: int
    languages: tuple[str, ...]
    speakers: tuple[str, ...]
    default_speaker: str
    alphabet: frozenset[str]
    batch_rows: int
    device: str
    precision: str
    capabilities: Capabilities
    runtime: str = "torch"


class Engine(Protocol):
    """A loaded acoustic model. Calls are not thread-safe: one thread owns the device."""

    @property
    def description(self) -> EngineDescription: ...

    def speaker(self, choice: SpeakerChoice) -> Speaker:
        """Raises `UnknownSpeaker` or `BadRequest`."""

    def language_of(self, speaker: str) -> str:
        """BCP 47 tag of the language a named speaker was recorded in."""

    def plan(self, phrases: Sequence[Phrase]) -> list[Plan]:
        """Durations, F0 and energy. Phrases hold symbols of the alphabet only."""

    def render(self, plans: Sequence[Plan], seeds: Sequence[int]) -> list[Floats]:
        """Samples in -1..1 at `sample_rate_hz`, one array a plan. Same plan, same seed: same samples."""

    def pieces(self, plan: Plan, seed: int) -> Iterator[Floats]:
        """The samples of one plan bit by bit; joined they are what `render` gives, to 1e-5."""
