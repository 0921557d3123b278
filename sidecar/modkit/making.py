"""From a folder of weights and voices to a pack, as a folder or as one file."""

import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sidecar import files
from sidecar.checks.sources import ARCHIVE_SUFFIX
from sidecar.checks.speaking import record_probe
from sidecar.checks.values import check_values
from sidecar.engines.device import place
from sidecar.engines.family import WEIGHTS, Family
from sidecar.engines.registry import owner_of
from sidecar.models.architecture import check_weights
from sidecar.models.file_names import EMOTIONS, LEXICON, MANIFEST, PROBE, SIGNATURE, is_text
from sidecar.models.loader import load_model
from sidecar.models.manifest import Probe, ProbeLine, check_identity
from sidecar.models.pack import Pack, draft, open_pack, seal, staged, storage_errors
from sidecar.models.safetensors_header import read_header
from sidecar.models.standard_probe import TOLERANCE_NEPERS, standard_probe
from sidecar.protocol.errors import BadRequest, ModelRejected
from sidecar.synthesis import Synthesizer

CONFIG = "config.json"
_SEED = 7
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive


@dataclass(frozen=True)
class Making:
    """What the maker says about a new pack. `languages` are all that its family speaks, if empty; `lines` is
    the probe, the standard one if empty."""

    name: str
    version: str
    licence: str
    source: str
    languages: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    speaker: str | None = None


def make_pack(ingredients: Path, target: Path, making: Making) -> Pack:
    """Make the folder `target` from `weights.safetensors` and what else there is in `ingredients`.

    Files of the family that the weights belong to (it adds those that are missing), `lexicon.tsv`,
    `emotions.json`, texts such as LICENSE, and `config.json` for a network of another size. Speaks the probe
    and records how it sounds.
    Raises `BadRequest`, `ModelRejected` for what no check would pass, `StorageError`; then nothing is left.
    """
    check_name(making.name, making.version)
    if not (ingredients / WEIGHTS).is_file():
        raise BadRequest(f"{ingredients} holds no {WEIGHTS}", field="source")
    if target.exists():
        raise BadRequest(f"{target} exists already", field="out", tip="choose another version or --out")
    header = read_header(ingredients / WEIGHTS)
    family, alone = owner_of(header)
    with staged(target) as staging:
        gather(ingredients, staging, family)
        speakers = alone.complete(staging)
        unsealed = draft(
            staging,
            tuple(sorted(path.name for path in staging.iterdir())),
            name=making.name,
            version=making.version,
            architecture=family.name,
            config=read_config(ingredients / CONFIG, asdict(alone.config)),
            languages=making.languages or family.languages,
            speakers=speakers,
            licence=making.licence,
            source=making.source,
            probe=wanted_probe(making, speakers),
        )
        check_weights(unsealed.manifest, {WEIGHTS: header})
        check_values(staging / WEIGHTS, header, are_weights=True)
        seal(unsealed, recorded(unsealed))
        open_pack(staging)  # by the very rules it will be read with
    return open_pack(target)


def gather(ingredients: Path, staging: Path, family: Family[Any]) -> None:
    """Copy what belongs into a pack."""
    for path in sorted(ingredients.iterdir()):
        if path.name in (*family.files, LEXICON, EMOTIONS) or is_text(path.name):
            shutil.copyfile(path, staging / path.name)


def read_config(path: Path, usual: dict[str, object]) -> dict[str, object]:
    """Raises `BadRequest` for a file that cannot be read."""
    if not path.exists():
        return usual
    try:
        config: dict[str, object] = json.loads(files.text_of(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {error}", field="source") from error
    return config


def wanted_probe(making: Making, speakers: Sequence[str]) -> Probe:
    """The maker's lines by the maker's speaker, or the standard ones."""
    standard = standard_probe([making.speaker] if making.speaker else speakers)
    if not making.lines:
        return standard
    speaker = standard.lines[0].speaker
    return Probe(tuple(ProbeLine(text, speaker, _SEED) for text in making.lines), TOLERANCE_NEPERS)


def recorded(unsealed: Pack) -> Probe:
    """Speak the draft's lines and write how they sound. Raises `ModelRejected` when that is not speech."""
    return _recorded(unsealed, listen=True)


def recorded_unheard(unsealed: Pack) -> Probe:
    """As `recorded`, whatever it sounds like. Such a pack loads, but no check passes it."""
    return _recorded(unsealed, listen=False)


def _recorded(unsealed: Pack, *, listen: bool) -> Probe:
    model = load_model(unsealed, place("cpu", "float32"))
    synthesizer = Synthesizer(model, model.lexicon)
    return record_probe(synthesizer, unsealed.manifest.probe, unsealed.folder / PROBE, listen=listen)


def write_archive(pack: Pack, target: Path) -> Path:
    """The pack as one file, whole or not at all; the same pack gives the same bytes."""
    partial = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    names = [MANIFEST, SIGNATURE, *(file.name for file in pack.manifest.files)]
    with storage_errors(target.parent):
        try:
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
                for name in names:
                    if (pack.folder / name).exists():
                        add_file(archive, pack.folder / name)
            files.replace(partial, target)
        except zipfile.LargeZipFile as error:
            raise BadRequest("the pack is too large for an archive: over 4 GiB", field="archive") from error
        finally:
            files.remove(partial)
    return target


def add_file(archive: zipfile.ZipFile, path: Path) -> None:
    with path.open("rb") as source, archive.open(zipfile.ZipInfo(path.name, _ZIP_DATE), "w") as member:
        shutil.copyfileobj(source, member, 1 << 20)


def check_name(name: str, version: str) -> None:
    """Raises `BadRequest` unless these can be a pack's name and version."""
    try:
        check_identity(name, version)
    except ModelRejected as error:
        raise BadRequest(error.message, field="name") from error


def archive_name(pack: Pack) -> str:
    return f"{pack.manifest.name}-{pack.manifest.version}{ARCHIVE_SUFFIX}"
