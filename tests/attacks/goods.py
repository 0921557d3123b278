"""Odd but good: what must be accepted, by name. `make(pack, rng)` gives the path to drop."""

import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.attacks.packs import (
    EMOTIONS,
    KEY,
    LEXICON,
    MANIFEST,
    MINIATURE,
    OTHER_KEY,
    SPEAKERS,
    VOICES,
    WEIGHTS,
    archived,
    change_manifest,
    change_tensors,
    header_of,
    manifest_of,
    reseal,
    sign,
    write_raw,
)

Make = Callable[[Path, random.Random], Path]
GOODS: dict[str, Make] = {}


def good(make: Make) -> Make:
    GOODS[make.__name__] = make
    return make


@good
def plain_folder(pack: Path, rng: random.Random) -> Path:
    return pack


@good
def stored_archive(pack: Path, rng: random.Random) -> Path:
    return archived(pack, zipfile.ZIP_STORED)


@good
def deflated_archive(pack: Path, rng: random.Random) -> Path:
    return archived(pack)


@good
def renamed_archive(pack: Path, rng: random.Random) -> Path:
    return archived(pack).rename(pack.with_name("downloaded (1) ü.NPCVOICE"))


@good
def renamed_folder(pack: Path, rng: random.Random) -> Path:
    return pack.rename(pack.with_name("my voice ☃"))


@good
def archive_with_a_comment(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack)
    with zipfile.ZipFile(archive, "a") as opened:
        opened.comment = b"made by hand"
    return archive


@good
def archive_in_another_order(pack: Path, rng: random.Random) -> Path:
    archive = pack.with_name("order.npcvoice")
    paths = sorted(pack.iterdir())
    rng.shuffle(paths)
    with zipfile.ZipFile(archive, "w") as opened:
        for path in paths:
            opened.writestr(
                path.name, path.read_bytes(), rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
            )
    return archive


@good
def archive_written_as_a_stream(pack: Path, rng: random.Random) -> Path:
    """Sizes stand behind the data, as tools write them that cannot go back."""

    class OneWay:
        def __init__(self, path: Path) -> None:
            self.stream = path.open("wb")

        def write(self, data: bytes) -> int:
            return self.stream.write(data)

        def flush(self) -> None:
            self.stream.flush()

    archive = pack.with_name("stream.npcvoice")
    target = OneWay(archive)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:  # type: ignore[call-overload]
        for path in sorted(pack.iterdir()):
            opened.write(path, path.name)
    target.stream.close()
    return archive


@good
def signed(pack: Path, rng: random.Random) -> Path:
    sign(pack, KEY)
    return pack


@good
def signed_by_a_stranger_where_anybody_may(pack: Path, rng: random.Random) -> Path:
    sign(pack, OTHER_KEY)
    return archived(pack)


@good
def with_its_own_emotions(pack: Path, rng: random.Random) -> Path:
    (pack / EMOTIONS).write_text(
        '{"format": 1, "emotions": {"haunted": {"aliases": ["着魔"], "change": {"tremor_st": 1}}}}', "utf-8"
    )
    reseal(pack)
    return pack


@good
def without_a_lexicon(pack: Path, rng: random.Random) -> Path:
    (pack / LEXICON).unlink()
    reseal(pack)
    return pack


@good
def with_every_text_there_is(pack: Path, rng: random.Random) -> Path:
    for name in ("NOTICE", "README.md", "LICENCE.txt"):
        (pack / name).write_text("Grüße 你好\n", "utf-8")
    reseal(pack)
    return pack


@good
def with_a_desktops_droppings(pack: Path, rng: random.Random) -> Path:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (pack / name).write_bytes(b"\0\1\2")
    return pack


@good
def prerelease(pack: Path, rng: random.Random) -> Path:
    change_manifest(pack, version=rng.choice(["2.0.0-rc.1", "0.0.1", "1.0.0-alpha.beta+build.5", "10.20.30"]))
    return pack


@good
def second_name(pack: Path, rng: random.Random) -> Path:
    change_manifest(pack, name=rng.choice(["other", "a", "x.y_z-1", "9lives"]))
    return pack


@good
def single_precision(pack: Path, rng: random.Random) -> Path:
    change_tensors(pack, lambda arrays: {name: a.astype(np.float32) for name, a in arrays.items()})
    return pack


@good
def mixed_precision_with_metadata(pack: Path, rng: random.Random) -> Path:
    from safetensors.numpy import save_file

    arrays = load_file(pack / WEIGHTS)
    mixed = {name: a.astype(rng.choice([np.float16, np.float32])) for name, a in arrays.items()}
    save_file(mixed, pack / WEIGHTS, {"format": "pt", "note": "mixed"})
    reseal(pack)
    return pack


@good
def header_of_640_bytes_that_begins_like_a_pickle(pack: Path, rng: random.Random) -> Path:
    """0x0280 little-endian is a pickle's first two bytes; a padded header of another length with them."""
    header, data = header_of(pack / WEIGHTS)
    text = json.dumps(header).encode()
    length = len(text) + (0x0480 - len(text)) % 0x10000
    write_raw(pack, text + b" " * (length - len(text)), data)
    return pack


@good
def voices_in_low_rank(pack: Path, rng: random.Random) -> Path:
    numbers = np.random.default_rng(rng.randrange(2**32))
    parts = {"mean": ((256,), 0.12), "length": ((20, 3), 0.25), "style": ((3, 256), 0.25)}
    change_tensors(
        pack,
        lambda voices: {
            f"{name}.{part}": (size * numbers.standard_normal(shape)).astype(np.float32)
            for name in SPEAKERS
            for part, (shape, size) in parts.items()
        },
        VOICES,
    )
    return pack


@good
def voices_with_layers(pack: Path, rng: random.Random) -> Path:
    """One of two, in half or single precision."""
    numbers, precision = np.random.default_rng(rng.randrange(2**32)), rng.choice([np.float16, np.float32])
    layers = (0.1 * numbers.standard_normal((MINIATURE.timbre_layers, 128))).astype(precision)
    change_tensors(pack, lambda voices: voices | {f"{SPEAKERS[0]}.layers": layers}, VOICES)
    return pack


@good
def compact_manifest(pack: Path, rng: random.Random) -> Path:
    data = manifest_of(pack)
    keys = sorted(data)
    rng.shuffle(keys)
    (pack / MANIFEST).write_text(json.dumps({key: data[key] for key in keys}, separators=(",", ":")), "utf-8")
    return pack


@good
def files_of_an_old_date_and_read_only(pack: Path, rng: random.Random) -> Path:
    for path in pack.iterdir():
        os.utime(path, (0, 0))
        path.chmod(0o444)
    return pack
