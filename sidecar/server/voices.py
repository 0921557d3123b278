"""The models that lines are spoken with: who speaks for which name, for which sessions, and until when."""

import hashlib
from dataclasses import dataclass, field, replace

from sidecar import __version__
from sidecar.protocol.errors import UnknownModel, did_you_mean
from sidecar.protocol.replies import EmotionRow, EmotionsReply, ModelName, SpeakerRow
from sidecar.reload.policy import Side
from sidecar.synthesis import Synthesizer

GRACE_S = 2.0  #: how long a model that was replaced is kept after its last line


@dataclass(eq=False)
class ServedVoice:
    """A model that lines can be spoken with. `fingerprint` changes with anything that changes its sound.

    `leases` are the lines that are being spoken with it, `trial` what it has done since it was on trial.
    """

    synthesizer: Synthesizer
    name: ModelName
    fingerprint: str
    leases: int = 0
    trial: Side = field(default_factory=Side)

    @classmethod
    def of(cls, synthesizer: Synthesizer, own: bytes = b"") -> "ServedVoice":
        """`own`: what the user's files of pronunciations and emotions say."""
        manifest, engine = synthesizer.model.manifest, synthesizer.model.engine.description
        name = ModelName(manifest.name, manifest.version, manifest.sha256)
        settings = (manifest.to_json(), engine.device, engine.precision, own, __version__)
        return cls(synthesizer, name, hashlib.sha256(repr(settings).encode()).hexdigest())

    @property
    def label(self) -> str:
        return f"{self.name.name}@{self.name.version}"

    def did(self, work_s: float, audio_s: float, failed: bool) -> None:
        """Count a line."""
        self.trial = replace(
            self.trial, requests=self.trial.requests + 1, errors=self.trial.errors + failed,
            work_s=self.trial.work_s + work_s, audio_s=self.trial.audio_s + audio_s,
        )  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """A version that part of the sessions hear."""

    voice: ServedVoice
    share: float


class Voices:
    """What is live. Belongs to the server's thread; `exchange` and its like are one step each."""

    def __init__(self, *voices: ServedVoice) -> None:
        """The first is the one for requests that name none."""
        self._default = voices[0].name.name
        self._live = {voice.name.name: voice for voice in voices}
        self._trials: dict[str, Trial] = {}
        self._retired: list[tuple[ServedVoice, float]] = []
        self.reloads = 0

    @property
    def default(self) -> ServedVoice:
        return self._live[self._default]

    @property
    def names(self) -> tuple[ModelName, ...]:
        return tuple(voice.name for voice in self._live.values())

    @property
    def fingerprints(self) -> frozenset[str]:
        """Of everything that can be asked for now."""
        served = [*self._live.values(), *(trial.voice for trial in self._trials.values())]
        return frozenset(voice.fingerprint for voice in served)

    def find(self, model: str | None, session: str) -> ServedVoice:
        """The voice for `name`, `name@version` or None, as this session hears it. Raises `UnknownModel`."""
        name, _, version = (model or self._default).partition("@")
        live, trial = self._live.get(name), self._trials.get(name)
        if live is not None and not version:
            return trial.voice if trial is not None and drawn(session, name) < trial.share else live
        for voice in (live, trial.voice if trial is not None else None):
            if voice is not None and voice.name.version == version:
                return voice
        known = [voice.label for voice in self._live.values()]
        raise UnknownModel(
            f"unknown model {str(model)[:80]!r}{did_you_mean(str(model), known)}", field="model"
        )

    def exchange(self, new: ServedVoice, now_s: float) -> ServedVoice | None:
        """`new` speaks for its name from now on; returns who did before. Lines under way are not touched."""
        name = new.name.name
        trial = self._trials.pop(name, None)
        if trial is not None and trial.voice is not new:
            self._retired.append((trial.voice, now_s))
        old = self._live.get(name)
        self._live[name] = new
        if old is not None:
            self._retired.append((old, now_s))
            self.reloads += 1
        return old

    def begin_trial(self, new: ServedVoice, share: float, now_s: float) -> None:
        """Part of the sessions hear `new`; a trial of another version of its name ends."""
        self.end_trial(new.name.name, now_s)
        self._live[new.name.name].trial = Side()
        self._trials[new.name.name] = Trial(new, share)

    def end_trial(self, name: str, now_s: float) -> None:
        """Everybody hears the live version again."""
        if (trial := self._trials.pop(name, None)) is not None:
            self._retired.append((trial.voice, now_s))

    def trials(self) -> tuple[tuple[Trial, ServedVoice], ...]:
        """Each trial beside the live version."""
        return tuple((trial, self._live[name]) for name, trial in self._trials.items())

    def released(self, now_s: float) -> list[ModelName]:
        """Let go of those whose last line has ended and whose grace is over; their names."""
        gone = [v for v, since in self._retired if v.leases == 0 and now_s - since > GRACE_S]
        self._retired = [(v, since) for v, since in self._retired if v not in gone]
        return [voice.name for voice in gone]

    @property
    def retiring(self) -> bool:
        return bool(self._retired)

    def speakers(self) -> tuple[SpeakerRow, ...]:
        return tuple(row for voice in self._live.values() for row in speakers_of(voice))


def drawn(session: str, name: str) -> float:
    """A number in 0..1 that a session always draws for a name: an NPC does not change sides in mid-talk."""
    digest = hashlib.sha256(f"{name}\0{session}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def speakers_of(voice: ServedVoice) -> list[SpeakerRow]:
    engine = voice.synthesizer.model.engine
    return [
        SpeakerRow(name, display_name(name), engine.language_of(name), voice.name.name)
        for name in engine.description.speakers
    ]


def display_name(speaker: str) -> str:
    """ "af_heart" -> "Heart"."""
    return speaker.rpartition("_")[2].capitalize()


def emotions_of(voice: ServedVoice) -> EmotionsReply:
    """What can be asked of a voice."""
    return EmotionsReply(
        tuple(
            EmotionRow(emotion.name, emotion.display, emotion.aliases)
            for emotion in voice.synthesizer.emotions.emotions.values()
        )
    )
