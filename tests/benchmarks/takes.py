"""Takes: a line said by a voice with an emotion, spoken and measured once, in processes of one thread."""

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

import sidecar
from sidecar.voice import Voice
from tests.benchmarks.emotion_lines import CHINESE, ENGLISH, is_chinese
from tests.benchmarks.hearing import Cues, Ears, Floats, repeated

NEUTRAL = "neutral"


@dataclass(frozen=True)
class Take:
    """What to say and how."""

    voice: str
    text: str
    label: str = NEUTRAL
    intensity: float = 0.0

    def __str__(self) -> str:
        return f"{self.voice} {self.label} {self.intensity:g}: {self.text}"


@dataclass(frozen=True)
class Order:
    """A take that is wanted; `listened`: with words and sound quality, which take longest to judge."""

    take: Take
    listened: bool = False


@dataclass(frozen=True, eq=False)
class Row:
    """A take as it came out. `transcript` (English only) and `mos` where it was listened to."""

    take: Take
    audio_sha256: str
    audio_s: float
    cues: Cues
    features: Floats
    embedding: Floats
    transcript: str | None = None
    mos: float | None = None


Rows = dict[Take, Row]


def merged(orders: Iterable[Order]) -> list[Order]:
    """Each take once, listened to if anybody asks; voice by voice."""
    listened: dict[Take, bool] = {}
    for order in orders:
        listened[order.take] = listened.get(order.take, False) or order.listened
    return [Order(take, heard) for take, heard in listened.items()]


#: By label and speaker what their rows depend on.
Prints = Callable[[str, str], str]


class Shelf:
    """Rows kept in a folder, one JSON file a take; rows made under another print are not taken."""

    def __init__(self, folder: Path, prints: Prints) -> None:
        self._folder, self._prints = folder, prints
        folder.mkdir(parents=True, exist_ok=True)

    def find(self, order: Order) -> Row | None:
        path = self._path(order.take)
        if not path.exists():
            return None
        row = row_of(json.loads(path.read_text("utf-8")))
        return None if order.listened and row.mos is None else row

    def put(self, row: Row) -> None:
        path = self._path(row.take)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(values_of(row), ensure_ascii=False), "utf-8")
        partial.replace(path)

    def _path(self, take: Take) -> Path:
        key = repr((self._prints(take.label, take.voice), take))
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


#: What decides the audio; `emotions.json` does too, but label by label and speaker by speaker.
SPEAKING = ("synthesis.py", "speech.py", "audio", "engines", "prosody", "text")


def prints(labels: Iterable[str], voice: Voice, by_probes: bool) -> Prints:
    """What decides the rows of each label and speaker, as digests.

    Always how the speaker is levelled. Neutral: how two probe lines sound. An emotion: its own figures,
    and the sources or, `by_probes`, how the probe lines sound with it: then work on the sources leaves the
    rows of untouched labels in place, at the risk of a change that the probes do not show. The measuring
    counts always.
    """
    measuring, sources = (Path(__file__).parent / "hearing.py").read_bytes(), digest(code())
    probed = [label for label in labels if by_probes or label == NEUTRAL]
    probes = {label: [probe_audio(voice, take, label) for take in PROBES] for label in probed}

    def of(label: str, speaker: str) -> str:
        level = repr(voice.emotions.levels_db.get(speaker)).encode()
        if label in probes:
            return digest([measuring, level, *probes[label]])
        return digest([measuring, level, sources.encode(), figures(voice, label, speaker).encode()])

    return of


def code() -> Iterator[bytes]:
    root = Path(sidecar.__file__).parent
    for name in SPEAKING:
        for file in sorted([root / name, *(root / name).rglob("*.py")]):
            if file.is_file():
                yield file.read_bytes()


def figures(voice: Voice, label: str, speaker: str) -> str:
    """What the label changes in all speakers and in this one's own way, a user's file included."""
    return repr((voice.emotions.find(label).mood, voice.emotions.own.get((speaker, label))))


#: Two lines by unlike voices; the intensities lie between and at the ends of the steps of any curve.
PROBES = (
    Take("bm_george", ENGLISH[0], intensity=0.4),
    Take("zf_xiaobei", CHINESE[0], intensity=1.0),
)


def probe_audio(voice: Voice, take: Take, label: str) -> bytes:
    samples = voice.synthesize(take.text, take.voice, emotion=label, intensity=take.intensity).samples
    return samples.tobytes()


def digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()


def values_of(row: Row) -> dict[str, object]:
    arrays = {"features": row.features.tolist(), "embedding": row.embedding.tolist()}
    return {**asdict(replace(row, features=np.empty(0), embedding=np.empty(0))), **arrays}


def row_of(values: dict) -> Row:
    arrays = {name: np.array(values[name], np.float32) for name in ("features", "embedding")}
    return Row(**{**values, **arrays, "take": Take(**values["take"]), "cues": Cues(**values["cues"])})


class Studio:
    """Speaks and measures, in a process of its own."""

    def __init__(self) -> None:
        import torch

        self.voice = Voice.load(device="cpu", threads=1)
        self.ears = Ears()
        torch.set_num_threads(1)
        self._listener = None

    def row(self, order: Order) -> Row:
        take = order.take
        speech = self.voice.synthesize(take.text, take.voice, emotion=take.label, intensity=take.intensity)
        heard = self.ears.hear(speech.samples, speech.sample_rate_hz)
        row = Row(
            take, digest([speech.samples.tobytes()]), speech.duration_s,
            heard.cues, heard.features, heard.embedding,
        )  # fmt: skip
        if not order.listened:
            return row
        listener = self.listener
        transcript = None if is_chinese(take.voice) else listener.transcript(speech.samples)
        mos = listener.overall(repeated(speech.samples, speech.sample_rate_hz))
        return replace(row, transcript=transcript, mos=mos)

    @property
    def listener(self):  # loaded only where it is needed
        from tests.benchmarks.quality import Listener

        self._listener = self._listener or Listener(threads=1)
        return self._listener


_studio: Studio | None = None


def _open() -> None:
    global _studio
    _studio = Studio()


def _row(order: Order) -> Row:
    assert _studio is not None
    return _studio.row(order)


def taken(orders: Sequence[Order], shelf: Shelf, workers: int) -> Rows:
    """All rows: from the shelf, or spoken and put there."""
    rows, missing = {}, []
    for order in orders:
        row = shelf.find(order)
        if row is None:
            missing.append(order)
        else:
            rows[order.take] = row
    print(f"{len(orders)} takes, {len(rows)} of them from earlier runs")
    for row in spoken(missing, workers):
        shelf.put(row)
        rows[row.take] = row
    return rows


def spoken(orders: Sequence[Order], workers: int) -> Iterator[Row]:
    """Rows as they get ready."""
    if not orders:
        return
    os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")  # for the processes to come
    began, spawn = time.monotonic(), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, _open) as pool:
        waiting = [pool.submit(_row, order) for order in orders]
        for at, future in enumerate(as_completed(waiting), 1):
            yield future.result()
            if at % 50 == 0 or at == len(orders):
                print(f"  {at} of {len(orders)} spoken and measured, {time.monotonic() - began:.0f} s")
