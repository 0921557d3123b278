"""Get the servers that a fleet is tested with, etcd and Prometheus, into a folder of the user's cache.

    python -m tools.install_fleet

Debian's packages are downloaded with an apt state of our own and unpacked; nothing of the system is changed
and nothing is started. Programs on the path are taken instead. Prints what is there, or one line that says
why there is none; ends with 0 in both cases, for the tests that need it skip by name.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.install_godot import KEYRING, CannotInstall, apt, mirror, run

PROGRAMS = {"etcd": "etcd-server", "prometheus": "prometheus", "promtool": "prometheus"}
_RELEASE = Path("/etc/os-release")


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "npc-voice-tools" / "fleet"


def program(name: str) -> str | None:
    """What starts it; None where it is not there."""
    unpacked = cache() / "usr" / "bin" / name
    return shutil.which(name) or (str(unpacked) if unpacked.exists() else None)


def install(root: Path) -> None:
    """Whole or not at all. Raises `CannotInstall`."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYRING.exists()):
        raise CannotInstall("this is no Debian, and they are not on the path")
    partial = root.with_name(f"{root.name}.{os.getpid()}")
    try:
        unpack(partial)
        shutil.rmtree(root, ignore_errors=True)
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def unpack(root: Path) -> None:
    """Raises `CannotInstall`."""
    state = root / ".apt"
    archives = state / "cache" / "archives"
    (archives / "partial").mkdir(parents=True)
    (state / "lists" / "partial").mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite()} main\n", "utf-8")
    apt(state, "update")
    apt(state, "download", *sorted(set(PROGRAMS.values())), folder=archives)
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(root)])
    shutil.rmtree(state)


def suite() -> str:
    """Debian's release of this machine: its programs fit its libraries."""
    found = re.search(r"^VERSION_CODENAME=(\S+)", _RELEASE.read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "stable"


def version(path: str) -> str:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    return (done.stdout or done.stderr).splitlines()[0]


def main() -> None:
    problem = ""
    if any(program(name) is None for name in PROGRAMS):
        try:
            cache().parent.mkdir(parents=True, exist_ok=True)
            install(cache())
        except (CannotInstall, OSError) as error:
            problem = f": {error}"
    for name in PROGRAMS:
        path = program(name)
        if path is None:
            print(f"no {name}{problem}; the tests of fleets that need it are skipped")
        else:
            print(version(path))


if __name__ == "__main__":
    sys.exit(main())
