"""Packs as the watcher sees them: names and sizes, no voice in them."""

import json
from pathlib import Path

FILES = {"weights.safetensors": 300, "voices.safetensors": 100}


def manifest(files: dict[str, int] = FILES) -> bytes:
    listing = [{"name": name, "sha256": "ab" * 32, "size_bytes": size} for name, size in files.items()]
    return json.dumps({"name": "x", "files": listing}).encode()


def drop(folder: Path, files: dict[str, int] = FILES) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest(files))
    for name, size in files.items():
        (folder / name).write_bytes(b"x" * size)
    return folder
