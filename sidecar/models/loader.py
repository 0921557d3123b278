"""A pack on disk -> a model that can speak."""

from dataclasses import dataclass, fields
from typing import Any

from sidecar.engines.base import Engine
from sidecar.engines.device import Placement
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.models.manifest import WEIGHTS, Manifest
from sidecar.models.pack import VOICES, Pack
from sidecar.protocol.errors import ModelRejected


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded pack."""

    manifest: Manifest
    engine: Engine


def load_model(pack: Pack, placement: Placement) -> Model:
    """Load a pack that has been verified. Raises `ModelRejected` when it does not fit its architecture."""
    if pack.manifest.architecture != "kokoro":
        raise ModelRejected(f"architecture {pack.manifest.architecture!r} is not known: expected 'kokoro'")
    engine = KokoroEngine.load(
        pack.path(WEIGHTS),
        pack.path(VOICES),
        kokoro_config(pack.manifest),
        placement.device,
        placement.precision,
    )
    return Model(pack.manifest, engine)


def kokoro_config(manifest: Manifest) -> KokoroConfig:
    """The manifest's `config`, which must name every dimension and nothing else."""
    known = {field.name: field.type for field in fields(KokoroConfig)}
    if odd := sorted(known.keys() ^ manifest.config.keys()):
        raise ModelRejected(f"manifest: config lacks or does not know {odd[0]!r}")
    values: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in manifest.config.items()
    }
    if KokoroConfig(**values) != KokoroConfig():
        raise ModelRejected("manifest: config differs from Kokoro-82M's, the only size there is")
    return KokoroConfig()
