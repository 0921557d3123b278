"""What every family must say of itself, whoever reads it."""

import subprocess
import sys
from typing import Any

import pytest

from sidecar.engines.family import WEIGHTS, Family
from sidecar.engines.registry import FAMILIES
from sidecar.text.languages import LANGUAGES, dialect


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family[Any]:
    return request.param


def test_the_registry_is_read_without_the_heavy_libraries():
    """A check's child refuses most packs before it loads them, and a command line starts with it."""
    asked = "import sys, sidecar.engines.registry; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_family_is_listed_under_its_name_and_its_weights_come_first(family: Family[Any]):
    assert FAMILIES[family.name] is family and family.weight_files[0] == WEIGHTS
    assert len(set(family.files)) == len(family.files)
    assert all(name.endswith(".safetensors") for name in family.tensor_files)


def test_every_language_of_a_family_can_be_read(family: Family[Any]):
    assert set(family.languages) <= set(LANGUAGES)
    assert all(dialect(tag) for tag in family.languages)


@pytest.mark.parametrize(
    "family", [known for known in FAMILIES.values() if known.alone], ids=lambda f: f.name
)
def test_weights_that_may_come_alone_have_shapes(family: Family[Any]):
    assert family.alone is not None
    assert tuple(family.shapes(family.alone.config)) == family.weight_files
