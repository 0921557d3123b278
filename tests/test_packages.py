"""What is installed is all that there is: tests run from the checkout and would not miss a folder."""

from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

tomllib = pytest.importorskip("tomllib")  # from Python 3.11 on
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]


def test_every_package_is_installed():
    there = {
        ".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "sidecar").rglob("__init__.py")
    }
    assert there | {"sidecar.samples"} == set(SETUPTOOLS["packages"])


def test_every_file_of_data_is_installed():
    data = [f for f in (ROOT / "sidecar").rglob("*") if f.is_file() and f.suffix not in (".py", ".pyc")]
    for file in data:
        package = next(p for p in file.relative_to(ROOT).parents if (ROOT / p / "__init__.py").exists())
        patterns = SETUPTOOLS["package-data"].get(".".join(package.parts), [])
        name = file.relative_to(ROOT / package).as_posix()
        assert any(fnmatch(name, pattern) for pattern in patterns), file
