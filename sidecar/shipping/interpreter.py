"""The Python that runs this program, copied as an ordinary tree of files that may lie anywhere. Linux only.

What its libraries need of the system besides the C library is copied too, and looked for beside it: the path
of libraries in each file is written over by one that begins at the file itself.
"""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from sidecar.protocol.errors import Unsupported

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LEFT_OUT = {
    "test", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "site-packages", "__pycache__",
    "distutils", "pydoc_data", "venv", "sqlite3", "curses", "dbm", "turtle.py",
    "unittest", "xmlrpc", "_pydecimal.py", "pydoc.py", "doctest.py", "pdb.py",
}  # fmt: skip
#: Extension modules that nothing of ours needs, and the system libraries of some.
_EXTENSIONS_LEFT_OUT = re.compile(
    r"^(_hashlib|_sqlite3|readline|_curses.*|_tkinter|_dbm|_gdbm|_uuid|nis|_crypt|ossaudiodev|_test.*"
    r"|_xx.*|xx.*|_ctypes_test|_bz2|_lzma|_codecs_(jp|kr|tw|hk|iso2022)|audioop|spwd)\."
)
#: Of every Linux with glibc.
_OF_THE_SYSTEM = re.compile(
    r"^(linux-vdso|ld-linux|libc\.|libm\.|libpthread|libdl|librt|libutil|libgcc_s|libstdc\+\+)"
)


def copy_interpreter(folder: Path) -> None:
    """Fill `folder` with `bin/python3` and `lib`. Raises `Unsupported` where this is not Linux."""
    if sys.platform != "linux":
        raise Unsupported("an interpreter can be copied on Linux only", field="for")
    library = Path(sysconfig.get_paths()["stdlib"])
    target = folder / "lib" / VERSION
    for path in _modules(library):
        place(path, target / path.relative_to(library))
    program = folder / "bin" / "python3"
    place(Path(sys._base_executable).resolve(), program)  # type: ignore[attr-defined]
    for name, path in sorted(_needed_by([program, *target.rglob("*.so")]).items()):
        place(path, folder / "lib" / name)
    for binary in (program, *folder.rglob("*.so*")):
        strip(binary)
        _look_beside(binary, folder / "lib")


def place(source: Path, target: Path) -> None:
    """A copy with the same rights to run it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _modules(library: Path) -> Iterator[Path]:
    for path in library.rglob("*"):
        first = path.relative_to(library).parts[0]
        if not path.is_file() or first in _LEFT_OUT or first.startswith("config-"):
            continue
        if "__pycache__" in path.parts or "test" in path.parts or "tests" in path.parts:
            continue
        if first == "lib-dynload" and _EXTENSIONS_LEFT_OUT.match(path.name):
            continue
        yield path


def _needed_by(binaries: list[Path]) -> dict[str, Path]:
    """Shared libraries that do not come with every system, by name."""
    found: dict[str, Path] = {}
    said = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True).stdout
    for name, path in re.findall(r"^\s+(\S+) => (/\S+)", said, re.MULTILINE):
        if not _OF_THE_SYSTEM.match(name):
            found[name] = Path(path).resolve()
    return found


def strip(binary: Path) -> None:
    """Without names for debuggers, where the tool is there."""
    try:
        subprocess.run(["strip", "--strip-unneeded", str(binary)], capture_output=True)
    except FileNotFoundError:
        return


def _look_beside(binary: Path, libraries: Path) -> None:
    """Write over the path where a library is looked for, which is longer, by one relative to the file."""
    there = (
        (str(Path(sysconfig.get_config_var("LIBDIR"))).encode() + b"\0") if sys.platform == "linux" else b""
    )
    ours = b"$ORIGIN/" + os.path.relpath(libraries, binary.parent).encode()
    content = binary.read_bytes()
    if there in content and len(ours) < len(there):
        binary.write_bytes(content.replace(b"\0" + there, b"\0" + ours.ljust(len(there), b"\0")))
