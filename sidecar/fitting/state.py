"""Where a fit stands, on disk, so that one that was killed goes on where it was."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from sidecar import files
from sidecar.models.pack import storage_errors
from sidecar.protocol.errors import BadRequest

_MANNER, _STEP = "manner", "step"
METHOD = 1  #: counts up when the same inputs would give another voice


class State:
    """One fit's file: its manner, and how far its timbre is. The file is whole at any time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tensors = _read(file)

    @property
    def manner(self) -> Tensor | None:
        return self._tensors.get(_MANNER)

    @property
    def timbre(self) -> tuple[int, dict[str, Tensor]] | None:
        """The step, and all that is needed to go on from it."""
        if _STEP not in self._tensors:
            return None
        rest = {key: value for key, value in self._tensors.items() if key not in (_MANNER, _STEP)}
        return int(self._tensors[_STEP]), rest

    def keep_manner(self, manner: Tensor) -> None:
        self._keep({_MANNER: manner})

    def keep_timbre(self, step: int, tensors: dict[str, Tensor]) -> None:
        kept = {key: value.cpu().contiguous() for key, value in tensors.items()}
        self._keep({_MANNER: self._tensors[_MANNER], _STEP: torch.tensor(step), **kept})

    def _keep(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors
        with storage_errors(self._file):
            files.write_whole(self._file, save(tensors))

    def forget(self) -> None:
        """The fit has ended."""
        with storage_errors(self._file):
            files.remove(self._file)


def _read(file: Path) -> dict[str, Tensor]:
    """Nothing where there is no file, or none that can be read."""
    try:
        return load(file.read_bytes())
    except (OSError, SafetensorError):
        return {}


@contextmanager
def state_of(folder: Path, inputs: dict[str, object]) -> Iterator[State]:
    """The state of the fit of these inputs, held against others. Raises `BadRequest` where another process is
    at the same fit, and `StorageError`."""
    text = json.dumps({**inputs, "method": METHOD}, sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"{name}.lock", timeout=0):
            yield State(folder / f"{name}.safetensors")
    except Timeout as error:
        raise BadRequest("this very voice is being fitted by another process", field="clip") from error
