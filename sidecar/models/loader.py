"""A pack on disk -> a model that can speak."""

from dataclasses import dataclass, field

from sidecar.engines.base import Engine
from sidecar.engines.device import Placement
from sidecar.engines.emotivoice.engine import EmotiVoiceEngine
from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.models.architecture import (
    EMOTIVOICE,
    KOKORO,
    architecture_of,
    emotivoice_config,
    kokoro_config,
)
from sidecar.models.manifest import WEIGHTS, Manifest
from sidecar.models.own_files import load_emotions, load_lexicon
from sidecar.models.pack import VOICES, Pack
from sidecar.prosody.emotions import Repertoire, shipped
from sidecar.text.lexicon import UserLexicon


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded pack, with its own pronunciations and emotions; the user's win over them."""

    manifest: Manifest
    engine: Engine
    lexicon: UserLexicon | None = None
    emotions: Repertoire = field(default_factory=shipped)


def load_model(pack: Pack, placement: Placement) -> Model:
    """Load a pack that has been verified. Raises `ModelRejected` when it does not fit its architecture."""
    architecture_of(pack.manifest)
    engine = _ENGINES[pack.manifest.architecture](pack, placement)
    return Model(pack.manifest, engine, load_lexicon(pack), load_emotions(pack))


def _kokoro(pack: Pack, placement: Placement) -> Engine:
    config = kokoro_config(pack.manifest)
    return KokoroEngine.load(
        pack.path(WEIGHTS), pack.path(VOICES), config, placement.device, placement.precision
    )


def _emotivoice(pack: Pack, placement: Placement) -> Engine:
    config = emotivoice_config(pack.manifest)
    return EmotiVoiceEngine.load(
        pack.folder, pack.manifest.speakers, config, placement.device, placement.precision
    )


_ENGINES = {KOKORO: _kokoro, EMOTIVOICE: _emotivoice}
