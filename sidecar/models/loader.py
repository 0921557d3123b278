"""A pack on disk -> a model that can speak."""

from dataclasses import dataclass, field

from sidecar.engines.base import Engine
from sidecar.engines.device import Placement
from sidecar.engines.guest import own_defaults
from sidecar.models.architecture import config_of, family_of
from sidecar.models.manifest import Manifest
from sidecar.models.own_files import load_emotions, load_lexicon
from sidecar.models.pack import Pack
from sidecar.prosody.emotions import Repertoire, shipped
from sidecar.text.lexicon import UserLexicon


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded pack, with its own pronunciations and emotions; the user's win over them."""

    manifest: Manifest
    engine: Engine
    lexicon: UserLexicon | None = None
    emotions: Repertoire = field(default_factory=shipped)


@own_defaults()
def load_model(pack: Pack, placement: Placement) -> Model:
    """Load a pack that has been verified. Raises `ModelRejected` when it does not fit its architecture."""
    family, config = family_of(pack.manifest), config_of(pack.manifest)
    for name in family.files:
        pack.manifest.file(name)
    engine = family.load(pack.folder, pack.manifest.speakers, config, placement)
    return Model(pack.manifest, engine, load_lexicon(pack), load_emotions(pack))
