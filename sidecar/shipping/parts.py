"""What goes into a shipped folder besides interpreter, program and voices: libraries and dictionaries."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import cast

from sidecar.protocol.errors import BadRequest

#: By the names that the package index knows, with what they require. What only a developer's machine needs is
#: not among them.
LIBRARIES = (
    "numpy", "safetensors", "onnxruntime", "pyzmq", "msgpack", "soundfile", "soxr", "platformdirs",
    "filelock", "watchdog", "cryptography", "prometheus-client", "psutil", "nvidia-ml-py", "typer", "rich",
)  # fmt: skip
#: Required by name, but only for what nobody does here: reading graphs in Python.
_NOT_REQUIRED = {"flatbuffers", "protobuf", "packaging", "coloredlogs", "humanfriendly", "sympy", "mpmath"}
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: Besides those of every folder.
OF_LANGUAGE: dict[str, tuple[str, ...]] = {"en": (), "zh": ("jieba", "pypinyin")}
_DICTIONARIES = re.compile(r"^misaki/data/(us|gb)_(gold|silver)\.json$")
#: What is never run: tests, tools for programmers, headers; a second copy of onnxruntime for C programs.
_LEFT_OUT = re.compile(
    r"(^|/)(tests?|testing|__pycache__|include|f2py|distutils|doc|typing)/|\.(pyi|a|h|c|pxd|pyx|pyc|cmake)$"
    r"|^\.\.|^onnxruntime/(transformers|quantization|tools|datasets|backend)/|libonnxruntime\.so"
    r"|^jieba/(lac_small|analyse)/|^numpy/_core/(_simd|_.*_tests)\.|^pygments/lexers/(?!__init__|_mapping|python\.)"
    r"|/direct_url\.json$|/(RECORD|INSTALLER|REQUESTED)$"
)
_KEPT = re.compile(r"^numpy/typing/[^/]+\.py$")
_LICENCE = re.compile(r"(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A library: `files` are what is copied (from, to inside of site-packages), `licences` texts by name."""

    name: str
    version: str
    licence: str
    files: tuple[tuple[Path, PurePosixPath], ...]
    licences: tuple[Path, ...]


def parts_for(languages: Sequence[str]) -> Iterator[Part]:
    """Raises `BadRequest` for a language that is none, and for a library that is not installed."""
    for language in languages:
        if language not in OF_LANGUAGE:
            raise BadRequest(f"language {language!r}: expected {' or '.join(OF_LANGUAGE)}", field="languages")
    for name in with_required([*LIBRARIES, *(one for of in languages for one in OF_LANGUAGE[of])]):
        yield library(name)
    if "en" in languages:
        yield dictionaries()


def with_required(names: Sequence[str]) -> list[str]:
    """The same and what they require, each once, as far as it is installed: markers of other systems are not
    looked at."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop(0)).lower()
        if name in found or name in _NOT_REQUIRED:
            continue
        found[name] = None
        required = [line for line in _installed(name).requires or () if "extra ==" not in line]
        wanted = [match.group() for line in required if (match := _REQUIREMENT.match(line))]
        waiting += [one for one in wanted if _is_installed(one)]
    return list(found)


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def library(name: str) -> Part:
    found = _installed(name)
    return _part(found, lambda file: not _LEFT_OUT.search(file) or bool(_KEPT.match(file)))


def dictionaries() -> Part:
    """misaki's, which are read as data."""
    return _part(_installed("misaki"), lambda file: bool(_DICTIONARIES.match(file)))


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise BadRequest(
            f"{name} is not installed here, and a shipped folder needs it",
            field="languages",
            tip=f"pip install {name}",
        ) from error


def _part(found: Distribution, is_wanted: Callable[[str], bool]) -> Part:
    files, licences = [], []
    for file in found.files or ():
        name = file.as_posix()
        path = Path(str(found.locate_file(file)))
        if not path.is_file():
            continue
        if ".dist-info/" in name and _LICENCE.search(name):
            licences.append(path)
        if is_wanted(name):
            files.append((path, PurePosixPath(name)))
    metadata = found.metadata
    return Part(metadata["Name"], found.version, licence_of(found), tuple(files), tuple(licences))


def licence_of(found: Distribution) -> str:
    """What a distribution says of itself: an expression, a line, or its classifiers."""
    metadata = cast(Message, found.metadata)
    if expression := metadata.get("License-Expression"):
        return str(expression)
    named = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    said = str(metadata.get("License") or "").strip().partition("\n")[0]
    return said if 0 < len(said) < 60 else ", ".join(named) or "see its licence file"
