"""Speaking a pack's probe and judging what is heard. The same judgement serves before and after loading."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from sidecar.audio.listening import level, measured
from sidecar.audio.mel import Floats, distance_nepers, log_mel
from sidecar.line import Line
from sidecar.models.file_names import PROBE
from sidecar.models.manifest import Manifest, Probe, ProbeLine
from sidecar.models.pack import Pack
from sidecar.models.standard_probe import STANDARD
from sidecar.protocol.errors import BadRequest, ModelRejected, RequestError
from sidecar.protocol.reasons import Reason, refusal
from sidecar.speech import TimedWord
from sidecar.synthesis import Synthesizer
from sidecar.text.lexicon import MAX_PHONEMES
from sidecar.text.tokens import MARKS

#: Shortest a phoneme, longest a phoneme, and the pauses around them; measured: 0.06 to 0.11, and 0.6 to 0.9.
SHORTEST_S, LONGEST_S, PAUSES_S = 0.025, 0.25, 1.5
RMS_DBFS = (-45.0, -8.0)  # measured: -27 to -20
MOST_CLIPPED = 0.001
OTHERS = 4  #: speakers that are heard besides those of the probe; each takes about a second of one core


@dataclass(frozen=True, eq=False)
class SpokenProbe:
    """One probe line as it was spoken. `lost` samples were no numbers."""

    line: ProbeLine
    samples: Floats
    sample_rate_hz: int
    phonemes: int
    lost: int

    @property
    def picture(self) -> Floats:
        """Log-mel [frames, 40] in nepers."""
        return log_mel(self.samples, self.sample_rate_hz)

    @property
    def shown(self) -> str:
        return f"the probe {self.line.text[:40]!r} by {self.line.speaker!r}"


def check_probe(synthesizer: Synthesizer, pack: Pack) -> float:
    """Speak every line, judge it and compare it with its picture; the largest distance, in nepers.

    Raises `ModelRejected`. For a model on any device and in any precision; not thread-safe, as the
    synthesizer is not.
    """
    pictures = read_pictures(pack.path(PROBE))
    tolerance = pack.manifest.probe.tolerance_nepers
    distances = []
    for number, heard in enumerate(speak_lines(synthesizer, pack.manifest.probe.lines)):
        judge(heard)
        distances.append(_compared(heard, pictures.get(f"line.{number}"), tolerance))
    return max(distances)


def check_others(synthesizer: Synthesizer, manifest: Manifest) -> None:
    """Let a few speakers that the probe leaves out say two words, and judge them. Raises `ModelRejected`."""
    for heard in speak_lines(synthesizer, others(manifest)):
        judge(heard)


def others(manifest: Manifest) -> tuple[ProbeLine, ...]:
    """The same whenever this pack is checked, and no matter in which order its speakers come."""
    pack = hashlib.sha256(manifest.to_json().encode()).digest()
    left = set(manifest.speakers) - {line.speaker for line in manifest.probe.lines}
    drawn = nsmallest(OTHERS, left, key=lambda name: hashlib.sha256(pack + name.encode()).digest())
    return tuple(replace(STANDARD.lines[-1], speaker=name) for name in drawn)


def record_probe(synthesizer: Synthesizer, probe: Probe, file: Path, *, listen: bool = True) -> Probe:
    """Speak the lines, judge them if told to `listen`, and write their pictures; the probe with its
    pronunciation pinned.

    Raises `ModelRejected` when what is heard is not speech, `BadRequest` for a line that cannot be pinned.
    """
    pinned = replace(probe, lines=tuple(_pinned(synthesizer, line) for line in probe.lines))
    pictures = {}
    for number, heard in enumerate(speak_lines(synthesizer, pinned.lines)):
        if listen:
            judge(heard)
        pictures[f"line.{number}"] = heard.picture.astype(np.float16)
    try:
        save_file(pictures, file)
    except SafetensorError as error:  # carries the system's error as text only
        raise OSError(str(error)) from error
    return pinned


def speak_lines(synthesizer: Synthesizer, lines: Sequence[ProbeLine]) -> Iterable[SpokenProbe]:
    """As the model itself speaks: at its own level, with its own pauses and ends, which are ours to change
    for everything else."""
    for line in lines:
        try:
            prepared = synthesizer.prepare(Line(line.text, line.speaker, seed=line.seed))
            speech = synthesizer.said(prepared.bare())
        except RequestError as error:
            raise refusal(
                Reason.PROBE_REFUSED, f"the probe {line.text[:40]!r} cannot be spoken: {error.message}"
            ) from error
        phonemes = sum(symbol.symbol not in MARKS for symbol in speech.phonemes)
        yield SpokenProbe(line, speech.samples, speech.sample_rate_hz, phonemes, speech.lost_samples)


def judge(heard: SpokenProbe) -> None:
    """Finite, of a likely length and level, not clipped, and like speech. Raises `ModelRejected`."""
    if heard.lost:
        raise refusal(
            Reason.PROBE_NOT_FINITE, f"{heard.shown} holds {heard.lost:,} samples that are not numbers"
        )
    seconds = len(heard.samples) / heard.sample_rate_hz
    shortest, longest = SHORTEST_S * heard.phonemes, LONGEST_S * heard.phonemes + PAUSES_S
    if not shortest <= seconds <= longest:
        raise refusal(
            Reason.PROBE_LENGTH,
            f"{heard.shown} takes {seconds:.1f} s, expected {shortest:.1f} to {longest:.1f}",
        )
    loudness = level(heard.samples)
    if loudness.clipped_share > MOST_CLIPPED:
        raise refusal(
            Reason.PROBE_CLIPPED, f"{heard.shown} is clipped in {loudness.clipped_share:.1%} of its samples"
        )
    quietest, loudest = RMS_DBFS
    if not quietest <= loudness.rms_dbfs <= loudest:
        raise refusal(
            Reason.PROBE_LEVEL,
            f"{heard.shown} is at {loudness.rms_dbfs:.0f} dBFS, expected {quietest:.0f} to {loudest:.0f}",
        )
    if complaint := measured(heard.samples, heard.sample_rate_hz).complaint():
        raise refusal(Reason.PROBE_NOT_SPEECH, f"{heard.shown} does not sound like speech: {complaint}")


def read_pictures(file: Path) -> dict[str, Floats]:
    try:
        return {name: table.astype(np.float32) for name, table in load_file(file).items()}
    except (SafetensorError, ValueError, OSError) as error:
        raise refusal(Reason.UNREADABLE, f"{file.name} cannot be read: {error}") from error


def _compared(heard: SpokenProbe, wanted: Floats | None, tolerance: float) -> float:
    if wanted is None:
        raise ModelRejected(f"{heard.shown} has no picture in {PROBE}", reason=Reason.TENSOR_MISSING.value)
    distance = distance_nepers(heard.picture, wanted)
    if not distance <= tolerance:  # so that no number is refused too
        seconds = [len(picture) / 40 for picture in (heard.picture, wanted)]
        how = f"by {distance:.3f} nepers" if np.isfinite(distance) else "in length"
        raise refusal(
            Reason.PROBE_DIFFERS,
            f"{heard.shown} does not sound as the pack says: it differs {how} (tolerance {tolerance}; "
            f"{seconds[0]:.1f} s, expected {seconds[1]:.1f} s)",
            tip="weights, voices and probe do not belong together: make the pack again",
        )
    return distance


def _pinned(synthesizer: Synthesizer, line: ProbeLine) -> ProbeLine:
    """The line with every word's phonemes written in, so that it is read alike by every later version."""
    if "[[" in line.text:
        return line
    speech = synthesizer.speak(Line(line.text, line.speaker, seed=line.seed))
    pieces, at = [], 0
    spans: dict[tuple[int, int], list[TimedWord]] = {}
    for word in speech.words:
        spans.setdefault((word.start, word.end), []).append(word)
    for (start, end), words in spans.items():
        pieces += [line.text[at:start], _overridden(line.text[start:end], words)]
        at = end
    text = "".join([*pieces, line.text[at:]])
    if len(text) > 500 or text.count("[[") != text.count("]]") or "|]]" in text:
        raise BadRequest(f"the probe {line.text[:40]!r} is too long or holds brackets", field="probe")
    return replace(line, text=text)


def _overridden(written: str, words: Sequence[TimedWord]) -> str:
    """What was written with how it is said: each word for itself where together they are too long."""
    phonemes = " ".join(word.phonemes for word in words)
    if len(phonemes) <= MAX_PHONEMES:
        return f"[[{written}|{phonemes}]]"
    return " ".join(f"[[{word.text}|{word.phonemes}]]" for word in words)
