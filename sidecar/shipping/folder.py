"""A folder that a player can start who has no Python: interpreter, program, voices, licences, hashes.

    npc-voice            the launcher, which takes the usual commands
    python/              the interpreter with our code and libraries, compiled
    voices/              packs, read where they lie
    licences/, NOTICES.txt, VERSION, SHA256SUMS

Nothing in it is written to when it runs: what is written goes to the player's data folder.
"""

import compileall
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

import sidecar
from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.pack import staged
from sidecar.modkit.finding import find_pack
from sidecar.protocol.errors import BadRequest, Unsupported
from sidecar.shipping.interpreter import VERSION as PYTHON
from sidecar.shipping.interpreter import copy_interpreter, place, strip
from sidecar.shipping.parts import Part, parts_for
from sidecar.version import __version__

SYSTEMS = ("linux",)
_FITTING = Path(sidecar.__file__).parent / "fitting" / "data"  #: for voices fitted with PyTorch
_LAUNCHER = """#!/bin/sh
case "$0" in */*) here="${0%/*}" ;; *) here=. ;; esac
exec "$here/python/bin/python3" -I -B -X utf8 -X frozen_modules=on "$here/start.pyc" "$@"
"""
_START = """
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("NPC_VOICE_SHIPPED", os.path.join(here, "voices"))
if "--home" in sys.argv[1:-1]:
    at = sys.argv.index("--home")
    os.environ["NPC_VOICE_HOME"] = os.path.abspath(sys.argv[at + 1])
    del sys.argv[at:at + 2]
sys.argv[0] = "npc-voice"
from sidecar.cli import main
main()
"""
_NOTICE = """NPC Voice {version}, Apache-2.0. This folder holds what is listed below; texts of licences are in
licences/NAME. Libraries under the LGPL are shared libraries of their own, which you may replace.

"""


@dataclass(frozen=True)
class Shipment:
    """What was made. Sizes in bytes."""

    folder: Path
    files: int
    size_bytes: int
    languages: tuple[str, ...]
    voices: tuple[str, ...]


def ship(folder: Path, system: str, voices: Sequence[str], languages: Sequence[str], home: Home) -> Shipment:
    """Make `folder`, whole or not at all. `voices` are packs by name, the default voice `kokoro-82m`.

    Raises `BadRequest` naming the field, `Unsupported` for a system that cannot be built for here, `NoModel`
    for a voice that is not there, `StorageError`.
    """
    _check(folder, system)
    parts = list(parts_for(languages))
    with staged(folder) as staging:
        packages = staging / "python" / "lib" / PYTHON / "site-packages"
        copy_interpreter(staging / "python")
        for part in parts:
            for source, name in part.files:
                _place_file(source, packages / name)
        for binary in packages.rglob("*.so"):
            if not binary.parent.name.endswith(
                (".libs", "_data")
            ):  # whose wheels have moved them: these break
                strip(binary)
        _copy_program(packages / "sidecar")
        for voice in voices:
            _copy_voice(voice, staging / "voices", home)
        (staging / "start.py").write_text(_START)
        _compile(staging)
        _write(staging / "npc-voice", _LAUNCHER, executable=True)
        _write_licences(staging, parts)
        (staging / "VERSION").write_text(f"{__version__}\n")
        _write_hashes(staging)
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return Shipment(folder, len(files), size, tuple(languages), tuple(voices))


def _check(folder: Path, system: str) -> None:
    if folder.exists():
        raise BadRequest(f"{folder} exists already", field="folder", tip="choose another, or delete it")
    if system not in SYSTEMS:
        raise Unsupported(
            f"a folder for {system!r} cannot be made: expected {' or '.join(SYSTEMS)}", field="for"
        )
    if not sys.platform.startswith(system):
        raise Unsupported(f"a folder for {system} is made on {system}, this is {sys.platform}", field="for")


def _place_file(source: Path, target: Path) -> None:
    """A copy; of JSON, without what is there for people."""
    place(source, target)
    if target.suffix == ".json":
        read = json.loads(target.read_text("utf-8"))
        target.write_text(json.dumps(read, ensure_ascii=False, separators=(",", ":")), "utf-8")


def _copy_program(target: Path) -> None:
    own = Path(sidecar.__file__).parent
    for path in own.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and _FITTING not in path.parents:
            place(path, target / path.relative_to(own))


def _copy_voice(name: str, voices: Path, home: Home) -> None:
    """The default voice comes with int8 weights, others as they are."""
    if name == default_voice.NAME:
        target = voices / f"{default_voice.NAME}-{default_voice.VERSION}"
        target.parent.mkdir(parents=True, exist_ok=True)
        default_voice.write_compact(target)
        return
    pack = find_pack(home, name)
    shutil.copytree(pack.folder, voices / f"{pack.manifest.name}-{pack.manifest.version}")


def _compile(folder: Path) -> None:
    """Modules without their sources: half the size, and nothing to be written beside them at the first start.

    Their bytes hang on the sources alone.
    """
    compileall.compile_dir(
        folder,
        quiet=2,
        legacy=True,
        force=True,
        stripdir=str(folder),
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        optimize=0,
    )
    for source in folder.rglob("*.py"):
        if source.with_suffix(".pyc").exists():
            source.unlink()


def _write(path: Path, text: str, *, executable: bool = False) -> None:
    path.write_text(text)
    path.chmod(0o755 if executable else 0o644)


def _write_licences(folder: Path, parts: Sequence[Part]) -> None:
    licences = folder / "licences"
    lines = [
        f"CPython {sys.version.split()[0]}: PSF-2.0; with libffi (MIT), zlib (Zlib) and OpenSSL (Apache-2.0)"
    ]
    place(Path(os.__file__).with_name("LICENSE.txt"), licences / "CPython" / "LICENSE.txt")
    for part in parts:
        lines.append(f"{part.name} {part.version}: {part.licence}")
        for text in part.licences:
            place(text, licences / part.name / text.name)
    _write(folder / "NOTICES.txt", _NOTICE.format(version=__version__) + "\n".join(lines) + "\n")


def _write_hashes(folder: Path) -> None:
    """As `sha256sum -c` reads them."""
    lines = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}" for path in _files(folder)]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
