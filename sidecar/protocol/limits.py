"""What a message and a line may be, at most. Exceeding a limit is answered by an error, never by silence."""

from dataclasses import dataclass

VERSION = 1


@dataclass(frozen=True)
class Range:
    """What a number may be, both ends included."""

    lowest: float
    highest: float
    is_whole: bool = False

    def __str__(self) -> str:
        return f"{shown(self.lowest)} to {shown(self.highest)}"


def shown(number: float) -> str:
    """As people write it; the first digits of an endless one."""
    return str(number)[:20] if isinstance(number, int) else f"{number:g}"


SPEED = Range(0.5, 2)
PITCH_ST = Range(-12, 12)
INTENSITY = Range(0, 1)
LOUDNESS_LUFS = Range(-60, -5)
SAMPLE_RATE_HZ = Range(8_000, 192_000, is_whole=True)
SEED = Range(0, 2**63 - 2**32 - 1, is_whole=True)
DEADLINE_MS = Range(1, 24 * 3_600_000, is_whole=True)
WEIGHT = Range(0, 1e6)  #: in a mixture: sums of such are still numbers
SHARE = Range(0, 1)  #: of the sessions
PROMPT_CHARACTERS = 200
EFFECT_CHARACTERS = 40  #: of its name
LINE_CHARACTERS = 20_000
LINE_PHONEMES, LINE_S = 6_000, 600.0  #: a few characters can be minutes ("≠≠≠")
LINE_SOUND_BYTES = 256 << 20  #: of its samples, 4 bytes each, in memory


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, characters or levels; all of them configurable."""

    header_bytes: int = 64 * 1024
    body_bytes: int = 16 * 1024 * 1024
    nesting: int = 8
    text_characters: int = 2_000
    id_bytes: int = 64
