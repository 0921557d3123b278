"""Mouth shapes as text files: Oculus rows, ARKit frames or Rhubarb cues, in JSON or TSV."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from sidecar.lipsync import arkit, rhubarb
from sidecar.lipsync.oculus import Row
from sidecar.lipsync.sounds import SHAPES
from sidecar.protocol.errors import BadRequest, did_you_mean

FORMATS = ("oculus", "arkit", "rhubarb")
ENDINGS = (".json", ".tsv")


def check_format(path: Path, kind: str) -> None:
    """Raises `BadRequest` unless `kind` is one of `FORMATS` and the file's ending one of `ENDINGS`."""
    if kind not in FORMATS:
        raise BadRequest(
            f"unknown lip-sync format {kind!r}{did_you_mean(kind, FORMATS)}", field="lipsync_format"
        )
    if path.suffix.lower() not in ENDINGS:
        raise BadRequest(f"cannot tell the format of {path.name!r}: use .json or .tsv", field="lipsync")


def content(rows: Sequence[Row], end_s: float, path: Path, kind: str, sound_file: str) -> str:
    """What belongs into `path`, which `check` has let pass."""
    in_json = path.suffix.lower() == ".json"
    if kind == "rhubarb":
        shown = rhubarb.cues(rows, end_s)
        return rhubarb.as_json(shown, sound_file) if in_json else rhubarb.tsv(shown)
    return _arkit(rows, end_s, in_json) if kind == "arkit" else _oculus(rows, end_s, in_json)


def _oculus(rows: Sequence[Row], end_s: float, in_json: bool) -> str:
    if not in_json:
        return _table(
            ("start_s", "shape", "weight"), ((f"{at:.4f}", SHAPES[i], f"{w:g}") for at, i, w in rows)
        )
    visemes = [(round(start_s, 4), shape, weight) for start_s, shape, weight in rows]
    return json.dumps({"duration_s": round(end_s, 4), "shapes": SHAPES, "visemes": visemes}) + "\n"


def _arkit(rows: Sequence[Row], end_s: float, in_json: bool) -> str:
    track = arkit.blend_shapes(rows, end_s)
    if in_json:
        frames = [[round(value, 4) for value in frame] for frame in track.values.tolist()]
        return json.dumps({"fps": track.fps, "names": track.names, "frames": frames}) + "\n"
    lines = (
        (f"{n / track.fps:.4f}", *(f"{v:.4g}" for v in frame))
        for n, frame in enumerate(track.values.tolist())
    )
    return _table(("time_s", *track.names), lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(line) + "\n" for line in (head, *lines))
