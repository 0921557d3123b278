"""Turning somebody's checkpoints, or single voices, into a voice pack.

A file is opened only in a child process (`converting.py`); what comes back are safetensors files or a reason
in plain words.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sidecar.checks.bare import identity
from sidecar.checks.sources import CHECKPOINT_SUFFIX
from sidecar.engines.family import Contents, Family
from sidecar.engines.registry import FAMILIES, importer_of, single_voice_of
from sidecar.files import printable
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.manifest import MAX_TEXT
from sidecar.models.pack import Pack, describe, open_pack, writing_to
from sidecar.models.writing import are_new, on_base, write_pack
from sidecar.modkit.converting import convert_in_child, shown, unheeded
from sidecar.modkit.making import Making, check_name, recorded, recorded_unheard
from sidecar.modkit.voice_pack import make_voice_pack
from sidecar.protocol.errors import BadRequest, did_you_mean


def import_checkpoint(
    sources: Sequence[Path], home: Home, name: str | None = None, version: str = "1.0.0", *,
    listen: bool = True, family: str | None = None, base: Pack | None = None,
    tell: Callable[[str], None] = unheeded,
) -> Pack:  # fmt: skip
    """Convert a family's published files, in any order, into the pack `name`-`version` of the home's models
    folder; `name` is the family's own if not given, or the first voice's where there are only voices.

    `family` names whose files these are where their names do not tell. Voices without a model become
    a voice pack for `base`, the default voice if not given; or, where it has voices called alike, for which
    they are to stand in, a pack with its weights. `tell` hears what else whoever
    imports should know, in plain words.
    Without `listen` it need not sound like speech (random weights for tests). Raises `BadRequest` for a file
    that cannot be one, `ModelRejected` with the reason when it is not what it should be, `StorageError`
    when the disk refuses. Nothing is left behind on failure.
    """
    found = family_for(sources, family)
    name = name or usual_name(sources, found)
    check_name(name, version)
    target = home.models / f"{name}-{version}"
    with writing_to(home.models):
        if target.exists():
            raise BadRequest(
                f"{target.name} exists already: choose another --name or --version", field="name"
            )
        if are_voices(sources):
            base = base or ensure_default_voice(home)
            making = Making(name, version, "unknown", provenance(sources))
            if pack := voice_pack_of(found, sources, target, making, base, listen, tell):
                return pack
        write_pack(
            target,
            found,
            lambda folder: contents_of(
                found, sources, folder, lambda: base or ensure_default_voice(home), tell
            ),
            recorded if listen else recorded_unheard,
            name=name,
            version=version,
            licence="unknown",
            source=provenance(sources),
        )
    return open_pack(target)


def are_voices(sources: Sequence[Path]) -> bool:
    """By their names and sizes."""
    return all(single_voice_of(source) or source.suffix.lower() == CHECKPOINT_SUFFIX for source in sources)


def voice_pack_of(
    family: Family[Any], sources: Sequence[Path], target: Path, making: Making, base: Pack, listen: bool,
    tell: Callable[[str], None],
) -> Pack | None:  # fmt: skip
    """A voice pack for `base`; None where one is a model after all, or `base` has a voice called alike."""
    with TemporaryDirectory() as work:
        contents = convert_in_child(family, sources, Path(work))
        if contents.config is not None or not are_new(contents, base):
            return None
        for note in contents.notes:
            tell(note)
        return make_voice_pack(Path(work), target, making, base, listen=listen)


def usual_name(sources: Sequence[Path], family: Family[Any]) -> str:
    """What a pack is called if nobody says."""
    if are_voices(sources):
        return identity(sources[0].stem)[0]
    return family.importing.pack_name


def contents_of(
    family: Family[Any],
    sources: Sequence[Path],
    folder: Path,
    base: Callable[[], Pack],
    tell: Callable[[str], None],
) -> Contents:
    """All the family's files, in `folder`."""
    contents = convert_in_child(family, sources, folder)
    for note in contents.notes:
        tell(note)
    return contents if contents.config is not None else on_base(folder, family, contents, base())


def family_for(sources: Sequence[Path], family: str | None = None) -> Family[Any]:
    """Whose files these are, as said or by their names. Raises `BadRequest` for what is not there or
    nobody's."""
    for source in sources:
        if not source.is_file():
            raise BadRequest(f"{source} is not there", field="source")
    if family is not None:
        if family not in FAMILIES:
            raise BadRequest(f"unknown family {family!r}{did_you_mean(family, FAMILIES)}", field="family")
        return FAMILIES[family]
    if (found := importer_of(sources)) is None:
        expected = ", or ".join(known.importing.expected for known in FAMILIES.values())
        raise BadRequest(f"{shown(sources)}: expected {expected}", field="source")
    return found


def provenance(sources: Sequence[Path]) -> str:
    """What a pack was made of: the first file's hash in full, and the others' names."""
    others = "".join(f", {source.name[:40]}" for source in sources[1:])
    return printable(f"{sources[0].name[:100]}, sha256 {describe(sources[0]).sha256}{others}")[:MAX_TEXT]
