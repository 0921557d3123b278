"""Get a Godot 4 to test the binding with, into a folder of its own in the user's cache.

    python tools/install_godot.py

Nothing of the system is changed: Debian's packages are downloaded with an apt state of our own (the mirror
is the machine's), unpacked and started through their own loader, since they need a newer libc than most
machines have. A `godot` on the path that is new enough is taken instead. Prints the version, or one line
that says why there is none; ends with 0 in both cases, for the tests that need it skip by name.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LEAST = (4, 5)  #: the tests count errors with a Logger, which older ones have not
SUITES = ("testing", "sid")
#: Needed by drivers only, which are not used headless; they are half of the download.
NOT_NEEDED = re.compile(r"^(libllvm|libz3|mesa-|libc-gconv|fonts-|xkb-data|debconf|pci\.ids)")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LIMIT_S = 240
LAUNCHER = """#!/bin/sh
root=$(dirname "$0")
exec "$root/{loader}" --library-path "$root/{libraries}:$root/{libraries}/pulseaudio" \\
    --argv0 godot "$root/usr/bin/godot" "$@"
"""


class CannotInstall(Exception):
    """Why there is no Godot to be had here."""


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "npc-voice-tools" / "godot"


def installed() -> str | None:
    """What starts a Godot that is there already and new enough; None when there is none."""
    candidates = (shutil.which("godot"), str(cache() / "godot"))
    return next((path for path in candidates if path and version(path) >= LEAST), None)


def version(path: str) -> tuple[int, ...]:
    """(4, 6, 3) for "4.6.3.stable…"; empty when it cannot be started."""
    words = version_words(path)
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", words)
    return tuple(int(part) for part in found.groups(default="0")) if found else ()


def version_words(path: str) -> str:
    try:
        done = subprocess.run([path, "--headless", "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def install(root: Path) -> None:
    """Raises `CannotInstall`."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYRING.exists()):
        raise CannotInstall("this is no Debian, and no godot 4.5 or newer is on the path")
    partial = root.with_name(f"{root.name}.{os.getpid()}")
    try:
        problems = []
        for suite in SUITES:
            shutil.rmtree(partial, ignore_errors=True)
            try:
                unpack(partial, suite)
                break
            except CannotInstall as problem:
                problems.append(f"{suite}: {problem}")
        else:
            raise CannotInstall("; ".join(problems))
        shutil.rmtree(root, ignore_errors=True)
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def unpack(root: Path, suite: str) -> None:
    """Debian's Godot of `suite` with what it needs, and a launcher. Raises `CannotInstall`."""
    state = root / ".apt"
    archives = state / "cache" / "archives"
    (archives / "partial").mkdir(parents=True)
    (state / "lists" / "partial").mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n", "utf-8")
    apt(state, "update")
    listed = apt(state, "--print-uris", "-y", "install", "godot")
    files = [line.split()[1] for line in listed.splitlines() if line.startswith("'")]
    names = [name for file in files if not NOT_NEEDED.match(name := file.partition("_")[0])]
    apt(state, "download", *names, folder=archives)
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(root)])
    shutil.rmtree(state)
    write_launcher(root)


def mirror() -> str:
    """Where this machine's own packages come from. Raises `CannotInstall`."""
    folder = Path("/etc/apt")
    for file in sorted(folder.glob("sources.list.d/*.sources")):
        if found := re.search(r"^URIs:\s*(\S+)", file.read_text("utf-8"), re.MULTILINE):
            return found[1]
    for file in (folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))):
        if file.exists() and (
            found := re.search(r"^deb\s+(?:\[.*?\]\s+)?(\S+)", file.read_text("utf-8"), re.M)
        ):
            return found[1]
    raise CannotInstall("apt has no source")


def apt(state: Path, *arguments: str, folder: Path | None = None) -> str:
    settings = {
        "Dir::Etc::SourceList": state / "sources.list", "Dir::Etc::SourceParts": os.devnull,
        "Dir::State::Lists": state / "lists", "Dir::Cache": state / "cache",
        "Dir::State::status": state / "status", "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root", "Acquire::Languages": "none", "Acquire::Retries": "3",
    }  # fmt: skip
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    return run(["apt-get", "-qq", *options, *arguments], folder)


def run(command: Sequence[str], folder: Path | None = None) -> str:
    """What it printed. Raises `CannotInstall` with its last words."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(f"{command[0]} took longer than {LIMIT_S} s") from error
    if done.returncode:
        raise CannotInstall(f"{command[0]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return done.stdout


def write_launcher(root: Path) -> None:
    loaders = [path for path in root.glob("usr/lib/*-linux-gnu/ld-linux*.so.*") if path.exists()]
    if not loaders:
        raise CannotInstall("the packages hold no loader")
    loader = loaders[0].relative_to(root)
    launcher = root / "godot"
    launcher.write_text(LAUNCHER.format(loader=loader, libraries=loader.parent), "utf-8")
    launcher.chmod(0o755)


def main() -> None:
    path = installed()
    if path is None:
        with contextlib.suppress(FileNotFoundError):
            cache().parent.mkdir(parents=True, exist_ok=True)
        try:
            install(cache())
        except (CannotInstall, OSError) as problem:
            print(f"no Godot: {problem}; the tests of the Godot binding are skipped")
            return
        path = installed()
    if path is None:
        print(
            "no Godot: the one that was installed does not start; the tests of the Godot binding are skipped"
        )
        return
    print(f"Godot {version_words(path)}: {path}")


if __name__ == "__main__":
    sys.exit(main())
