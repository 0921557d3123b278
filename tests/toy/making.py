"""Packs of the toy family, made as a modder makes one, in a process that knows the family for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.checks import candidate
from sidecar.engines.family import WEIGHTS
from sidecar.engines.registry import FAMILIES
from sidecar.models.pack import Pack
from sidecar.modkit import converting, making
from tests.toy.engine import write_weights
from tests.toy.family import SINE


@contextmanager
def registered() -> Iterator[None]:
    """The family is known here, and in the children that are started meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, SINE.name, SINE)
        patch.setattr(candidate, "MODULE", "tests.toy.checking")
        patch.setattr(converting, "CHILD", "tests.toy.importing")
        yield


def make_pack(folder: Path, name: str, version: str, octave: float = 1.0) -> Pack:
    """`folder`/`name`-`version`, from a folder with weights alone. Call while the family is `registered`."""
    ingredients = folder / f"ingredients-{name}-{version}"
    ingredients.mkdir(parents=True)
    write_weights(ingredients / WEIGHTS, octave)
    told = making.Making(name, version, licence="CC0-1.0", source="tests")
    return making.make_pack(ingredients, folder / f"{name}-{version}", told)
