"""What lies in the models folder: what could be a voice pack, and what somebody may have taken for one.

A candidate is every entry but what is hidden, notes for people, checksums, and files that programs write
before they rename them. Most are no packs: the check says so, and whoever dropped them can read why. Nothing
but a folder's manifest is ever read here.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sidecar.checks.sources import (
    ARCHIVE_SUFFIX,
    CHECKPOINT_SUFFIX,
    DROPPINGS,
    MOST_NAMES,
    is_link,
    open_plain,
    plain_size,
)
from sidecar.engines.registry import single_voice_of
from sidecar.models.file_names import MANIFEST, is_text
from sidecar.models.manifest import MAX_BYTES, read_json
from sidecar.protocol.errors import ModelError
from sidecar.protocol.reasons import Reason

_STAMP_DIGITS = 16
#: Notes, checksums, and what programs call a file until it is whole.
_PASSED_OVER = (
    ".txt",
    ".md",
    ".sha256",
    ".part",
    ".partial",
    ".crdownload",
    ".download",
    ".filepart",
    ".tmp",
    "~",
)
#: A folder with more is refused by its count; its first ones are enough to tell that it changes.
_MOST_FACTS = 4 * MOST_NAMES


@dataclass(frozen=True)
class Candidate:
    """An entry of the models folder to be checked. Another `stamp` means that something in it changed, at
    `changed_ns` the last time."""

    name: str
    stamp: str
    size_bytes: int = 0
    changed_ns: int = 0


@dataclass(frozen=True)
class Seen:
    """A candidate in one survey. `is_complete`: its sizes are what its manifest says, nothing is missing."""

    stamp: str
    size_bytes: int
    is_complete: bool
    changed_ns: int = 0


@dataclass(frozen=True)
class _Fact:
    """What tells a file from its earlier self.

    The change time is there for a file that is replaced by one of equal size with its old date kept.
    """

    name: str
    mode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int


def survey(folder: Path, known: Mapping[str, Seen] | None = None) -> dict[str, Seen]:
    """One look at `folder`: what could be a pack, by name. Raises nothing; a missing folder holds nothing.

    With an earlier survey as `known`, manifests of complete folders that did not change are not read
    again. Any thread may call it.
    """
    try:
        with os.scandir(folder) as scan:
            entries = {entry.name: entry for entry in scan if not entry.name.startswith(".")}
    except OSError:
        return {}
    known = known or {}
    found = {name: _look(entry, entries.keys(), known.get(name)) for name, entry in entries.items()}
    return {name: seen for name, seen in found.items() if seen is not None}


def _look(entry: os.DirEntry[str], beside: Iterable[str], known: Seen | None) -> Seen | None:
    path, suffix = Path(entry.path), os.path.splitext(entry.name)[1].lower()
    if entry.name in DROPPINGS or is_text(entry.name) or entry.name.lower().endswith(_PASSED_OVER):
        return None
    try:
        if entry.is_symlink():
            return _link(path)
        if entry.is_dir(follow_symlinks=False):
            return _link(path) if is_link(path.lstat()) else _folder(path, known)
    except OSError:  # gone since the scan
        return None
    if suffix == CHECKPOINT_SUFFIX:
        return _checkpoint(path, beside)
    seen = _files([path])
    is_known = suffix == ARCHIVE_SUFFIX or single_voice_of(path) is not None
    return seen and replace(seen, is_complete=seen.is_complete and is_known)


def _link(path: Path) -> Seen:
    """Complete at once: the check refuses it by its name. Where it leads is not looked at."""
    return Seen(_stamp([*_facts([path]), os.readlink(path)]), 0, True)


def _checkpoint(path: Path, beside: Iterable[str]) -> Seen | None:
    checksums = [name for name in (f"{path.name}.sha256", f"{path.stem}.sha256") if name in beside]
    seen = _files([path, *(path.with_name(name) for name in checksums)])
    return seen and replace(seen, is_complete=seen.is_complete and bool(checksums))


def _files(paths: list[Path]) -> Seen | None:
    facts = _facts(paths)
    if not facts or facts[0].name != paths[0].name:
        return None
    is_complete = len(facts) == len(paths) and all(fact.size_bytes for fact in facts)
    return Seen(_stamp(facts), sum(fact.size_bytes for fact in facts), is_complete, _changed_ns(facts))


def _folder(path: Path, known: Seen | None) -> Seen | None:
    """One without a manifest is never complete: it may still come."""
    try:
        names = sorted({*os.listdir(path)} - DROPPINGS - {MANIFEST})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # it may be a pack: the check says that it cannot be read
        return Seen(_stamp(_facts([path])), 0, False)
    facts = _facts(path / name for name in (MANIFEST, *names[:_MOST_FACTS]))
    stamp, size_bytes = _stamp([*facts, len(names)]), sum(fact.size_bytes for fact in facts)
    if known is not None and known.is_complete and known.stamp == stamp:
        return known
    return Seen(stamp, size_bytes, _has_all(path / MANIFEST, facts), _changed_ns(facts))


def _has_all(manifest: Path, facts: list[_Fact]) -> bool:
    """Every file that the manifest lists is there with its size. False where the manifest cannot say."""
    sizes = {fact.name: fact.size_bytes for fact in facts if stat.S_ISREG(fact.mode)}
    try:
        plain_size(manifest)
        with open_plain(manifest) as stream:
            text = stream.read(MAX_BYTES + 1)
        listing = read_json(text, MANIFEST, Reason.MANIFEST_JSON, MAX_BYTES)["files"]
        return bool(listing) and all(sizes.get(file["name"]) == file["size_bytes"] for file in listing)
    except (OSError, ModelError, KeyError, TypeError):
        return False


def _facts(paths: Iterable[Path]) -> list[_Fact]:
    """Those that are still there."""
    facts = []
    for path in paths:
        try:
            # Not the scan's own figures: Windows keeps old ones there while a file is being written.
            found = path.lstat()
        except OSError:
            continue
        facts.append(_Fact(path.name, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
    return facts


def _changed_ns(facts: Iterable[_Fact]) -> int:
    return max((fact.changed_ns for fact in facts), default=0)


def _stamp(facts: object) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:_STAMP_DIGITS]
