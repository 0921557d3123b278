"""The models that lines are spoken with, and what can be asked of them."""

import hashlib
from dataclasses import dataclass

from sidecar import __version__
from sidecar.protocol.errors import UnknownModel, Unsupported, did_you_mean
from sidecar.protocol.replies import EmotionRow, EmotionsReply, ModelName, ModelRow, ModelsReply, SpeakerRow
from sidecar.synthesis import NEUTRAL, Synthesizer


@dataclass(frozen=True, eq=False)
class ServedVoice:
    """A model that lines can be spoken with. `fingerprint` changes with anything that changes its sound."""

    synthesizer: Synthesizer
    name: ModelName
    fingerprint: str

    @classmethod
    def of(cls, synthesizer: Synthesizer, lexicon: bytes = b"") -> "ServedVoice":
        """`lexicon` are the user's own pronunciations, as they are in the file."""
        manifest, engine = synthesizer.model.manifest, synthesizer.model.engine.description
        name = ModelName(manifest.name, manifest.version, manifest.sha256)
        settings = (name, engine.device, engine.precision, hashlib.sha256(lexicon).hexdigest(), __version__)
        return cls(synthesizer, name, hashlib.sha256(repr(settings).encode()).hexdigest())


class Voices:
    """What is live. Belongs to the server's thread."""

    def __init__(self, voice: ServedVoice) -> None:
        self._live = voice

    @property
    def default(self) -> ServedVoice:
        """The voice of requests that name none."""
        return self._live

    @property
    def names(self) -> tuple[ModelName, ...]:
        return (self._live.name,)

    def find(self, model: str | None) -> ServedVoice:
        """The live voice of that `name`, or `name@version`. Raises `UnknownModel`."""
        name = self._live.name
        exact = f"{name.name}@{name.version}"
        if model is not None and model not in (name.name, exact):
            raise UnknownModel(f"unknown model {model[:80]!r}{did_you_mean(model, [exact])}", field="model")
        return self._live

    def rows(self) -> ModelsReply:
        name = self._live.name
        return ModelsReply((ModelRow(name.name, name.version, "live", name.sha256),))

    def activate(self, model: str) -> ModelsReply:
        """Raises `UnknownModel`."""
        self.find(model)
        return self.rows()

    def rollback(self, model: str) -> ModelsReply:
        """Raises `UnknownModel` or `Unsupported`."""
        self.find(model)
        raise Unsupported(f"there is no earlier version of {model!r} to go back to", field="model")

    def canary(self, model: str, share: float) -> ModelsReply:
        """Raises `UnknownModel` or `Unsupported`."""
        self.find(model)
        raise Unsupported(f"{model!r} is live for all sessions: there is nothing to try it against")

    def speakers(self) -> tuple[SpeakerRow, ...]:
        engine = self._live.synthesizer.model.engine
        return tuple(
            SpeakerRow(name, display_name(name), engine.language_of(name), self._live.name.name)
            for name in engine.description.speakers
        )


def display_name(speaker: str) -> str:
    """ "af_heart" -> "Heart"."""
    return speaker.rpartition("_")[2].capitalize()


def emotions() -> EmotionsReply:
    return EmotionsReply((EmotionRow(NEUTRAL, {"en": "Neutral", "zh": "中性"}, ()),))
