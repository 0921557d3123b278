"""What comes out of a line: samples, and what is heard, and seen on lips, when."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from sidecar.audio.encode import UNKNOWN, Mark, encode
from sidecar.audio.loudness import normalised
from sidecar.audio.shape import mended
from sidecar.lipsync.oculus import CLOSED, Row
from sidecar.models.pack import write_whole
from sidecar.prosody.plan import Floats, Plan
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.formats import FILE_ENDINGS, FILES
from sidecar.text.phrases import SpokenPhrase
from sidecar.text.tokens import Word


@dataclass(frozen=True)
class TimedWord:
    """A spoken word, the span ``[start, end)`` of the line it came from, and when it is heard."""

    text: str
    phonemes: str
    start: int
    end: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class TimedPhoneme:
    """One phoneme or mark, the span of the line it came from, when it is heard, and at what F0 it was planned
    (0: unvoiced)."""

    symbol: str
    start: int
    end: int
    start_s: float
    end_s: float
    f0_hz: float = 0.0


T = TypeVar("T", TimedWord, TimedPhoneme)


@dataclass(frozen=True)
class Timing:
    """Wall time by stage, in milliseconds."""

    text_ms: float = 0.0
    infer_ms: float = 0.0
    encode_ms: float = 0.0


@dataclass(frozen=True, eq=False)
class Speech:
    """A spoken line or part of one: mono samples in -1..1, and what is heard, and seen on lips, when.

    As the model made them, `cut_samples` were beyond full scale and `lost_samples` no numbers. `mark` says
    what model and voice they are of, `planned_s` how long they were to be.
    """

    samples: Floats
    sample_rate_hz: int
    words: tuple[TimedWord, ...]
    phonemes: tuple[TimedPhoneme, ...]
    visemes: tuple[Row, ...]
    seed: int
    timing: Timing
    cut_samples: int = 0
    lost_samples: int = 0
    mark: Mark = UNKNOWN
    planned_s: float = 0.0

    @property
    def mended_samples(self) -> int:
        """How many are not as they were made."""
        return self.cut_samples + self.lost_samples

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz

    def encoded(self, kind: str, *, marked: bool = True) -> bytes:
        """The audio as `kind`, one of pcm_s16le, pcm_f32le, wav, ogg, flac. The last three say in their
        header that it is synthetic, unless it shall not be `marked`."""
        return encode(self.samples, self.sample_rate_hz, kind, self.mark if marked else None)

    def save(self, path: str | Path, *, marked: bool = True) -> None:
        """Write a file; its ending chooses the format: .wav, .ogg or .flac. It is `marked` as in `encoded`.

        Raises `BadRequest` for another ending and `StorageError` when the disk refuses: then no half
        file is left, and a file that was there before stays as it was.
        """
        path = Path(path)
        write_whole(path, self.encoded(format_of(path), marked=marked))


def format_of(path: Path) -> str:
    """The format a file's ending asks for. Raises `BadRequest`."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in FILES:
        raise BadRequest(f"cannot tell the format of {path.name!r}: use {FILE_ENDINGS}", field="path")
    return kind


def timed_phonemes(spoken: SpokenPhrase, plan: Plan) -> tuple[TimedPhoneme, ...]:
    """Symbols with their times in the phrase; spaces between words are left out."""
    at, f0_hz = plan.boundaries_s().tolist(), plan.mean_f0_hz().tolist()
    return tuple(
        TimedPhoneme(p.symbol, item.start, item.end, at[index + 1], at[index + 2], f0_hz[index + 1])
        for index, p in enumerate(spoken.phonemes())
        if p.item is not None and (item := spoken.items[p.item])
    )


def timed_words(spoken: SpokenPhrase, plan: Plan) -> tuple[TimedWord, ...]:
    at = plan.boundaries_s().tolist()
    places: dict[int, list[int]] = {}
    for index, phoneme in enumerate(spoken.phonemes()):
        if phoneme.item is not None:
            places.setdefault(phoneme.item, []).append(index)
    return tuple(
        TimedWord(word.text, word.phonemes, word.start, word.end, at[where[0] + 1], at[where[-1] + 2])
        for item, where in places.items()
        if isinstance(word := spoken.items[item], Word)
    )


def ending(times: tuple[T, ...], end_s: float) -> tuple[T, ...]:
    """Words or phonemes as they are heard where none is heard after `end_s`."""
    return tuple(replace(one, start_s=min(one.start_s, end_s), end_s=min(one.end_s, end_s)) for one in times)


def shifted(part: Speech, by_s: float) -> Speech:
    """The part with its times moved later."""
    if by_s == 0:
        return part
    words = tuple(replace(w, start_s=w.start_s + by_s, end_s=w.end_s + by_s) for w in part.words)
    phonemes = tuple(replace(p, start_s=p.start_s + by_s, end_s=p.end_s + by_s) for p in part.phonemes)
    lips = tuple((start_s + by_s, shape, weight) for start_s, shape, weight in part.visemes)
    return replace(part, words=words, phonemes=phonemes, visemes=lips)


def rested(part: Speech, before_s: float, after_s: float) -> Speech:
    """The part with silence before and after it."""
    if before_s == after_s == 0:
        return part
    before, after = (round(seconds * part.sample_rate_hz) for seconds in (before_s, after_s))
    start, end = ((0.0, CLOSED, 1.0),) * (before > 0), ((part.duration_s, CLOSED, 1.0),) * (after > 0)
    padded = replace(
        part,
        samples=np.pad(part.samples, (before, after)),
        visemes=part.visemes + end,
        planned_s=part.planned_s + before_s + after_s,
    )
    late = shifted(padded, before / part.sample_rate_hz)
    return replace(late, visemes=start + late.visemes)


def cut(speech: Speech, start_s: float, end_s: float) -> Speech:
    """What begins in ``[start, end)``, times from `start_s`; the mouth is as it stands there."""
    words = tuple(word for word in speech.words if start_s <= word.start_s < end_s)
    phonemes = tuple(p for p in speech.phonemes if start_s <= p.start_s < end_s)
    standing_s = max((at_s for at_s, _, _ in speech.visemes if at_s <= start_s), default=start_s)
    lips = tuple(
        (max(at_s, start_s), shape, weight)
        for at_s, shape, weight in speech.visemes
        if standing_s <= at_s < end_s
    )
    stretch = replace(speech, words=words, phonemes=phonemes, visemes=lips, planned_s=end_s - start_s)
    return shifted(stretch, -start_s)


def voiced(silent: Speech, samples: Floats, timing: Timing) -> Speech:
    """What is heard when, with its sound. All that is ever spoken comes through here: finite, in -1..1."""
    sound, cut, lost = mended(samples)
    return replace(silent, samples=sound, timing=timing, cut_samples=cut, lost_samples=lost)


def joined(parts: Sequence[Speech], loudness_lufs: float | None) -> Speech:
    """Consecutive parts as one, brought to a loudness if one is asked for."""
    began = time.perf_counter()
    rate_hz = parts[0].sample_rate_hz
    samples = loud(np.concatenate([part.samples for part in parts]), rate_hz, loudness_lufs)
    sums = [
        math.fsum(stage)
        for stage in zip(
            *((p.timing.text_ms, p.timing.infer_ms, p.timing.encode_ms) for p in parts), strict=True
        )
    ]
    return replace(
        parts[0],
        samples=samples,
        words=tuple(word for part in parts for word in part.words),
        phonemes=tuple(phoneme for part in parts for phoneme in part.phonemes),
        visemes=tuple(row for part in parts for row in part.visemes),
        timing=Timing(sums[0], sums[1], sums[2] + elapsed_ms(began)),
        cut_samples=sum(part.cut_samples for part in parts),
        lost_samples=sum(part.lost_samples for part in parts),
        planned_s=math.fsum(part.planned_s for part in parts),
    )


def loud(samples: Floats, rate_hz: int, loudness_lufs: float | None) -> Floats:
    """At a loudness, if one is asked for."""
    return samples if loudness_lufs is None else normalised(samples, rate_hz, loudness_lufs)


def elapsed_ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000
