"""The C# binding's assemblies, compiled as the tests need them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tools.install_mono import Mono

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings" / "unity" / "com.npcvoice.sidecar"
SOURCES = ROOT / "tests" / "bindings" / "unity"
FLAGS = ("-nologo", "-warnaserror+", "-langversion:7")
CORE, UNITY, EDITOR, TESTS = "NpcVoice.Core", "NpcVoice.Unity", "NpcVoice.Editor", "NpcVoice.Tests"
TIMEOUT_S = 60
RUNTIME = {
    "runtimeOptions": {
        "tfm": "netcoreapp3.1",
        "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
        "configProperties": {"System.Globalization.Invariant": True},
    }
}
#: Assemblies of .NET Core that have no managed code for the compiler, or say again what others say.
LEFT_OUT = ("WindowsRuntime", "Private.Xml", "Private.DataC", "Native", "mscorlib")


class Build:
    """Compiled assemblies in one folder; each method returns the file that it makes."""

    def __init__(self, mono: Mono, folder: Path) -> None:
        self.mono, self.folder = mono, folder

    def library(self, name: str, sources: list[Path], *references: str) -> Path:
        return self._compile("library", f"{name}.dll", sources, references)

    def program(self, name: str) -> Path:
        return self._compile("exe", f"{name}.exe", [SOURCES / "programs" / f"{name}.cs"], (CORE,))

    def core(self) -> Path:
        return self.library(CORE, sorted((PACKAGE / "Runtime" / "Core").glob("*.cs")))

    def all(self) -> Path:
        """The package over stand-ins for Unity, and every test; returns the tests' assembly."""
        stubs = SOURCES / "stubs"
        self.core()
        self.library("UnityEngine", [stubs / "UnityEngine.cs"])
        self.library("UnityEditor", [stubs / "UnityEditor.cs"], "UnityEngine")
        self.library(UNITY, sorted((PACKAGE / "Runtime").glob("*.cs")), "UnityEngine", CORE)
        self.library(
            EDITOR, sorted((PACKAGE / "Editor").glob("*.cs")), "UnityEngine", "UnityEditor", CORE, UNITY
        )
        sample = sorted((PACKAGE / "Samples~" / "Tavern").glob("*.cs"))
        self.library("NpcVoice.Tavern", sample, "UnityEngine", CORE, UNITY)
        shutil.copyfile(self.mono.framework, self.folder / "nunit.framework.dll")
        tests = [*sorted((PACKAGE / "Tests" / "Editor").glob("*.cs")), *sorted(SOURCES.glob("*.cs"))]
        parts = ("UnityEngine", "UnityEditor", CORE, UNITY, EDITOR, "NpcVoice.Tavern", "nunit.framework")
        return self.library(TESTS, tests, *parts)

    def runner(self) -> Path:
        sources = [SOURCES / "programs" / "Runner.cs"]
        return self._compile("exe", "Runner.exe", sources, ("nunit.framework",))

    def against(self, dotnet: Path) -> Path:
        """The core compiled against .NET Core's own assemblies, which have all that .NET Standard 2.1 has."""
        shared = next((dotnet.parent / "shared" / "Microsoft.NETCore.App").iterdir())
        assemblies = [*sorted(shared.glob("System*.dll")), shared / "Microsoft.Win32.Primitives.dll"]
        fitting = [file for file in assemblies if not any(word in file.name for word in LEFT_OUT)]
        flags = ["-nostdlib", "-noconfig", "-nowarn:1701,1702", *(f"-r:{file}" for file in fitting)]
        sources = sorted((PACKAGE / "Runtime" / "Core").glob("*.cs"))
        return self._compile("library", f"{CORE}.netcore.dll", sources, (), *flags)

    def _compile(
        self, target: str, file: str, sources: list[Path], references: tuple[str, ...], *flags: str
    ) -> Path:
        made = self.folder / file
        known = [f"-r:{self.folder / name}.dll" for name in references]
        command = [self.mono.compiler, *FLAGS, *flags, f"-target:{target}", f"-out:{made}", *known]
        done = subprocess.run(
            [*command, *map(str, sources)], capture_output=True, text=True, timeout=TIMEOUT_S
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return made


def on_dotnet(dotnet: Path, program: Path) -> list[str]:
    """The command that runs a program of Mono's compiler on .NET Core."""
    library = program.with_suffix(".dll")
    shutil.copyfile(program, library)
    configuration = program.with_suffix(".runtimeconfig.json")
    configuration.write_text(json.dumps(RUNTIME), "utf-8")
    return [str(dotnet), "exec", "--runtimeconfig", str(configuration), str(library)]


def environment(**variables: Path | str) -> dict[str, str]:
    """Ours, with what the C# tests are told."""
    told = {f"NPC_VOICE_TEST_{name.upper()}": str(value) for name, value in variables.items()}
    return {**os.environ, "DOTNET_CLI_TELEMETRY_OPTOUT": "1", **told}
