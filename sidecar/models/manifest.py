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

from sidecar.engines import speaker_names
from sidecar.engines.family import VOICES, WEIGHTS
from sidecar.files import text_of
from sidecar.models.file_names import MANIFEST, check_file_name
from sidecar.models.version import Version, is_version
from sidecar.protocol.reasons import Reason, refusal

FORMAT, VOICES_FORMAT = 2, 3  #: of a whole model, and of voices for one that is elsewhere
MAX_CLIPS = 64
MAX_BYTES = 256 << 10
MAX_FILES = 16
MAX_SPEAKERS = 10_000
MAX_PROBE_LINES = 4
PROBE_SEED_LIMIT = 2**31 - 1
TOLERANCE_RANGE_NEPERS = (0.02, 0.25)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?", re.ASCII)
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
class Base:
    """The model that a voice pack's voices belong to: the one with these weights. Name and version are what
    it was called where the voices were made, for people."""

    name: str
    version: str
    sha256: str

    @property
    def label(self) -> str:
        return f"{self.name} {self.version} (weights {self.sha256[:12]}…)"


@dataclass(frozen=True)
class Fitted:
    """Where a fitted voice comes from: what the person whose voice it is has agreed to, in words, the day
    (YYYY-MM-DD), the recordings and the method."""

    consent: str
    date: str
    clips_sha256: tuple[str, ...]
    method: str


@dataclass(frozen=True)
class Manifest:
    """A pack's description. `config` are the architecture's dimensions, as its own code defines them.

    With a `base` it is a voice pack: voices that are spoken by the weights of another pack, and `fitted` says
    where they come from if they were fitted to recordings.
    """

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
    base: Base | None = None
    fitted: Fitted | None = None

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
        """Identity of the pack's content: the hash of its weights, or of its voices if it has only those."""
        return self.file(WEIGHTS if self.base is None else VOICES).sha256

    @cached_property
    def precedence(self) -> Version:
        """Orders the versions of one name."""
        return Version.parse(self.version)

    def to_json(self) -> str:
        data = asdict(self)
        if self.base is None:
            del data["base"], data["fitted"]
        return json.dumps(data, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Manifest":
        """Strict: raises `ModelRejected` naming the first field that is missing, unknown or malformed."""
        data = read_json(text, MANIFEST, Reason.MANIFEST_JSON, MAX_BYTES)
        if not isinstance(data, dict):
            raise refusal(Reason.MANIFEST_JSON, f"{MANIFEST} must hold an object")
        kind = data.get("format", FORMAT)
        if type(kind) is not int or kind not in (FORMAT, VOICES_FORMAT):
            raise refusal(
                Reason.MANIFEST_FORMAT,
                f"{MANIFEST}: format is {kind!r:.40}, this version reads {FORMAT} and {VOICES_FORMAT}",
                tip="make the pack again with `npc-voice pack make`",
            )
        known = {field.name for field in fields(cls)}
        _has_keys(MANIFEST, data, known if kind == VOICES_FORMAT else known - _OF_VOICES)
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
        speakers = _names("speakers", data["speakers"], speaker_names.PATTERN, MAX_SPEAKERS)
        probe = _probe(data["probe"])
        for line in probe.lines:
            if line.speaker not in speakers:
                _odd(f"probe speaker {line.speaker!r} is none of the pack's speakers")
        languages = _names("languages", data["languages"], _LANGUAGE, 64)
        parsed: dict[str, Any] = {
            "languages": languages,
            "speakers": speakers,
            "probe": probe,
            "files": files,
        }
        if data["format"] == VOICES_FORMAT:
            parsed |= {"base": _base(data["base"]), "fitted": _fitted(data["fitted"])}
        return cls(**{**data, **parsed})


_OF_VOICES = {"base", "fitted"}


def check_identity(name: object, version: object, of: str = "") -> None:
    """Raises `ModelRejected` unless these can be a pack's name and version, so a folder's name."""
    _match(f"{of}name", name, _NAME)
    if not is_version(version):
        _odd(f"{of}version is {version!r:.80}, expected a semantic version such as 1.2.3 or 1.2.3-beta.1")


def read_json(text: str | bytes, where: str, reason: Reason, max_bytes: int) -> Any:
    """JSON without repeated keys or numbers that are none. Raises `ModelRejected` with `reason`."""
    if len(text) > max_bytes:
        raise refusal(reason, f"{where} has over {max_bytes:,} bytes")
    try:
        if isinstance(text, bytes):
            text = text_of(text)
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


def _base(data: object) -> Base:
    _has_keys("base", data, {"name", "version", "sha256"})
    assert isinstance(data, dict)
    check_identity(data["name"], data["version"], "base.")
    return Base(data["name"], data["version"], _match("base.sha256", data["sha256"], _SHA256))


def _fitted(data: object) -> Fitted | None:
    if data is None:
        return None
    _has_keys("fitted", data, {"consent", "date", "clips_sha256", "method"})
    assert isinstance(data, dict)
    return Fitted(
        _text("fitted.consent", data["consent"], MAX_TEXT),
        _match("fitted.date", data["date"], _DATE),
        _names("fitted.clips_sha256", data["clips_sha256"], _SHA256, MAX_CLIPS),
        _text("fitted.method", data["method"], MAX_TEXT),
    )


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
        _match("probe.lines.speaker", data["speaker"], speaker_names.PATTERN),
        _whole("probe.lines.seed", data["seed"], 0, PROBE_SEED_LIMIT),
    )
