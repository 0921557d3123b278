"""Writing a Kokoro pack, whatever its weights came from."""

from collections.abc import Callable
from pathlib import Path

from sidecar.engines.kokoro import pack_files
from sidecar.models.manifest import WEIGHTS
from sidecar.models.pack import VOICES, seal, staged


def write_kokoro_pack(
    target: Path, write_weights: Callable[[Path], None], *, name: str, version: str, licence: str, source: str
) -> None:
    """Make the folder `target`, whole or not at all; `write_weights` is given the weights' path.

    Raises `StorageError` and whatever `write_weights` raises. Call inside `writing_to`.
    """
    with staged(target) as staging:
        write_weights(staging / WEIGHTS)
        pack_files.write_voices(staging / VOICES)
        seal(
            staging,
            (WEIGHTS, VOICES),
            name=name,
            version=version,
            architecture=pack_files.ARCHITECTURE,
            config=pack_files.config_as_json(),
            languages=pack_files.LANGUAGES,
            licence=licence,
            source=source,
        )
