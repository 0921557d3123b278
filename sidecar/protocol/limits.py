"""What one message may be, at most. Exceeding a limit is answered by an error, never by silence."""

from dataclasses import dataclass

VERSION = 1
SAMPLE_RATES_HZ = (8_000, 192_000)
SEED_LIMIT = 2**63 - 2**32 - 1


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, characters or levels; all of them configurable."""

    header_bytes: int = 64 * 1024
    body_bytes: int = 16 * 1024 * 1024
    nesting: int = 8
    text_characters: int = 2_000
    id_bytes: int = 64
