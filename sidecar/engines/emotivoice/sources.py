"""Somebody's EmotiVoice files in any order -> which is which. Told from their content, not their names."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from sidecar.engines.checkpoint import load, refuse_pointer
from sidecar.engines.emotivoice.checkpoint_import import JOINT, STYLE
from sidecar.engines.emotivoice.files import KINDS, REQUIRED
from sidecar.engines.emotivoice.lists import BOUNDARY, read_list
from sidecar.protocol.errors import ModelRejected


@dataclass(frozen=True, eq=False)
class Source:
    """A file and what is in it: a dict of tensors, a list of lines, or sizes."""

    kind: str
    name: str
    content: Any


def recognised(paths: Sequence[Path]) -> dict[str, Source]:
    """By kind. Raises `ModelRejected` for a file of no kind, two of one kind, or a required one missing."""
    found: dict[str, Source] = {}
    for path in paths:
        source = opened(path)
        if other := found.get(source.kind):
            raise ModelRejected(f"{other.name} and {path.name} are both a {KINDS[source.kind]}: give one")
        found[source.kind] = source
    for kind in REQUIRED:
        if kind not in found:
            names = ", ".join(path.name for path in paths)
            raise ModelRejected(f"among {names} there is no {KINDS[kind]}")
    return found


def opened(path: Path) -> Source:
    """Raises `ModelRejected` when it is nothing that an import takes."""
    refuse_pointer(path)
    with path.open("rb") as stream:
        start = stream.read(2)
    if start == b"PK" and not zipfile.is_zipfile(path):
        raise ModelRejected(f"{path.name} is cut short at {path.stat().st_size:,} bytes: download it again")
    if start == b"PK" or start[:1] == b"\x80":
        return checkpoint(path)
    if path.suffix == ".json":
        return Source("config", path.name, sizes(path))
    items = read_list(path)
    kind = "vocabulary" if "[CLS]" in items else "tokens" if BOUNDARY in items else "speakers"
    return Source(kind, path.name, items)


def checkpoint(path: Path) -> Source:
    content = load(path)
    if not isinstance(content, Mapping):
        raise ModelRejected(f"{path.name} holds {type(content).__name__}, no EmotiVoice checkpoint")
    if JOINT in content:
        return Source("joint", path.name, content)
    if STYLE in content:
        return Source("style", path.name, content)
    raise ModelRejected(f"{path.name} {_instead(content)}")


def _instead(content: Mapping[str, object]) -> str:
    """What it is, if it is something that lies beside what is wanted."""
    keys = sorted(map(str, content))
    if any(key.startswith(("bert.", "embeddings.", "encoder.layer.")) for key in keys):
        return f"is a bare BERT: its weights come with the {KINDS['style']}"
    if any("optim" in key for key in keys) or {"mpd", "msd"} & set(keys):
        return f"is what only training needs (discriminators, optimisers): give the {KINDS['joint']}"
    if all(isinstance(value, Tensor) for value in content.values()):
        return f"is a plain state dict, expected one under {JOINT!r} or {STYLE!r}"
    return f"is not an EmotiVoice checkpoint: it holds {', '.join(keys[:6])}"


def sizes(path: Path) -> dict[str, int]:
    """The numbers of heads, of which tensors show nothing. Raises `ModelRejected`."""
    try:
        content = json.loads("\n".join(read_list(path)))
    except ValueError as error:
        raise ModelRejected(f"{path.name} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelRejected(f"{path.name} must hold an object")
    if odd := sorted(content.keys() - {"encoder_heads", "decoder_heads", "bert_heads"}):
        raise ModelRejected(f"{path.name} does not know {odd[0][:64]!r}: sizes are read from the tensors")
    return content
