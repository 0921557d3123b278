"""A voice from recordings of a person: the order of the work, which goes on where it was when it was killed.

recordings -> the nearest shipped voice -> words -> alignment -> manner -> timbre by layers -> gate -> a voice
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from sidecar.engines.guest import own_defaults
from sidecar.engines.tunable import Tunable
from sidecar.fitting import material, sentences
from sidecar.fitting.alignment import FRAME_SAMPLES, aligned
from sidecar.fitting.company import check_one_person
from sidecar.fitting.encoders import NAMES, Encoder, load_encoders
from sidecar.fitting.gate import Found, Verdict, judged
from sidecar.fitting.hearing import embeddings
from sidecar.fitting.manner import STEPS as MANNER_STEPS
from sidecar.fitting.manner import fitted_manner, goal_of
from sidecar.fitting.marks import marks
from sidecar.fitting.material import Crop, Sentence, crops, in_turn
from sidecar.fitting.recording import Recording, Recordings
from sidecar.fitting.state import State, state_of
from sidecar.fitting.timbre import STEPS, Person, Progress, TimbreFit
from sidecar.fitting.transcript import can_transcribe, transcribed
from sidecar.line import Line
from sidecar.models.architecture import family_of
from sidecar.models.manifest import Manifest
from sidecar.prosody.f0 import Floats
from sidecar.prosody.plan import Phrase, Plan
from sidecar.protocol.errors import BadAudio, Unsupported
from sidecar.synthesis import Synthesizer

#: Told what is going on and how much of all is done, 0..1.
Told = Callable[[str, float], None]
_LISTENED, _ALIGNED, _MANNERED, _SHAPED = 0.04, 0.1, 0.2, 0.92
_LEAST_VOICES = 8  # that a model must have of those that are known: they span the space of voices
FARTHEST = 0.38  #: mean cost of an alignment over which the words cannot be those of the recording


@dataclass(frozen=True)
class Wanted:
    """What is to be fitted. `texts`: what is said in each recording, or nothing; `language`: in which (BCP
    47).

    For measurements: `encoders` that the fit may hear by, and shipped voices that it must not know.
    """

    name: str
    texts: tuple[str, ...] = ()
    language: str = "en-US"
    seed: int = 0
    steps: int = STEPS
    encoders: tuple[str, ...] = NAMES
    left_out: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted voice: its tensors by the last part of their names (`mean`, `length`, `style`, `layers`), the
    shipped voice that it began from, how it was judged, and what was heard in the recordings, if anything
    was."""

    name: str
    tensors: dict[str, Floats]
    nearest: str
    verdict: Verdict
    words: str
    seconds: float


@own_defaults()
def fit(synthesizer: Synthesizer, recordings: Recordings, wanted: Wanted, folder: Path, told: Told) -> Fitted:
    """Fit a voice; `folder` keeps how far it is. Minutes on a processor; one thread, the synthesizer's.

    Raises `BadAudio` for recordings of two people and for words that are not theirs, `Unsupported` for a
    model whose voices cannot be fitted."""
    began = time.monotonic()
    job = _Job(synthesizer, recordings, wanted, told)
    with state_of(folder, job.inputs()) as state:
        fitted = job.done(state, began)
        state.forget()
    return fitted


def tuning_of(synthesizer: Synthesizer) -> Tunable:
    """Raises `Unsupported`."""
    manifest = synthesizer.model.manifest
    family = family_of(manifest)
    if family.tune is None:
        raise Unsupported(
            f"voices of {family.title} cannot be fitted: use a model of another family", field="pack"
        )
    return family.tune(synthesizer.model.engine)


@dataclass(frozen=True, eq=False)
class Said:
    """A recording's samples at 24 kHz, and the plans of its phrases, one after the other."""

    samples: Floats
    plans: list[Plan]


class _Job:
    """One fit's materials. Raises `Unsupported`."""

    def __init__(self, synthesizer: Synthesizer, recordings: Recordings, wanted: Wanted, told: Told) -> None:
        self.synthesizer, self.recordings, self.wanted, self.told = synthesizer, recordings, wanted, told
        self.tuning = tuning_of(synthesizer)
        known = set(marks().names) - wanted.left_out
        self.names = tuple(n for n in synthesizer.model.engine.description.speakers if n in known)
        if len(self.names) < _LEAST_VOICES:
            raise Unsupported(
                f"{synthesizer.model.manifest.name} has {len(self.names)} of the shipped voices, and "
                f"a fit needs {_LEAST_VOICES} to begin from",
                field="pack",
            )
        self.samples = recordings.joined

    def inputs(self) -> dict[str, object]:
        """All that decides what comes out."""
        wanted = {**vars(self.wanted), "left_out": sorted(self.wanted.left_out)}
        weights = _weights_sha256(self.synthesizer.model.manifest)
        device = self.synthesizer.model.engine.description
        where = [device.device, device.precision]
        return {"recordings": self.recordings.sha256, "weights": weights, "where": where, **wanted}

    def done(self, state: State, began: float) -> Fitted:
        self.told("listening", 0.0)
        ears = load_encoders(NAMES, torch.device("cpu"))
        check_one_person(ears, self.recordings)
        chosen = {name: ears[name] for name in self.wanted.encoders}
        heard = embeddings(chosen, self.samples, self.recordings.edge_hz)
        nearest = marks().nearest(heard, 12 * np.log2(self.recordings.traits.middle_hz), self.names)
        self.told("aligning", _LISTENED)
        said, words = self.said(nearest)
        manner = self.manner(state, nearest, [plan for each in said for plan in each.plans])
        encoders = load_encoders(self.wanted.encoders, self.tuning.device)
        timbre, layers = self.timbre(state, encoders, nearest, manner, said)
        self.told("judging", _SHAPED)
        found = Found(self.tuning.timbre(nearest), timbre, layers, manner)
        verdict, tensors = judged(
            self.synthesizer, self.tuning, self.recordings, self.wanted.language, nearest, found
        )
        return Fitted(self.wanted.name, tensors, nearest, verdict, words, time.monotonic() - began)

    def said(self, nearest: str) -> tuple[list["Said"], str]:
        """Each recording as plans of what is said in it; none without words."""
        texts = self.texts()
        if not all(texts):
            return [], ""
        pairs = zip(self.recordings.each, texts, strict=True)
        try:
            return [self.aligned(each, text, nearest) for each, text in pairs], " ".join(texts)
        except BadAudio:
            if self.wanted.texts:
                raise
            return [], ""  # what was heard is not what is said

    def texts(self) -> Sequence[str]:
        """What is said in each recording: as told, or as heard, or unknown."""
        if self.wanted.texts:
            return self.wanted.texts
        samples = [each.samples for each in self.recordings.each]
        return transcribed(samples) if can_transcribe(self.wanted.language) else [""] * len(samples)

    def aligned(self, recording: Recording, text: str, nearest: str) -> "Said":
        """Raises `BadAudio` for words that are not the recording's."""
        engine = self.synthesizer.model.engine
        plans = engine.plan(self.phrases(text, nearest))
        tokens = sum(len(plan.durations_frames) for plan in plans)
        if tokens > len(recording.samples) // FRAME_SAMPLES:
            raise BadAudio(f"{recording.name} is too short for its text: {tokens} sounds")
        found, cost = aligned(recording.samples, plans, engine.render(plans, [1] * len(plans)))
        if cost > FARTHEST:
            raise BadAudio(
                f"{recording.name} does not say its text: they are {cost:.2f} apart, "
                f"expected {FARTHEST:g} at most",
                tip="write what is said, word by word, or leave the text out",
            )
        return Said(recording.samples, found)

    def phrases(self, text: str, speaker: str) -> tuple[Phrase, ...]:
        return self.synthesizer.prepare(Line(text, speaker, language=self.wanted.language)).phrases

    def manner(self, state: State, nearest: str, plans: list[Plan]) -> Floats:
        if state.manner is not None:
            return np.asarray(state.manner.numpy())
        own = self.synthesizer.model.engine.plan(self.own_phrases(nearest))
        told = self._between("fitting the manner", _ALIGNED, _MANNERED, MANNER_STEPS)
        space = self.tuning.manners(self.names)
        start, goal = self.tuning.manner(nearest), goal_of(self.recordings.traits)
        with torch.enable_grad():
            manner = fitted_manner(self.tuning, space, start, plans, own, goal, told)
        state.keep_manner(torch.from_numpy(manner.copy()))
        return manner

    def timbre(
        self, state: State, encoders: dict[str, Encoder], nearest: str, manner: Floats, said: list["Said"]
    ) -> tuple[Floats, Floats]:
        items = self.items(nearest, manner, said)
        person = Person(torch.from_numpy(self.samples)[None].to(self.tuning.device), self.recordings.edge_hz)
        space, start = self.tuning.timbres(self.names), self.tuning.timbre(nearest)
        fit = TimbreFit(
            self.tuning, space, start, items, person, encoders, self.wanted.seed, self.wanted.steps
        )
        if (before := state.timbre) is not None:
            fit.resume(Progress(*before))
        told = self._between("fitting the timbre", _MANNERED, _SHAPED, self.wanted.steps)

        def kept(progress: Progress) -> None:
            state.keep_timbre(progress.step, progress.tensors)
            told(progress.step)

        with torch.enable_grad():
            fit.run(kept)
        return fit.timbre

    def items(self, nearest: str, manner: Floats, said: list["Said"]) -> list[Crop | Sentence]:
        """What is spoken, in turn: crops of the recording and sentences of ours."""
        speaker = self.tuning.speaker(
            "fitted", self.tuning.table(nearest, self.tuning.timbre(nearest), manner)
        )
        phrases = [Phrase(p.phonemes, speaker, speaker) for p in self.own_phrases(nearest)]
        own = list(material.sentences(self.tuning, self.synthesizer.model.engine.plan(phrases)))
        recorded = [crop for each in said for crop in crops(self.tuning, each.plans, each.samples)]
        return in_turn(recorded, own, self.wanted.seed)

    def own_phrases(self, speaker: str) -> list[Phrase]:
        lines = sentences.of(sentences.FITTED, self.wanted.language)
        return [phrase for line in lines for phrase in self.phrases(line, speaker)]

    def _between(self, what: str, first: float, end: float, steps: int) -> Callable[[int], None]:
        return lambda step: self.told(what, first + (end - first) * step / steps)


def _weights_sha256(manifest: Manifest) -> str:
    return manifest.files[0].sha256
