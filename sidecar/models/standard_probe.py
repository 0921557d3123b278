"""The lines that are spoken with a pack whose maker named none, their pronunciation pinned.

A probe is about the model: with the phonemes in the line, a better dictionary in a later version of
ours does not make old packs sound wrong.
"""

from collections.abc import Sequence
from dataclasses import replace

from sidecar.models.manifest import Probe, ProbeLine

#: Between what another processor or half precision changes (up to 0.02) and the least audible of the
#: wrong weights we tried (0.05); another voice is at 0.5.
TOLERANCE_NEPERS = 0.04

STANDARD = Probe(
    (
        ProbeLine(
            "[[Halt|hˈɔlt]]! [[Who|hˌu]] [[goes|ɡˈOz]] [[there|ðˈɛɹ]], [[friend|fɹˈɛnd]]?", "af_heart", 7
        ),
        ProbeLine("[[Well|wˈɛl]] [[met|mˈɛt]].", "am_michael", 7),
    ),
    TOLERANCE_NEPERS,
)


def standard_probe(speakers: Sequence[str]) -> Probe:
    """The standard lines, spoken by voices that are there."""
    lines = (
        line if line.speaker in speakers else replace(line, speaker=speakers[0]) for line in STANDARD.lines
    )
    return replace(STANDARD, lines=tuple(lines))
