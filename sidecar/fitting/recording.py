"""A person's recordings, as a fit hears them, or a refusal that says in words what is wrong with them."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sidecar.audio.shape import resampled
from sidecar.children.running import run_child
from sidecar.fitting.reading_child import LONGEST_S
from sidecar.prosody.activity import Activity, activity
from sidecar.prosody.analysis import analysed
from sidecar.prosody.f0 import FRAMES_PER_S, RATE_HZ, Floats, tracked
from sidecar.prosody.traits import Traits
from sidecar.protocol.errors import BadAudio, StorageError

ENGINE_HZ = 24_000
SPEECH_S = 5.0  #: less tells too little of a voice
LEAST_SNR_DB = 15.0
LEVEL = 0.07  #: root mean square of speech, about as loud as models speak
_CHILD, _TIMEOUT_S = "sidecar.fitting.reading_child", 90
_SILENT, _FLAT_ABOVE, _FLAT_SHARE, _FLAT_RUN = 1e-3, 0.999, 2e-4, 3
_EXPECTED = f"expected {SPEECH_S:g} to {LONGEST_S:g} s of one person's speech"
WIDE_HZ, _BAND_SHARE = 16_000, 0.475  # what encoders hear at; of a file's rate, its resampler's edge included
_GAP_S = 0.3  # between recordings that are judged as one
_EDGE_DB = 62.0  # under the loudest band of speech there is nothing a voice is told by
_EDGES_HZ = np.arange(2500.0, 8001.0, 250.0)


@dataclass(frozen=True, eq=False)
class Recording:
    """Mono `samples` at 24 kHz, speech at `LEVEL`, of one file; silence at its ends is cut. `sha256` of the
    file."""

    name: str
    samples: Floats
    sha256: str


@dataclass(frozen=True, eq=False)
class Decoded:
    """A file as it was decoded: mono samples as they are, and the hash of the file."""

    name: str
    samples: Floats
    sample_rate_hz: int
    sha256: str

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True, eq=False)
class Recordings:
    """All of one person. `traits` tell how they speak; over `edge_hz` nothing was recorded."""

    each: tuple[Recording, ...]
    traits: Traits
    edge_hz: float

    @property
    def joined(self) -> Floats:
        """One after the other."""
        return np.concatenate([each.samples for each in self.each])

    @property
    def sha256(self) -> str:
        """Of one file its own, of several that of their hashes in order."""
        if len(self.each) == 1:
            return self.each[0].sha256
        return hashlib.sha256("".join(each.sha256 for each in self.each).encode()).hexdigest()


def read_recordings(paths: Sequence[Path]) -> Recordings:
    """Decode, judge and level them. Takes a second. Raises `BadAudio` that names the file and says what is
    wrong and what would do, and `StorageError` for a file that is not there."""
    return recordings_of([_read(path) for path in paths])


def recordings_of(files: Sequence["Decoded"]) -> Recordings:
    """What was decoded, judged and levelled. Raises `BadAudio`."""
    total_s = sum(file.duration_s for file in files)
    if total_s > LONGEST_S:
        raise BadAudio(f"the recordings last {total_s:.1f} s together, expected {LONGEST_S:g} s at most")
    sounds = [(file, _sound(file)) for file in files]
    traits = _judged(_joined([resampled(s, file.sample_rate_hz, RATE_HZ) for file, s in sounds], RATE_HZ))
    wide = _joined([resampled(s, file.sample_rate_hz, WIDE_HZ) for file, s in sounds], WIDE_HZ)
    lowest_hz = min(file.sample_rate_hz for file in files)
    each = (
        Recording(file.name, _levelled(resampled(s, file.sample_rate_hz, ENGINE_HZ)), file.sha256)
        for file, s in sounds
    )
    return Recordings(tuple(each), traits, min(_edge_hz(wide), _BAND_SHARE * lowest_hz))


def _read(path: Path) -> Decoded:
    if not path.is_file():
        raise StorageError(f"{path} is not a file that can be read")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "samples.npy"
        ended = run_child(_CHILD, [str(path.resolve()), str(target)], timeout_s=_TIMEOUT_S)
        report = next((report for report in ended.reports if "ok" in report), None)
        if report is None:
            raise BadAudio(f"{path.name}: it cannot be decoded: the decoder ended with code {ended.code}")
        if not report["ok"]:
            raise BadAudio(f"{path.name}: {report['message']}; {_EXPECTED}")
        samples: Floats = np.load(target, allow_pickle=False)
    return Decoded(
        path.name, samples, int(report["sample_rate_hz"]), hashlib.sha256(path.read_bytes()).hexdigest()
    )


def _sound(file: Decoded) -> Floats:
    """With a peak of 1. Raises `BadAudio` for what is no sound, silent or clipped."""
    if len(file.samples) == 0 or not np.isfinite(file.samples).all():
        raise BadAudio(f"{file.name}: it has no samples, or some that are not finite numbers")
    peak = float(np.abs(file.samples).max())
    if peak < _SILENT:
        raise BadAudio(f"{file.name}: it is silent: its peak is under -60 dB of full scale; {_EXPECTED}")
    full: Floats = file.samples / np.float32(peak)
    if (share := _flat_share(full)) > _FLAT_SHARE:
        raise BadAudio(
            f"{file.name}: it is clipped: {share:.2%} of its samples lie flat at its peak, expected under "
            f"{_FLAT_SHARE:.2%}; record it softer"
        )
    return full


def _flat_share(full: Floats) -> float:
    """Of samples that lie in runs at the peak, as clipping leaves them."""
    flat = np.abs(full) >= _FLAT_ABOVE
    run = np.convolve(flat, np.ones(_FLAT_RUN), "valid") >= _FLAT_RUN
    return float(run.sum()) * _FLAT_RUN / len(full)


def _judged(low: Floats) -> Traits:
    """The traits of samples at `f0.RATE_HZ`. Raises `BadAudio` for too little speech, noise, music, and two
    voices that their registers tell apart."""
    peak = float(np.abs(low).max())
    traits = analysed(low / np.float32(peak), 20 * float(np.log10(peak)))
    if traits.speech_s < SPEECH_S:
        raise BadAudio(
            f"there are {traits.speech_s:.1f} s of speech in it, expected {SPEECH_S:g} to {LONGEST_S:g} s: "
            "add another recording of the same person"
        )
    if traits.snr_db < LEAST_SNR_DB:
        raise BadAudio(
            f"speech is {traits.snr_db:.0f} dB over its background, expected {LEAST_SNR_DB:g} dB or more: "
            "record it in a quieter place, nearer to the microphone"
        )
    return traits


def _joined(each: Sequence[Floats], rate_hz: int) -> Floats:
    gap = np.zeros(int(_GAP_S * rate_hz), np.float32)
    return np.concatenate([part for samples in each for part in (samples, gap)])[: -len(gap)]


def _levelled(samples: Floats) -> Floats:
    """Speech at `LEVEL`, cut to a tenth of a second around it."""
    active = active_of(samples)
    first, end = (int(active.phrases[at, side] / FRAMES_PER_S * ENGINE_HZ) for at, side in ((0, 0), (-1, 1)))
    spare = ENGINE_HZ // 10
    speech = np.repeat(active.speech, ENGINE_HZ // FRAMES_PER_S)[: len(samples)]
    level = float(np.sqrt(np.mean(np.square(samples[: len(speech)][speech], dtype=np.float64))))
    cut = samples[max(0, first - spare) : end + spare]
    return (cut * np.float32(LEVEL / level)).astype(np.float32)


def active_of(samples: Floats) -> Activity:
    """Where there is speech in samples at 24 kHz."""
    low = resampled(samples, ENGINE_HZ, RATE_HZ)
    return activity(low, tracked(low))


def _edge_hz(samples: Floats) -> float:
    """Samples at 16 kHz -> up to where something was recorded: what follows is a codec's or a telephone's."""
    spectrum = np.abs(np.fft.rfft(_frames(samples) * np.hanning(512), axis=1)) ** 2
    power = spectrum[spectrum.sum(1) > np.median(spectrum.sum(1))].mean(0)
    level = 10 * np.log10(power + 1e-20)
    hz = np.fft.rfftfreq(512, 1 / WIDE_HZ)
    heard = [
        edge for edge in _EDGES_HZ if level[(hz > edge - 250) & (hz <= edge)].mean() > level.max() - _EDGE_DB
    ]
    return float(max(heard, default=_EDGES_HZ[0]))


def _frames(samples: Floats) -> Floats:
    return np.lib.stride_tricks.sliding_window_view(samples, 512)[::256]
