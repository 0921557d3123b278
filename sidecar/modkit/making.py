"""From a folder of weights and voices to a pack, as a folder or as one file."""

import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from sidecar import files
from sidecar.checks.sources import ARCHIVE_SUFFIX, DROPPINGS
from sidecar.checks.speaking import check_others, record_probe
from sidecar.checks.values import check_values
from sidecar.engines.family import WEIGHTS, Family
from sidecar.engines.registry import owner_of
from sidecar.engines.runtimes import place
from sidecar.models.architecture import check_description, check_tensors
from sidecar.models.file_names import EMOTIONS, LEXICON, MANIFEST, PROBE, SIGNATURE, is_text
from sidecar.models.loader import load_model
from sidecar.models.manifest import Probe, ProbeLine, check_identity
from sidecar.models.pack import Pack, draft, open_pack, seal, staged, storage_errors
from sidecar.models.safetensors_header import read_header
from sidecar.models.standard_probe import TOLERANCE_NEPERS, standard_probe
from sidecar.modkit.converting import convert_in_child, shown, unheeded
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


def make_pack(
    ingredients: Path, target: Path, making: Making, tell: Callable[[str], None] = unheeded
) -> Pack:
    """Make the folder `target` from `weights.safetensors` and what else there is in `ingredients`.

    Files of the family that the weights belong to (it adds those that are missing), single voices as they are
    imported, `lexicon.tsv`, `emotions.json`, texts such as LICENSE, and `config.json` for a network of
    another size; what an earlier pack has left is written anew. Nothing else may lie there. Speaks the probe
    and records how it sounds. `tell` hears, in plain words, what became of files that are not copied as they
    are. Raises `BadRequest`, `ModelRejected` for what no check would pass, `StorageError`; then nothing is
    left.
    """
    check_name(making.name, making.version)
    if not (ingredients / WEIGHTS).is_file():
        raise BadRequest(f"{ingredients} holds no {WEIGHTS}", field="source")
    if target.exists():
        raise BadRequest(f"{target} exists already", field="out", tip="choose another version or --out")
    header = read_header(ingredients / WEIGHTS)
    family, alone = owner_of(header)
    gathered = sorted_out(ingredients, family, (*family.files, LEXICON, EMOTIONS, CONFIG))
    with staged(target) as staging:
        gathered.copy_into(staging, tell)
        speakers = alone.complete(staging)
        if gathered.voices:
            speakers = with_voices(staging, family, gathered.voices, tell)
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
        check_unsealed(unsealed, family)
        synthesizer = loaded(unsealed)
        seal(unsealed, record_probe(synthesizer, unsealed.manifest.probe, staging / PROBE))
        check_description(open_pack(staging).manifest)
        check_others(synthesizer, open_pack(staging).manifest)
    return open_pack(target)


@dataclass(frozen=True)
class Gathered:
    """What lies among the ingredients: what goes into the pack as it is, single voices, and what an earlier
    pack
    has left there."""

    copied: tuple[Path, ...]
    voices: tuple[Path, ...]
    anew: tuple[Path, ...]

    def copy_into(self, folder: Path, tell: Callable[[str], None]) -> None:
        for path in self.copied:
            shutil.copyfile(path, folder / path.name)
        if self.anew:
            tell(f"written anew: {shown(self.anew)}")


def sorted_out(ingredients: Path, family: Family[Any], wanted: Sequence[str]) -> Gathered:
    """Raises `BadRequest` for what has no place in a pack: nothing is left out in silence."""
    copied, voices, anew = [], [], []
    for path in sorted(ingredients.iterdir()):
        if (path.name in wanted and path.name != CONFIG) or is_text(path.name):
            copied.append(path)
        elif path.name in (MANIFEST, PROBE, SIGNATURE):
            anew.append(path)
        elif family.voices is not None and path.is_file() and family.voices.takes(path):
            voices.append(path)
        elif path.name not in (*wanted, *DROPPINGS):
            known = [*wanted, *([family.voices.expected] if family.voices else [])]
            raise BadRequest(
                f"{path.name} has no place in a pack: expected {', '.join(known)}, LICENSE, NOTICE or README",
                field="source",
                tip="move it out of the folder",
            )
    return Gathered(tuple(copied), tuple(voices), tuple(anew))


def with_voices(
    staging: Path, family: Family[Any], files: Sequence[Path], tell: Callable[[str], None]
) -> tuple[str, ...]:
    """Put single voices beside those in `staging`, which they win over; the names of all. Their files are
    opened
    in a child process."""
    assert family.voices is not None
    with TemporaryDirectory() as work:
        contents = convert_in_child(family, files, Path(work))
        if contents.config is not None:
            raise BadRequest(f"among {shown(files)} is a model, beside {WEIGHTS}: leave one", field="source")
        are_others = all((staging / name).exists() for name in family.table_files)
        speakers = family.voices.join(Path(work), staging) if are_others else contents.speakers
        for name in family.table_files:
            shutil.copyfile(Path(work) / name, staging / name)
    for note in (*contents.notes, f"from {shown(files)}: {', '.join(contents.added)}"):
        tell(note)
    return speakers


def check_unsealed(pack: Pack, family: Family[Any]) -> None:
    """What a check does with the files, but for the probe, which is yet to be recorded. Raises
    `ModelRejected`."""
    headers = {name: read_header(pack.folder / name) for name in family.tensor_files}
    check_tensors(pack.manifest, headers)
    for name, header in headers.items():
        check_values(pack.folder / name, header, are_weights=name in family.weight_files)
    family.check_values(pack.folder)


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
    return record_probe(loaded(unsealed), unsealed.manifest.probe, unsealed.folder / PROBE, listen=listen)


def loaded(pack: Pack) -> Synthesizer:
    """As it is when a check listens to it."""
    model = load_model(pack, place("cpu", "float32"))
    return Synthesizer(model, model.lexicon)


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
