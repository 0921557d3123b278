"""A pack on disk -> a model that can speak."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sidecar.engines.base import Engine
from sidecar.engines.family import VOICES, Joining
from sidecar.engines.placement import Placement
from sidecar.engines.speakers import Speakers
from sidecar.models.architecture import check_base, config_of, family_of
from sidecar.models.manifest import Manifest
from sidecar.models.own_files import emotions_over, load_emotions, load_lexicon
from sidecar.models.pack import Pack
from sidecar.prosody.emotions import Repertoire, shipped
from sidecar.protocol.errors import ModelRejected
from sidecar.protocol.reasons import Reason, refusal
from sidecar.text.lexicon import UserLexicon


@dataclass(frozen=True, eq=False)
class Added:
    """A voice pack, read: its folder is not needed any more."""

    pack: Pack
    voices: Speakers
    emotions: Repertoire


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded pack, with its own pronunciations and emotions; the user's win over them.

    `added` are voice packs whose voices it speaks too, and `alone` is it without them.
    """

    manifest: Manifest
    engine: Engine
    lexicon: UserLexicon | None = None
    emotions: Repertoire = field(default_factory=shipped)
    added: tuple[Added, ...] = ()
    alone: "Model | None" = None


def load_model(pack: Pack, placement: Placement) -> Model:
    """Load a pack that has been verified. Raises `ModelRejected` when it does not fit its architecture, or
    has no weights."""
    if pack.manifest.base is not None:
        raise refusal(
            Reason.BASE_MISSING,
            f"{pack.manifest.name} {pack.manifest.version} has voices only, for {pack.manifest.base.label}",
            tip="drop it into the models folder of a sidecar that speaks with that model",
        )
    family, config = family_of(pack.manifest), config_of(pack.manifest)
    for name in family.files:
        pack.manifest.file(name)
    engine = family.load(pack.folder, pack.manifest.speakers, config, placement)
    return Model(pack.manifest, engine, load_lexicon(pack), load_emotions(pack))


def joined(model: Model, added: Sequence[Added]) -> Model:
    """The same weights, not copied, with the voices of exactly these voice packs behind its own.

    `added` were read for these weights. Raises `ModelRejected` for a voice whose name is taken.
    """
    alone = model.alone or model
    if not added:
        return alone
    engine = _joining(alone).join(alone.engine, [each.voices for each in added])
    emotions = alone.emotions
    for each in added:
        emotions = emotions.with_own_of(each.emotions)
    return replace(alone, engine=engine, emotions=emotions, added=tuple(added), alone=alone)


def read_added(pack: Pack, model: Model) -> Added:
    """A voice pack that has been verified, for a model with the weights that it needs. Raises
    `ModelRejected`."""
    manifest, base = pack.manifest, (model.alone or model).manifest
    if manifest.base is None or manifest.base.sha256 != base.sha256:
        raise ModelRejected(f"{manifest.name} {manifest.version} has no voices for {base.name}")
    check_base(manifest, base)
    labels = Repertoire((model.alone or model).emotions.emotions, {}, {})
    return Added(pack, _joining(model).read(pack.path(VOICES)), emotions_over(labels, pack))


def _joining(model: Model) -> Joining:
    joining = family_of(model.manifest).joining
    if joining is None:
        raise ModelRejected(f"{model.manifest.name} takes no voices from elsewhere")
    return joining
