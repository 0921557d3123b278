"""Miniature packs, and the tools to change a pack with and without telling its manifest."""

import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from safetensors.numpy import load_file, save_file

from sidecar.audio.mel import BANDS
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.config_check import tensor_shapes
from sidecar.models.manifest import VOICES_FORMAT, Base, Fitted, Manifest, PackFile, Probe, ProbeLine
from sidecar.models.pack import describe
from sidecar.models.signature import signed

WEIGHTS, VOICES, PROBE = "weights.safetensors", "voices.safetensors", "probe.safetensors"
MANIFEST, SIGNATURE, LEXICON = "manifest.json", "signature.json", "lexicon.tsv"
EMOTIONS = "emotions.json"
SPEAKERS = ("af_one", "am_two")

#: The smallest network that is still every part of the real one: 84,000 weights.
MINIATURE = KokoroConfig(
    hidden=8,
    depth=1,
    bert_embedding=8,
    bert_hidden=8,
    bert_heads=2,
    bert_layers=1,
    bert_ffn=8,
    decoder_hidden=8,
    text_residual=4,
    generator_channels=8,
    resblock_kernels=(3,),
    resblock_dilations=(1,),
    noise_kernels=(3, 3),
)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))

Arrays = dict[str, np.ndarray]
FITTED = Fitted("I may be spoken with in mods of mine.", "2026-11-30", ("ab" * 32,), "by hand")


def make_miniature(
    folder: Path,
    *,
    name: str = "mini",
    version: str = "1.0.0",
    seed: int = 0,
    config: KokoroConfig = MINIATURE,
) -> Path:
    """A whole pack of random weights: sound in everything but its sound."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    weights = {
        key: (0.1 * random.standard_normal(shape)).astype(np.float16)
        for key, shape in tensor_shapes(config).items()
    }
    save_file(weights, folder / WEIGHTS)
    voices = {key: random.standard_normal((4, 256)).astype(np.float32) * 0.15 for key in SPEAKERS}
    save_file(voices, folder / VOICES)
    save_file({"line.0": random.standard_normal((80, BANDS)).astype(np.float16)}, folder / PROBE)
    (folder / LEXICON).write_text("Drizzt\tdɹˈɪst\n", "utf-8")
    (folder / "LICENSE").write_text("Do as you like.\n", "utf-8")
    manifest = Manifest(
        name=name,
        version=version,
        architecture="kokoro",
        config=asdict(config),
        languages=("en-US",),
        speakers=SPEAKERS,
        licence="CC0-1.0",
        source="random numbers",
        probe=Probe((ProbeLine("[[Halt|hˈɔlt]]!", "af_one", 7),), 0.04),
        files=listed(folder),
    )
    (folder / MANIFEST).write_bytes(manifest.to_json().encode())
    return folder


def make_voices(
    folder: Path,
    base: Path,
    *,
    name: str = "mara",
    version: str = "1.0.0",
    speakers: tuple[str, ...] = ("mara",),
    layers: bool = True,
    fitted: Fitted | None = FITTED,
    seed: int = 1,
) -> Path:
    """A voice pack of random voices for the pack in the folder `base`: sound in everything but its sound."""
    folder.mkdir(parents=True)
    random, known = np.random.default_rng(seed), Manifest.from_json((base / MANIFEST).read_bytes())
    config = KokoroConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.config.items()})
    voices: Arrays = {}
    for speaker in speakers:
        voices[speaker] = random.standard_normal((4, 256)).astype(np.float32) * 0.15
        if layers:
            shape = (config.timbre_layers, config.style)
            voices[f"{speaker}.layers"] = (0.1 * random.standard_normal(shape)).astype(np.float16)
    save_file(voices, folder / VOICES)
    save_file({"line.0": random.standard_normal((80, BANDS)).astype(np.float16)}, folder / PROBE)
    levels = {"format": 1, "levels_db": dict.fromkeys(speakers, -2.0)}
    (folder / EMOTIONS).write_text(json.dumps(levels), "utf-8")
    manifest = Manifest(
        name=name,
        version=version,
        architecture="kokoro",
        config=known.config,
        languages=("en-US",),
        speakers=speakers,
        licence="CC0-1.0",
        source="random numbers",
        probe=Probe((ProbeLine("[[Halt|hˈɔlt]]!", speakers[0], 7),), 0.04),
        files=listed(folder),
        format=VOICES_FORMAT,
        base=Base(known.name, known.version, known.sha256),
        fitted=fitted,
    )
    (folder / MANIFEST).write_bytes(manifest.to_json().encode())
    return folder


def listed(folder: Path) -> tuple[PackFile, ...]:
    return tuple(
        describe(path)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in (MANIFEST, SIGNATURE)
    )


def manifest_of(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    return data


def write_manifest(folder: Path, data: dict[str, Any]) -> None:
    (folder / MANIFEST).write_bytes(json.dumps(data, ensure_ascii=False, indent=2).encode())


def change_manifest(folder: Path, **fields: Any) -> None:
    write_manifest(folder, {**manifest_of(folder), **fields})


def reseal(folder: Path) -> None:
    """A liar's manifest: sizes and hashes are made to fit whatever the files are now."""
    change_manifest(folder, files=[asdict(file) for file in listed(folder)])


def sign(folder: Path, key: Ed25519PrivateKey = KEY) -> None:
    signature = signed((folder / MANIFEST).read_bytes(), key, "A Publisher")
    (folder / SIGNATURE).write_text(signature.to_json(), "utf-8")


def change_tensors(folder: Path, change: Callable[[Arrays], Arrays], file: str = WEIGHTS) -> None:
    """Rewrite a file of tensors and make the manifest fit."""
    arrays = {name: array.copy() for name, array in load_file(folder / file).items()}
    save_file(change(arrays), folder / file)
    reseal(folder)


def header_of(path: Path) -> tuple[dict[str, Any], bytes]:
    """The parsed header of a safetensors file, and the bytes behind it."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def write_raw(folder: Path, header: bytes, data: bytes, length: int | None = None) -> None:
    """A safetensors file of weights from its parts, in a pack whose manifest agrees."""
    said = len(header) if length is None else length
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", said) + header + data)
    reseal(folder)


def change_header(folder: Path, change: Callable[[dict[str, Any]], None], extra: bytes = b"") -> None:
    header, data = header_of(folder / WEIGHTS)
    change(header)
    write_raw(folder, json.dumps(header).encode(), data + extra)


def archived(folder: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """The pack as `NAME-VERSION.npcvoice` beside its folder."""
    data = manifest_of(folder)
    target = folder.with_name(f"{data['name']}-{data['version']}.npcvoice")
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return target
