"""The id files: UTF-8, one item a line, an item's id the number of its line from 0."""

from functools import cache
from importlib import resources
from pathlib import Path

from sidecar.protocol.errors import ModelRejected

BOUNDARY = "<sos/eos>"
MAX_BYTES = 4 << 20


def parsed(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines())


def read_list(path: Path) -> tuple[str, ...]:
    """The items of a file. Raises `ModelRejected` when it is not text or too long to be one."""
    if path.stat().st_size > MAX_BYTES:
        raise ModelRejected(f"{path.name} has over {MAX_BYTES:,} bytes: expected a list, one item a line")
    try:
        return parsed(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise ModelRejected(f"{path.name} is neither a checkpoint nor a list in UTF-8") from error


def write_list(items: tuple[str, ...], path: Path) -> None:
    path.write_bytes(("\n".join(items) + "\n").encode())


def numbered(items: tuple[str, ...]) -> dict[str, int]:
    """Item -> id."""
    return {item: number for number, item in enumerate(items)}


@cache
def published_tokens() -> tuple[str, ...]:
    """The 502 tokens of the published model (source: `data/youdao/text/tokenlist`, Apache-2.0)."""
    return _published("tokens.txt")


@cache
def published_speakers() -> tuple[str, ...]:
    """Its 2,014 speakers: LibriVox reader ids (source: `data/youdao/text/speaker2`, Apache-2.0)."""
    return _published("speakers.txt")


def _published(name: str) -> tuple[str, ...]:
    return parsed((resources.files("sidecar.engines.emotivoice") / "data" / name).read_text("utf-8"))
