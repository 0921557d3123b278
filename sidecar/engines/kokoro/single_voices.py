"""Single voices as people make and pass them on -> tables of a pack. Opened in a child process only.

A voice is a table [rows, 256], mostly [510, 1, 256], in any of these files, told by their content:

    mine.pt             a tensor, or a dict of tensors by name (`torch.save`), in any precision
    voices-v1.0.bin     arrays by name (`numpy.savez`, whatever the file is called)
    af_mine.bin         nothing but float32 numbers, row after row
    mine.npy            one array
    voices.safetensors  tables by name, or in low rank as packs have them

A voice without a name of its own is called as its file is.
"""

import zipfile
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save_file

from sidecar.engines import speaker_names
from sidecar.engines.family import Contents
from sidecar.engines.kokoro.config import VOICES, WIDTH, voice_of
from sidecar.engines.kokoro.pack_check import MOST_ROWS, check_values
from sidecar.engines.kokoro.voices import names_in, published
from sidecar.prosody.plan import Floats
from sidecar.protocol.reasons import Reason, refusal

if TYPE_CHECKING:
    from torch import Tensor

Tensors = dict[str, Floats]  #: as in a pack's file of voices
Arrays = Mapping[str, npt.NDArray[Any]]

_ZIP, _NPY, _PICKLE = b"PK\x03\x04", b"\x93NUMPY", b"\x80"
_PICKLED = (".pt", ".pth")
_ROW_BYTES = 4 * WIDTH
_MOST_UNPACKED_BYTES = 1 << 30
_UNNAMED = "arr_0"  #: what `numpy.savez` calls an array that was given no name


def read(files: Sequence[Path], folder: Path) -> Contents:
    """Write what all `files` hold into the folder's voices, in float32. Of voices called alike the last
    counts.

    Raises `ModelRejected` for a file that holds no voice, and for a voice that is not finite or lies far from
    all that the network knows; `OSError` when the disk refuses.
    """
    found = {file: tensors_in(file) for file in files}
    for file, tensors in found.items():
        if tensors is None:
            raise refusal(
                Reason.NOT_A_VOICE,
                f"{file.name} holds something else than voices; a model becomes a pack with "
                "`npc-voice pack import`",
            )
    return write({file: tensors for file, tensors in found.items() if tensors is not None}, folder)


def write(found: Mapping[Path, Tensors], folder: Path) -> Contents:
    """As `read`, of what `tensors_in` has found."""
    tensors: Tensors = {}
    notes: list[str] = []
    for file, held in found.items():
        if not held:
            raise refusal(Reason.NOT_A_VOICE, f"{file.name} holds no voice")
        called = speaker_names.fitted(dict.fromkeys(map(voice_of, held)), file.name)
        notes += [f"voice {old!r} is called {new!r}" for old, new in called.items() if old != new]
        tensors = _without(tensors, called.values())
        tensors |= {called[voice_of(key)] + key[len(voice_of(key)) :]: table for key, table in held.items()}
    _save(tensors, folder / VOICES)
    check_values(folder)
    names = names_in(folder / VOICES)
    return Contents(None, names, names, tuple(notes))


def join(folder: Path, other: Path) -> tuple[str, ...]:
    """Put the voices of the folder `other` beside those of `folder`, which win; the names of all."""
    return _joined(folder, load_file(other / VOICES))


def join_published(folder: Path) -> tuple[str, ...]:
    """As `join`, of the 54 published voices."""
    return _joined(folder, load(published()))


def _joined(folder: Path, others: Tensors) -> tuple[str, ...]:
    own = load_file(folder / VOICES)
    _save(_without(others, set(map(voice_of, own))) | own, folder / VOICES)
    return names_in(folder / VOICES)


def settle(file: Path) -> tuple[str, ...]:
    """Bring a pack's file of voices into single precision, in place; their names. Raises `ModelRejected` for
    what
    is no voice, or has a name that none can have."""
    held = _tensors(_arrays_of(file), file)
    for name in map(voice_of, held):
        if not speaker_names.PATTERN.fullmatch(name):
            near = speaker_names.fitting(name)
            raise refusal(
                Reason.SPEAKERS_DIFFER,
                f"{file.name}: a voice cannot be called {name[:80]!r}: a name is {speaker_names.RULE}"
                + (f"; the nearest is {near!r}" if near else ""),
            )
    _save(held, file)
    return names_in(file)


def tensors_in(file: Path) -> Tensors | None:
    """The voices of a file, by the names that they have there; None where it holds something else, such as a
    whole model. Raises `ModelRejected` for what is damaged, or is almost a voice."""
    from sidecar.engines.checkpoint import refuse_pointer

    refuse_pointer(file)
    with file.open("rb") as stream:
        beginning = stream.read(16)
    if beginning.startswith(_NPY) or (beginning.startswith(_ZIP) and _is_npz(file)):
        return _from_numpy(file)
    if beginning.startswith(_ZIP):
        return _from_torch(file)
    if beginning[8:9] == b"{":
        return _from_safetensors(file)
    if file.suffix.lower() == ".bin" and _is_raw(file):
        return {file.stem: np.fromfile(file, "<f4").reshape(-1, WIDTH)}
    if beginning.startswith(_PICKLE) or file.suffix.lower() in _PICKLED:
        return _from_torch(file)
    raise refusal(Reason.NOT_A_VOICE, f"{file.name} is neither a voice nor a model that is known here")


def _is_npz(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _is_raw(file: Path) -> bool:
    rows, rest = divmod(file.stat().st_size, _ROW_BYTES)
    return rest == 0 and 0 < rows <= MOST_ROWS


def _from_numpy(file: Path) -> Tensors:
    try:
        arrays = _arrays(file)
    except Exception as error:  # foreign data fails in any way
        raise refusal(Reason.NOT_A_VOICE, f"{file.name} is no plain NumPy file: {error}") from error
    if list(arrays) == [_UNNAMED]:
        arrays = {file.stem: arrays[_UNNAMED]}
    return _tables(arrays, file.name)


def _arrays(file: Path) -> Arrays:
    loaded = np.load(file, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {file.stem: loaded}
    with loaded:
        if sum(info.file_size for info in loaded.zip.infolist()) > _MOST_UNPACKED_BYTES:
            raise ValueError(f"it would unpack to over {_MOST_UNPACKED_BYTES >> 20:,} MiB")
        return dict(loaded)


def _from_safetensors(file: Path) -> Tensors | None:
    arrays = _arrays_of(file)
    tables = [array for key, array in arrays.items() if key == voice_of(key)]
    return _tensors(arrays, file) if all(_is_table(array.shape) for array in tables) else None


def _arrays_of(file: Path) -> Arrays:
    try:
        return load_file(file)
    except Exception as error:  # foreign data fails in any way
        raise refusal(Reason.UNREADABLE, f"{file.name} is not a valid safetensors file: {error}") from error


def _tensors(arrays: Arrays, file: Path) -> Tensors:
    whole = {key: array for key, array in arrays.items() if key == voice_of(key)}
    parts = {key: array.astype(np.float32) for key, array in arrays.items() if key not in whole}
    return _tables(whole, file.name) | parts


def _from_torch(file: Path) -> Tensors | None:
    from torch import Tensor

    from sidecar.engines import checkpoint

    loaded = checkpoint.load(file)
    if isinstance(loaded, Tensor):
        loaded = {file.stem: loaded}
    if not isinstance(loaded, Mapping) or not loaded:
        return None
    single = len(loaded) == 1
    if not all(isinstance(value, Tensor) and (single or _is_table(value.shape)) for value in loaded.values()):
        return None
    return _tables({str(name): _array(value) for name, value in loaded.items()}, file.name)


def _array(tensor: "Tensor") -> npt.NDArray[Any]:
    """On this side of PyTorch, whose bfloat16 NumPy does not know."""
    plain = tensor.detach().to_dense()
    return (plain.float() if plain.is_floating_point() else plain).numpy()


def _tables(arrays: Arrays, file: str) -> Tensors:
    """Tables [rows, 256] in single precision. Raises `ModelRejected` naming the first that is none."""
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not _is_table(array.shape):
            raise refusal(
                Reason.TENSOR_SHAPE,
                f"{file}: {name[:80]!r} is {array.dtype}{list(array.shape)}, a voice is "
                f"float32[510, 1, {WIDTH}]: up to {MOST_ROWS} rows of {WIDTH} numbers",
            )
    with np.errstate(over="ignore"):  # what is infinite then is refused by name
        return {
            name: np.ascontiguousarray(array, dtype=np.float32).reshape(-1, WIDTH)
            for name, array in arrays.items()
        }


def _is_table(shape: Sequence[int]) -> bool:
    rows = prod(shape[:-1])
    return len(shape) <= 3 and shape[-1:] == (WIDTH,) and 0 < rows <= MOST_ROWS and rows in (1, *shape[:-1])


def _without(tensors: Tensors, names: Any) -> Tensors:
    return {key: table for key, table in tensors.items() if voice_of(key) not in names}


def _save(tensors: Tensors, path: Path) -> None:
    try:
        save_file(tensors, path)
    except SafetensorError as error:  # carries the system's error as text only
        raise OSError(str(error)) from error
