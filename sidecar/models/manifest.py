"""`manifest.json`: what a voice pack is and which files it consists of.

The same rules stand in `data/manifest.schema.json` for editors and other tools; a test holds the
two together. What a schema cannot say (no key twice, names apart by more than case) is said here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, NoReturn

from sidecar.engines.family import WEIGHTS
from sidecar.models.file_names import MANIFEST, check_file_name
from sidecar.models.version import Version, is_version
from sidecar.protocol.reasons import Reason, refusal

FORMAT = 2
MAX_BYTES = 256 << 10
MAX_FILES = 16
MAX_SPEAKERS = 10_000
MAX_PROBE_LINES = 4
PROBE_SEED_LIMIT = 2**31 - 1
TOLERANCE_RANGE_NEPERS = (0.02, 0.25)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?", re.ASCII)
_SPEAKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
#: No control characters, nothing invisible, nothing that turns the direction of writing.
_TEXT = re.compile("[^\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]*")
MAX_TEXT = 500


@dataclass(frozen=True)
class PackFile:
    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class ProbeLine:
    """A line as a user would ask for it. Its picture is the tensor `line.N` of `probe.safetensors`."""

    text: str
    speaker: str
    seed: int


@dataclass(frozen=True)
class Probe:
    """Lines that must sound as they did when the pack was made, within a mean distance in log-mel."""

    lines: tuple[ProbeLine, ...]
    tolerance_nepers: float


@dataclass(frozen=True)
class Manifest:
    """A pack's description. `config` are the architecture's dimensions, as its own code defines them."""

    name: str
    version: str
    architecture: str
    config: Mapping[str, Any]
    languages: tuple[str, ...]
    speakers: tuple[str, ...]
    licence: str
    source: str
    probe: Probe
    files: tuple[PackFile, ...]
    format: int = FORMAT

    def file(self, name: str) -> PackFile:
        """Raises `ModelRejected` when the pack has no such file."""
        for file in self.files:
            if file.name == name:
                return file
        raise refusal(Reason.MISSING_FILE, f"the manifest lists no file {name!r}")

    def has(self, name: str) -> bool:
        return any(file.name == name for file in self.files)

    @property
    def sha256(self) -> str:
        """Identity of the pack's content: the hash of its weights."""
        return self.file(WEIGHTS).sha256

    @cached_property
    def precedence(self) -> Version:
        """Orders the versions of one name."""
        return Version.parse(self.version)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Manifest":
        """Strict: raises `ModelRejected` naming the first field that is missing, unknown or malformed."""
        data = read_json(text, MANIFEST, Reason.MANIFEST_JSON, MAX_BYTES)
        if not isinstance(data, dict):
            raise refusal(Reason.MANIFEST_JSON, f"{MANIFEST} must hold an object")
        if type(data.get("format", FORMAT)) is not int or data.get("format", FORMAT) != FORMAT:
            raise refusal(
                Reason.MANIFEST_FORMAT,
                f"{MANIFEST}: format is {data['format']!r}, this version reads {FORMAT}",
                tip="make the pack again with `npc-voice pack make`",
            )
        _has_keys(MANIFEST, data, {field.name for field in fields(cls)})
        return cls._checked(data)

    @classmethod
    def _checked(cls, data: dict[str, Any]) -> "Manifest":
        check_identity(data["name"], data["version"])
        _match("architecture", data["architecture"], _NAME)
        for field in ("licence", "source"):
            _text(field, data[field], MAX_TEXT)
        if not isinstance(data["config"], dict):
            _odd("config must be an object")
        files = tuple(_file(entry) for entry in _list("files", data["files"], MAX_FILES))
        if len({file.name.casefold() for file in files}) != len(files):
            raise refusal(Reason.CASE_CLASH, f"{MANIFEST}: two files share a name")
        speakers = _names("speakers", data["speakers"], _SPEAKER, MAX_SPEAKERS)
        probe = _probe(data["probe"])
        for line in probe.lines:
            if line.speaker not in speakers:
                _odd(f"probe speaker {line.speaker!r} is none of the pack's speakers")
        languages = _names("languages", data["languages"], _LANGUAGE, 64)
        parsed = {"languages": languages, "speakers": speakers, "probe": probe, "files": files}
        return cls(**{**data, **parsed})


def check_identity(name: object, version: object) -> None:
    """Raises `ModelRejected` unless these can be a pack's name and version, so a folder's name."""
    _match("name", name, _NAME)
    if not is_version(version):
        _odd(f"version is {version!r}, expected a semantic version such as 1.2.3 or 1.2.3-beta.1")


def read_json(text: str | bytes, where: str, reason: Reason, max_bytes: int) -> Any:
    """JSON without repeated keys or numbers that are none. Raises `ModelRejected` with `reason`."""
    if len(text) > max_bytes:
        raise refusal(reason, f"{where} has over {max_bytes:,} bytes")
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise refusal(reason, f"{where} is not valid JSON: {error}") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key[:64]!r} is given twice")
        result[key] = value
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _odd(message: str) -> NoReturn:
    raise refusal(Reason.MANIFEST_FIELD, f"{MANIFEST}: {message}")


def _has_keys(where: str, data: object, known: set[str]) -> None:
    if not isinstance(data, dict):
        _odd(f"{where} must be an object")
    if odd := sorted(known ^ data.keys()):
        kind = "lacks" if odd[0] in known else "has an unknown field"
        raise refusal(Reason.MANIFEST_FIELD, f"{where} {kind} {odd[0][:64]!r}")


def _match(field: str, value: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        _odd(f"{field} is {value!r:.80}, expected the form {pattern.pattern}")
    return value


def _text(field: str, value: object, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        _odd(f"{field} must be text of 1 to {longest} characters")
    if not _TEXT.fullmatch(value):
        _odd(f"{field} holds a control or an invisible character")
    return value


def _list(field: str, value: object, longest: int) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= longest:
        _odd(f"{field} must be a list of 1 to {longest} entries")
    return value


def _names(field: str, value: object, pattern: re.Pattern[str], longest: int) -> tuple[str, ...]:
    names = tuple(_match(field, name, pattern) for name in _list(field, value, longest))
    if len(set(names)) != len(names):
        _odd(f"{field} names one twice")
    return names


def _whole(field: str, value: object, lowest: int, highest: int) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        _odd(f"{field} is {value!r:.40}, expected a whole number {lowest} to {highest}")
    return value


def _file(entry: object) -> PackFile:
    _has_keys("an entry of files", entry, {"name", "sha256", "size_bytes"})
    assert isinstance(entry, dict)
    if not isinstance(entry["name"], str):
        _odd(f"files.name is {entry['name']!r:.80}, expected text")
    check_file_name(entry["name"])
    _match("files.sha256", entry["sha256"], _SHA256)
    _whole("files.size_bytes", entry["size_bytes"], 1, 2**53)
    return PackFile(entry["name"], entry["sha256"], entry["size_bytes"])


def _probe(data: object) -> Probe:
    _has_keys("probe", data, {"lines", "tolerance_nepers"})
    assert isinstance(data, dict)
    tolerance, (lowest, highest) = data["tolerance_nepers"], TOLERANCE_RANGE_NEPERS
    is_number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    if not is_number or not lowest <= tolerance <= highest:
        _odd(f"probe.tolerance_nepers is {tolerance!r:.40}, expected {lowest} to {highest}")
    lines = tuple(_probe_line(line) for line in _list("probe.lines", data["lines"], MAX_PROBE_LINES))
    return Probe(lines, float(tolerance))


def _probe_line(data: object) -> ProbeLine:
    _has_keys("an entry of probe.lines", data, {"text", "speaker", "seed"})
    assert isinstance(data, dict)
    return ProbeLine(
        _text("probe.lines.text", data["text"], MAX_TEXT),
        _match("probe.lines.speaker", data["speaker"], _SPEAKER),
        _whole("probe.lines.seed", data["seed"], 0, PROBE_SEED_LIMIT),
    )
