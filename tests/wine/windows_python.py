"""A copy of this checkout on Windows's drive C:, and Windows's Python in it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tools.install_windows_python import WINE, cache, launcher

ROOT = Path(__file__).parents[2]
COPIED = ("bindings/vectors", "pyproject.toml", "samples", "sidecar", "tests", "docs")
SOURCE = "C:\\src"
STANDIN = f"{SOURCE}\\tests\\windows\\standin"


def drive() -> Path:
    """Drive C:, as Linux sees it."""
    return cache() / "prefix" / "drive_c"


def copy_checkout() -> None:
    """Beside what Windows has compiled of it before, in place of all else."""
    target = drive() / "src"
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, target / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy2(source, target / name)


def start(*arguments: str, standin: bool = True, **options) -> "subprocess.Popen[str]":
    """Windows's Python with these arguments; `standin` for PyTorch, which it then need not load."""
    path = f"{STANDIN};{SOURCE}" if standin else SOURCE
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    program = launcher(whole=not standin)
    assert program is not None
    return subprocess.Popen(
        [str(program), *arguments], cwd=drive() / "src", env=environment, text=True, encoding="utf-8",
        start_new_session=True, **{**pipes, **options},
    )  # fmt: skip


def run(*arguments: str, timeout_s: float, standin: bool = True) -> tuple[int, str]:
    """Its code, and what it printed."""
    process = start(*arguments, standin=standin)
    try:
        printed, _ = process.communicate(timeout=timeout_s)
    finally:
        process.kill()
    return process.returncode, printed


def programs() -> list[psutil.Process]:
    """Those of our Windows's Python that run now, as Linux sees them."""
    ours = [p for p in psutil.process_iter(["name", "environ"]) if p.info["name"] == "python.exe"]
    return [p for p in ours if (p.info["environ"] or {}).get("WINEPREFIX") == str(cache() / "prefix")]


@contextmanager
def wine_session() -> Iterator[None]:
    """All that runs in our Wine ends with the block, Wine's own services too."""
    try:
        yield
    finally:
        environment = {**os.environ, "WINEPREFIX": str(cache() / "prefix")}
        server = cache() / "debian" / Path(WINE).parent / "wineserver"
        subprocess.run([str(server), "-k"], env=environment, check=False, timeout=30)
