"""The models that lines are spoken with: who speaks for which name, for which sessions, and until when."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sidecar import __version__
from sidecar.audio.encode import ENCODING
from sidecar.engines.base import Engine, EngineDescription
from sidecar.models.loader import Model
from sidecar.prosody.emotions import Repertoire
from sidecar.protocol.errors import NoModel, UnknownModel, did_you_mean
from sidecar.protocol.replies import EmotionRow, ModelName, SpeakerRow
from sidecar.protocol.requests import Speaker, Synthesize
from sidecar.reload.policy import Side
from sidecar.synthesis import Synthesizer

GRACE_S = 2.0  #: how long a model that was replaced is kept at least, lines or none


@dataclass(frozen=True)
class Description:
    """What can be told of a voice, whether it is in memory or not. `fingerprint` changes with anything that
    changes its sound; `added` has the sha256 of the manifest from which each speaker comes that is another
    pack's."""

    name: ModelName
    fingerprint: str
    engine: EngineDescription
    speakers: tuple[SpeakerRow, ...]
    emotions: tuple[EmotionRow, ...]
    effects: tuple[str, ...]
    added: Mapping[str, str] = field(default_factory=dict)

    def added_of(self, request: Synthesize) -> tuple[str, ...]:
        """Of what was added, that which a line is spoken with."""
        if not self.added:
            return ()
        named = [name for choice in (request.speaker, request.manner) for name in self._named(choice)]
        return tuple(sorted({self.added[name] for name in named if name in self.added}))

    def _named(self, choice: Speaker) -> Iterable[str]:
        if isinstance(choice, int):
            return self.engine.speakers[choice : choice + 1] if choice >= 0 else ()
        return (choice,) if isinstance(choice, str) else choice if isinstance(choice, Mapping) else ()


@dataclass(eq=False)
class ServedVoice:
    """A model that lines can be spoken with.

    `leases` are the lines that are being spoken with it, `trial` what it has done since it was on trial.
    """

    synthesizer: Synthesizer
    description: Description
    leases: int = 0
    trial: Side = field(default_factory=Side)

    @classmethod
    def of(cls, synthesizer: Synthesizer, own: bytes = b"") -> "ServedVoice":
        """`own`: what the user's files of pronunciations, emotions and effects say."""
        manifest, engine = synthesizer.model.manifest, synthesizer.model.engine
        name = ModelName(manifest.name, manifest.version, manifest.sha256)
        facts = engine.description
        settings = (manifest.to_json(), facts.device, facts.precision, own, __version__, ENCODING)
        fingerprint = hashlib.sha256(repr(settings).encode()).hexdigest()
        known = (
            speakers_of(engine, manifest.name), emotions_of(synthesizer.emotions),
            tuple(synthesizer.effects.known),
        )  # fmt: skip
        return cls(synthesizer, Description(name, fingerprint, facts, *known, added_to(synthesizer.model)))

    @property
    def name(self) -> ModelName:
        return self.description.name

    @property
    def weights(self) -> Model:
        """The model without what was added to it: the same for all that share its weights."""
        return self.synthesizer.model.alone or self.synthesizer.model

    @property
    def fingerprint(self) -> str:
        return self.description.fingerprint

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
class VoiceFigures:
    """What one voice has done since it speaks, or since a trial began."""

    name: str
    version: str
    did: Side


@dataclass(frozen=True)
class Trial:
    """A version that part of the sessions hear."""

    voice: ServedVoice
    share: float


@dataclass(frozen=True)
class Absent:
    """A voice that was let go of before there is another for its name. `lost`: there will be none."""

    description: Description
    lost: bool = False


class LiveVoices:
    """What is live. Belongs to the server's thread; `exchange` and its like are one step each."""

    def __init__(self, *voices: ServedVoice, grace_s: float = GRACE_S) -> None:
        """The first is the one for requests that name none."""
        self._grace_s = grace_s
        self._default = voices[0].name.name
        self._live = {voice.name.name: voice for voice in voices}
        self._absent: dict[str, Absent] = {}
        self._trials: dict[str, Trial] = {}
        self._retired: list[tuple[ServedVoice, float]] = []
        self.reloads = 0

    @property
    def default(self) -> ServedVoice:
        return self._live[self._default]

    @property
    def described(self) -> Description:
        """The default voice, even while it is absent."""
        has_it = self._live.get(self._default) or self._absent[self._default]
        return has_it.description

    @property
    def engine(self) -> EngineDescription:
        return self.described.engine

    @property
    def names(self) -> tuple[ModelName, ...]:
        return tuple(description.name for description in self._served())

    def _served(self) -> list[Description]:
        """Of every name that lines are taken for."""
        absent = [absent.description for absent in self._absent.values() if not absent.lost]
        return [*(voice.description for voice in self._live.values()), *absent]

    @property
    def figures(self) -> tuple[VoiceFigures, ...]:
        """Of every voice that is heard now, trials too."""
        voices = [*self._live.values(), *(trial.voice for trial in self._trials.values())]
        return tuple(VoiceFigures(voice.name.name, voice.name.version, voice.trial) for voice in voices)

    @property
    def has_default(self) -> bool:
        """Whether a voice speaks for requests that name none, or will in a moment."""
        absent = self._absent.get(self._default)
        return absent is None or not absent.lost

    @property
    def fingerprints(self) -> frozenset[str]:
        """Of everything that can be asked for now."""
        served = [*self._served(), *(trial.voice.description for trial in self._trials.values())]
        return frozenset(description.fingerprint for description in served)

    def name_of(self, model: str | None) -> str:
        """The name in `name`, `name@version` or None."""
        return (model or self._default).partition("@")[0]

    def describe(self, model: str | None, session: str) -> Description:
        """As `find`, also for a voice that is absent for a while."""
        name, _, version = (model or self._default).partition("@")
        absent = self._absent.get(name)
        if absent is not None and not absent.lost and version in ("", absent.description.name.version):
            return absent.description
        return self.find(model, session).description

    def find(self, model: str | None, session: str) -> ServedVoice:
        """The voice for `name`, `name@version` or None, as this session hears it.

        Raises `UnknownModel`, or `NoModel` for a name whose voice was lost."""
        name, _, version = (model or self._default).partition("@")
        live, trial = self._live.get(name), self._trials.get(name)
        if live is not None and not version:
            return trial.voice if trial is not None and drawn(session, name) < trial.share else live
        for voice in (live, trial.voice if trial is not None else None):
            if voice is not None and voice.name.version == version:
                return voice
        if name in self._absent and self._absent[name].lost:
            raise NoModel(
                f"no voice speaks for {name!r}: the new one failed and the old one could not be loaded again",
                tip="free some memory, then rescan; models and the log say why",
            )
        known = [f"{served.name.name}@{served.name.version}" for served in self._served()]
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
        if old is not None or self._absent.pop(name, None) is not None:
            self.reloads += 1
        return old

    def speaking(self) -> tuple[ServedVoice, ...]:
        """Everybody who speaks now, on trial too."""
        return (*self._live.values(), *(trial.voice for trial in self._trials.values()))

    def replace(self, old: ServedVoice, new: ServedVoice, now_s: float) -> bool:
        """`new` stands where `old` does, and is it but for speakers that were added or went. Lines under way
        are not touched. False, and nothing done, where `old` does not speak any more."""
        name, trial = old.name.name, self._trials.get(old.name.name)
        if self._live.get(name) is old:
            self._live[name] = new
        elif trial is not None and trial.voice is old:
            self._trials[name] = Trial(new, trial.share)
        else:
            return False
        new.trial = old.trial
        self._retired.append((old, now_s))
        return True

    def let_go(self, name: str) -> bool:
        """Hold the live voice of `name` no longer, although there is no other yet; no line may be asked of it
        until `exchange` or `put_back`. False, and nothing done, while lines are spoken with it or with one
        that it replaced."""
        voice = self._live[name]
        if voice.leases or any(retired.name.name == name for retired, _ in self._retired):
            return False
        self._absent[name] = Absent(voice.description)
        del self._live[name]
        return True

    def retire(self, name: str, now_s: float) -> None:
        """Nobody speaks for `name` from now on; lines under way are not touched. Never the default's name."""
        if name != self._default and (voice := self._live.pop(name, None)) is not None:
            self.end_trial(name, now_s)
            self._retired.append((voice, now_s))

    def put_back(self, voice: ServedVoice) -> None:
        """The voice that was let go of, loaded again."""
        self._live[voice.name.name] = voice
        del self._absent[voice.name.name]

    def lose(self, name: str) -> None:
        """What was let go of cannot be had again."""
        self._absent[name] = replace(self._absent[name], lost=True)

    def is_absent(self, name: str) -> bool:
        return name in self._absent

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
        """Let go of those whose last line has ended and whose grace is over; the names of those whose weights
        go with them."""
        gone = [v for v, since in self._retired if v.leases == 0 and now_s - since > self._grace_s]
        self._retired = [(v, since) for v, since in self._retired if v not in gone]
        kept = {id(voice.weights) for voice in (*self.speaking(), *(v for v, _ in self._retired))}
        return [voice.name for voice in gone if id(voice.weights) not in kept]

    @property
    def retiring(self) -> bool:
        return bool(self._retired)

    def speakers(self) -> tuple[SpeakerRow, ...]:
        return tuple(row for description in self._served() for row in description.speakers)


def drawn(session: str, name: str) -> float:
    """A number in 0..1 that a session always draws for a name: an NPC does not change sides in mid-talk."""
    digest = hashlib.sha256(f"{name}\0{session}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def speakers_of(engine: Engine, model: str) -> tuple[SpeakerRow, ...]:
    return tuple(
        SpeakerRow(name, display_name(name), engine.language_of(name), model)
        for name in engine.description.speakers
    )


def added_to(model: Model) -> dict[str, str]:
    manifests = [added.pack.manifest for added in model.added]
    return {
        speaker: hashlib.sha256(manifest.to_json().encode()).hexdigest()
        for manifest in manifests
        for speaker in manifest.speakers
    }


def display_name(speaker: str) -> str:
    """ "af_heart" -> "Heart"."""
    return speaker.rpartition("_")[2].capitalize()


def emotions_of(known: Repertoire) -> tuple[EmotionRow, ...]:
    return tuple(EmotionRow(e.name, e.display, e.aliases) for e in known.emotions.values())
