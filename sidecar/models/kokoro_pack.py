"""Writing a Kokoro pack, whatever its weights came from."""

from collections.abc import Callable
from pathlib import Path

from sidecar.engines.kokoro import pack_files, voices
from sidecar.models.manifest import WEIGHTS, Probe
from sidecar.models.pack import VOICES, Pack, draft, seal, staged
from sidecar.models.standard_probe import STANDARD


def write_kokoro_pack(
    target: Path,
    write_weights: Callable[[Path], object],
    record_probe: Callable[[Pack], Probe],
    *,
    name: str,
    version: str,
    licence: str,
    source: str,
) -> None:
    """Make the folder `target` with the published voices, whole or not at all.

    `write_weights` is given the weights' path, `record_probe` the unsealed pack, to whose folder it adds
    `probe.safetensors`. Raises `StorageError` and whatever the two raise. Call inside `writing_to`.
    """
    with staged(target) as staging:
        write_weights(staging / WEIGHTS)
        speakers = voices.write_published(staging / VOICES)
        unsealed = draft(
            staging,
            (WEIGHTS, VOICES),
            name=name,
            version=version,
            architecture=pack_files.ARCHITECTURE,
            config=pack_files.config_as_json(),
            languages=pack_files.LANGUAGES,
            speakers=speakers,
            licence=licence,
            source=source,
            probe=STANDARD,
        )
        seal(unsealed, record_probe(unsealed))
