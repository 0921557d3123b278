"""`manifest.json`: what a voice pack is and which files it consists of."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sidecar.protocol.errors import ModelRejected

FORMAT = 1
FILE_NAME = "manifest.json"
WEIGHTS = "weights.safetensors"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class PackFile:
    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Manifest:
    """A pack's description. `config` are the architecture's dimensions, as its own code defines them."""

    name: str
    version: str
    architecture: str
    config: Mapping[str, Any]
    languages: tuple[str, ...]
    licence: str
    source: str
    files: tuple[PackFile, ...]
    format: int = FORMAT

    def file(self, name: str) -> PackFile:
        """Raises `ModelRejected` when the pack has no such file."""
        for file in self.files:
            if file.name == name:
                return file
        raise ModelRejected(f"the manifest lists no file {name!r}")

    @property
    def sha256(self) -> str:
        """Identity of the pack's content: the hash of its weights."""
        return self.file(WEIGHTS).sha256

    @property
    def version_numbers(self) -> tuple[int, ...]:
        return tuple(int(number) for number in self.version.split("."))

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Strict: raises `ModelRejected` naming the first field that is missing, unknown or malformed."""
        try:
            data = json.loads(text, object_pairs_hook=_without_duplicates)
        except (ValueError, RecursionError) as error:
            raise ModelRejected(f"{FILE_NAME} is not valid JSON: {error}") from error
        if not isinstance(data, dict):
            raise ModelRejected(f"{FILE_NAME} must hold an object")
        known = {field.name for field in fields(cls)}
        if odd := sorted(known ^ data.keys()):
            kind = "lacks" if odd[0] in known else "has an unknown field"
            raise ModelRejected(f"{FILE_NAME} {kind} {odd[0]!r}")
        return cls._checked(data)

    @classmethod
    def _checked(cls, data: dict[str, Any]) -> "Manifest":
        if data["format"] != FORMAT:
            raise ModelRejected(f"{FILE_NAME}: format is {data['format']!r}, this version reads {FORMAT}")
        check_identity(data["name"], data["version"])
        for field in ("architecture", "licence", "source"):
            if not isinstance(data[field], str):
                raise ModelRejected(f"{FILE_NAME}: {field} must be text")
        if not isinstance(data["config"], dict):
            raise ModelRejected(f"{FILE_NAME}: config must be an object")
        if (
            not _is_list_of(data["languages"], str)
            or not _is_list_of(data["files"], dict)
            or not data["files"]
        ):
            raise ModelRejected(f"{FILE_NAME}: languages must be a list of text, files a list of objects")
        files = tuple(_file(entry) for entry in data["files"])
        if len({file.name.casefold() for file in files}) != len(files):
            raise ModelRejected(f"{FILE_NAME}: two files share a name")
        return cls(**{**data, "languages": tuple(data["languages"]), "files": files})


def check_identity(name: object, version: object) -> None:
    """Raises `ModelRejected` unless these can be a pack's name and version, so a folder's name."""
    _match("name", name, _NAME)
    _match("version", version, _VERSION)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is given twice")
    return result


def _match(field: str, value: object, pattern: re.Pattern[str]) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ModelRejected(f"{field} is {value!r}, expected the form {pattern.pattern}")


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _file(entry: dict[str, Any]) -> PackFile:
    if entry.keys() != {"name", "sha256", "size_bytes"}:
        raise ModelRejected(f"{FILE_NAME}: a file needs name, sha256 and size_bytes, got {sorted(entry)}")
    _match("files.name", entry["name"], _FILE)
    _match("files.sha256", entry["sha256"], _SHA256)
    size = entry["size_bytes"]
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise ModelRejected(f"{FILE_NAME}: files.size_bytes is {size!r}, expected a whole number above 0")
    return PackFile(entry["name"], entry["sha256"], size)
