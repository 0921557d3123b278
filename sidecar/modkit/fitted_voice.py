"""A fitted voice as a voice pack, with who agreed to it and what it was made from."""

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sidecar.fitting.fit import Fitted
from sidecar.fitting.recording import Recordings
from sidecar.fitting.state import METHOD
from sidecar.models.manifest import MAX_TEXT
from sidecar.models.manifest import Fitted as Provenance
from sidecar.models.pack import Pack, verify, writing_to
from sidecar.modkit.making import Making, check_name
from sidecar.modkit.voice_pack import NewVoice, make_voice_pack, write_voices
from sidecar.protocol.errors import BadRequest

_LEAST_CONSENT = 8  # characters; less says nothing


@dataclass(frozen=True)
class Claim:
    """What the maker says of a fitted voice; `consent` in words: who agreed to what, and when."""

    name: str
    version: str
    licence: str
    consent: str


def check_new(claim: Claim, target: Path) -> None:
    """Before minutes of work. Raises `BadRequest` for what could not be a pack, and for one that is there."""
    check_name(claim.name, claim.version)
    if not _LEAST_CONSENT <= (characters := len(claim.consent.strip())) <= MAX_TEXT:
        expected = f"expected {_LEAST_CONSENT} to {MAX_TEXT}: say who agreed to what, and when"
        raise BadRequest(f"the consent has {characters} characters, {expected}", field="consent")
    if not 0 < len(claim.licence.strip()) <= MAX_TEXT:
        raise BadRequest(
            "the licence is empty or too long: such as CC-BY-4.0 or proprietary", field="licence"
        )
    if target.exists():
        raise BadRequest(f"{target} exists already: choose another --name or --version", field="name")


def write_fitted(fitted: Fitted, recordings: Recordings, base: Pack, target: Path, claim: Claim) -> Pack:
    """Make the folder `target`: the voice, how loud it is, where it comes from. Some seconds. Raises as
    `make_voice_pack`."""
    provenance = Provenance(
        claim.consent.strip(),
        date.today().isoformat(),
        tuple(each.sha256 for each in recordings.each),
        method_of(fitted),
    )
    making = Making(
        claim.name,
        claim.version,
        claim.licence,
        f"fitted to recordings, from {fitted.nearest}",
        speaker=claim.name,
    )
    verify(base)
    with tempfile.TemporaryDirectory() as folder, writing_to(target.parent):
        write_voices([NewVoice(claim.name, fitted.tensors)], Path(folder))
        return make_voice_pack(Path(folder), target, making, base, provenance)


def method_of(fitted: Fitted) -> str:
    """For people: what was done, and how far it got by what the fit was not told of."""
    verdict = fitted.verdict
    what = "manner and timbre by layers" if verdict.is_reached else "manner alone: the timbre was not reached"
    return (
        f"npc-voice voice fit, method {METHOD}, from {fitted.nearest}: {what}; "
        f"{verdict.share:.0%} of the fit, {verdict.nearer:.0%} of the way in voice quality, "
        f"F0 {verdict.f0_hz:.0f} Hz"
    )
