"""Defects of files, names and archives."""

import io
import os
import pickle
import random
import struct
import zipfile
from pathlib import Path

from sidecar.protocol.reasons import Reason as R
from tests.attacks.packs import (
    LEXICON,
    MANIFEST,
    PROBE,
    SIGNATURE,
    VOICES,
    WEIGHTS,
    archived,
    reseal,
    sign,
)
from tests.attacks.registry import defect

LISTED = (WEIGHTS, VOICES, PROBE, LEXICON, "LICENSE")
#: All that a change of the manifest's bytes can be taken for.
ANY_OF_MANIFEST = (
    R.MANIFEST_JSON,
    R.MANIFEST_FIELD,
    R.MANIFEST_FORMAT,
    R.ARCHITECTURE,
    R.CONFIG,
    R.CASE_CLASH,
    R.FILE_NAME,
    R.PATH_ESCAPE,
    R.DEVICE_NAME,
    R.MISSING_FILE,
    R.EXTRA_FILE,
    R.SIZE_DIFFERS,
    R.SIGNATURE_WRONG,
)


class Harmless:
    """Shows by a file whether a pickle was ever opened."""

    def __reduce__(self):
        return (open, (os.devnull, "w"))


def flip_bit(path: Path, rng: random.Random, start: int = 0, end: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(start, end or len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


@defect(R.HASH_DIFFERS)
def bit_flip_in_a_file(pack: Path, rng: random.Random) -> None:
    flip_bit(pack / rng.choice(LISTED), rng)


@defect(*ANY_OF_MANIFEST)
def bit_flip_in_a_signed_manifest(pack: Path, rng: random.Random) -> None:
    sign(pack)
    flip_bit(pack / MANIFEST, rng)


@defect(R.SIGNATURE_WRONG, R.SIGNATURE_FORM)
def bit_flip_in_the_signature(pack: Path, rng: random.Random) -> None:
    sign(pack)
    content = (pack / SIGNATURE).read_text()
    at = content.index('"signature"') + rng.randrange(15, 140)
    flip_bit(pack / SIGNATURE, rng, at, at + 1)


@defect(R.ARCHIVE_DAMAGED, R.HASH_DIFFERS, *ANY_OF_MANIFEST)
def bit_flip_in_an_archives_data(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack, rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    with zipfile.ZipFile(archive) as opened:
        member = rng.choice(opened.infolist())
    start = member.header_offset + 30 + len(member.filename)
    flip_bit(archive, rng, start, start + member.compress_size)
    return archive


@defect(R.SIZE_DIFFERS)
def truncation_of_a_file(pack: Path, rng: random.Random) -> None:
    path = pack / rng.choice(LISTED)
    os.truncate(path, rng.randrange(path.stat().st_size))


@defect(R.MANIFEST_JSON)
def truncation_of_the_manifest(pack: Path, rng: random.Random) -> None:
    os.truncate(pack / MANIFEST, rng.randrange((pack / MANIFEST).stat().st_size - 2))


@defect(R.ARCHIVE_DAMAGED)
def truncation_of_an_archive(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack)
    os.truncate(archive, rng.randrange(archive.stat().st_size))
    return archive


@defect(R.HEADER_LENGTH, R.HEADER_LAYOUT, R.HEADER_JSON)
def truncation_with_a_manifest_that_agrees(pack: Path, rng: random.Random) -> None:
    os.truncate(pack / WEIGHTS, rng.randrange(1, (pack / WEIGHTS).stat().st_size))
    reseal(pack)


@defect(R.HEADER_LAYOUT)
def more_bytes_with_a_manifest_that_agrees(pack: Path, rng: random.Random) -> None:
    with (pack / WEIGHTS).open("ab") as stream:
        stream.write(rng.randbytes(rng.randrange(1, 1000)))
    reseal(pack)


@defect(R.SIZE_DIFFERS)
def more_bytes_than_the_manifest_says(pack: Path, rng: random.Random) -> None:
    with (pack / rng.choice(LISTED)).open("ab") as stream:
        stream.write(rng.randbytes(rng.randrange(1, 100_000)))


@defect(R.MISSING_FILE)
def missing_file(pack: Path, rng: random.Random) -> None:
    (pack / rng.choice(LISTED)).unlink()


@defect(R.NOT_A_PACK)
def missing_manifest(pack: Path, rng: random.Random) -> None:
    (pack / MANIFEST).unlink()


@defect(R.NOT_A_PACK)
def empty_folder(pack: Path, rng: random.Random) -> None:
    for path in pack.iterdir():
        path.unlink()


@defect(R.NOT_A_PACK)
def file_of_another_kind(pack: Path, rng: random.Random) -> Path:
    target = pack.with_name(rng.choice(["voice.wav", "voice.txt", "voice", "voice.onnx"]))
    target.write_bytes(rng.randbytes(100))
    return target


@defect(R.EXTRA_FILE)
def extra_file(pack: Path, rng: random.Random) -> None:
    (pack / rng.choice(["NOTICE", "README.md", "more.safetensors"])).write_bytes(b"more")


@defect(R.EXTRA_FILE)
def extra_tensors_that_are_listed(pack: Path, rng: random.Random) -> None:
    (pack / "more.safetensors").write_bytes((pack / VOICES).read_bytes())
    reseal(pack)


@defect(R.FILE_NAME)
def odd_file_name(pack: Path, rng: random.Random) -> None:
    name = rng.choice(
        ["setup.exe", "run.sh", "autorun.inf", "a b.safetensors", ".hidden", "weights.safetensors~", "x"]
    )
    (pack / name).write_bytes(b"more")


@defect(R.FILE_NAME)
def unicode_file_name(pack: Path, rng: random.Random) -> None:
    name = rng.choice(
        [
            "ｗeights.safetensors",
            "wéights.safetensors",
            "we\u0301ights.safetensors",
            "weights\u200b.safetensors",
            "\u202esrotsnetefas.sthgiew",
            "wеights.safetensors",
            "ＭＡＮＩＦＥＳＴ.json",
        ]
    )
    (pack / name).write_bytes(b"more")


@defect(R.DEVICE_NAME)
def device_name(pack: Path, rng: random.Random) -> Path:
    name = rng.choice(["con.safetensors", "NUL", "aux.txt", "com1.safetensors", "LPT9.tsv", "prn.json"])
    return with_member(pack, name, b"more")


@defect(R.FILE_NAME)
def trailing_dot_or_space(pack: Path, rng: random.Random) -> Path:
    return with_member(pack, rng.choice(["NOTICE.", "NOTICE ", "weights.safetensors.", "README. "]), b"more")


@defect(R.CASE_CLASH)
def names_that_differ_in_case(pack: Path, rng: random.Random) -> Path:
    name = rng.choice([WEIGHTS, VOICES, MANIFEST, LEXICON])
    return with_member(pack, rng.choice([name.upper(), name.title(), name]), b"more")


@defect(R.TOO_MANY_FILES)
def thousands_of_files(pack: Path, rng: random.Random) -> None:
    for number in range(rng.randrange(20, 3000)):
        (pack / f"t{number}.safetensors").touch()


@defect(R.TOO_LARGE)
def five_gigabytes(pack: Path, rng: random.Random) -> None:
    os.truncate(pack / WEIGHTS, (5 << 30) + rng.randrange(1000))  # a hole: takes no room on disk


@defect(R.NOT_A_FILE)
def folder_in_the_pack(pack: Path, rng: random.Random) -> None:
    (pack / rng.choice(["more", "weights", "NOTICE"])).mkdir()


@defect(R.LINK)
def link_to_a_file(pack: Path, rng: random.Random) -> None:
    name = rng.choice(LISTED)
    (pack / name).rename(pack.with_name("elsewhere"))
    (pack / name).symlink_to(pack.with_name("elsewhere"))


@defect(R.LINK)
def link_out_of_the_pack(pack: Path, rng: random.Random) -> None:
    (pack / "NOTICE").symlink_to(rng.choice(["/etc/passwd", "/dev/zero", "../../..", "nowhere"]))


@defect(R.LINK)
def pack_that_is_a_link(pack: Path, rng: random.Random) -> Path:
    link = pack.with_name("linked")
    link.symlink_to(pack)
    return link


@defect(R.PICKLE)
def pickle_as_a_listed_file(pack: Path, rng: random.Random) -> None:
    (pack / rng.choice(LISTED)).write_bytes(pickle.dumps(Harmless(), protocol=rng.randrange(2, 6)))
    reseal(pack)


@defect(R.PICKLE)
def pickle_as_the_manifest(pack: Path, rng: random.Random) -> None:
    (pack / MANIFEST).write_bytes(pickle.dumps(Harmless(), protocol=rng.randrange(2, 6)))


@defect(R.PICKLE)
def pickle_of_the_oldest_kind(pack: Path, rng: random.Random) -> None:
    (pack / rng.choice(LISTED)).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    reseal(pack)


@defect(R.PICKLE)
def checkpoint_beside_the_weights(pack: Path, rng: random.Random) -> None:
    name = rng.choice(["model.pth", "model.pt", "weights.bin", "model.ckpt", "data.pkl", "voices.npz"])
    (pack / name).write_bytes(pickle.dumps(Harmless()))
    reseal(pack)


@defect(R.PICKLE)
def checkpoint_under_an_archives_name(pack: Path, rng: random.Random) -> Path:
    target = pack.with_name("mini-1.0.0.npcvoice")
    if rng.random() < 0.5:
        target.write_bytes(pickle.dumps(Harmless(), protocol=rng.randrange(2, 6)))
        return target
    with zipfile.ZipFile(target, "w") as archive:  # PyTorch's own layout
        archive.writestr("archive/data.pkl", pickle.dumps(Harmless()))
        archive.writestr("archive/data/0", b"0" * 100)
    return target


@defect(R.NESTED_ARCHIVE)
def archive_in_the_pack(pack: Path, rng: random.Random) -> None:
    inner = archived(pack).read_bytes()
    if rng.random() < 0.5:
        (pack / rng.choice(LISTED)).write_bytes(inner)
        reseal(pack)
    else:
        (pack / rng.choice(["more.zip", "more.npcvoice", "more.tar.gz", "more.7z"])).write_bytes(inner)


@defect(R.ARCHIVE_BOMB)
def zip_bomb(pack: Path, rng: random.Random) -> Path:
    (pack / WEIGHTS).write_bytes(bytes(rng.randrange(20, 60) << 20))
    reseal(pack)
    return archived(pack)


@defect(R.ARCHIVE_BOMB)
def zip_bomb_of_members_that_share_their_bytes(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack)
    content = bytearray(archive.read_bytes())
    places = [at for at in range(len(content) - 4) if content[at : at + 4] == b"PK\x01\x02"]
    first, other = sorted(rng.sample(places, 2))
    content[other + 42 : other + 46] = content[first + 42 : first + 46]
    archive.write_bytes(content)
    return archive


@defect(R.TOO_MANY_FILES)
def zip_of_thousands(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack)
    with zipfile.ZipFile(archive, "a") as opened:
        for number in range(rng.randrange(20, 2000)):
            opened.writestr(f"t{number}.safetensors", b"")
    return archive


@defect(R.PATH_ESCAPE)
def zip_slip(pack: Path, rng: random.Random) -> Path:
    names = [
        "../evil.safetensors",
        "../../../../tmp/evil",
        "a/../../evil",
        "/etc/evil",
        "C:\\evil",
        "C:evil",
        "\\\\host\\share\\evil",
        "..\\evil",
        "mini/weights.safetensors",
        "NOTICE\0.txt",
        "NOTICE:stream",
    ]
    return with_member(pack, rng.choice(names), b"evil")


@defect(R.LINK)
def zip_link(pack: Path, rng: random.Random) -> Path:
    info = zipfile.ZipInfo(rng.choice(["NOTICE", "README.md"]))
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return with_member(pack, info, rng.choice([b"/etc/passwd", b"../.."]))


@defect(R.ARCHIVE_FEATURE)
def zip_encrypted(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack)
    content = bytearray(archive.read_bytes())
    places = [at for at in range(len(content) - 4) if content[at : at + 4] == b"PK\x01\x02"]
    content[rng.choice(places) + 8] |= 1
    archive.write_bytes(content)
    return archive


@defect(R.ARCHIVE_FEATURE)
def zip_of_another_compression(pack: Path, rng: random.Random) -> Path:
    return archived(pack, rng.choice([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))


@defect(R.ARCHIVE_FEATURE, R.ARCHIVE_DAMAGED)
def zip64(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack)
    content = bytearray(archive.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    at, size = rng.choice([(8, 2), (10, 2), (12, 4), (16, 4)])
    content[end + at : end + at + size] = b"\xff" * size
    archive.write_bytes(content)
    return archive


@defect(R.ARCHIVE_DAMAGED)
def zip_with_bytes_around_it(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack)
    content, more = archive.read_bytes(), rng.randbytes(rng.randrange(1, 2000))
    archive.write_bytes(more + content if rng.random() < 0.5 else content + more)
    return archive


@defect(R.ARCHIVE_DAMAGED, R.SIZE_DIFFERS)
def zip_that_says_two_sizes(pack: Path, rng: random.Random) -> Path:
    archive = archived(pack, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    places = [at for at in range(len(content) - 4) if content[at : at + 4] == b"PK\x01\x02"]
    at = rng.choice(places) + 24
    (size,) = struct.unpack_from("<L", content, at)
    struct.pack_into("<L", content, at, size + rng.choice([-1, 1, 100]))
    archive.write_bytes(content)
    return archive


@defect(R.ARCHIVE_DAMAGED)
def zip_of_nothing(pack: Path, rng: random.Random) -> Path:
    target = pack.with_name("mini-1.0.0.npcvoice")
    with zipfile.ZipFile(target, "w"):
        pass
    if rng.random() < 0.5:
        target.write_bytes(rng.randbytes(rng.randrange(2000)))
    return target


@defect(R.NOT_A_PACK)
def zip_without_a_manifest(pack: Path, rng: random.Random) -> Path:
    (pack / MANIFEST).rename(pack.with_name("elsewhere"))
    target = pack.with_name("mini-1.0.0.npcvoice")
    with zipfile.ZipFile(target, "w") as archive:
        for path in pack.iterdir():
            archive.write(path, path.name)
    return target


def with_member(pack: Path, name: str | zipfile.ZipInfo, content: bytes) -> Path:
    """The pack's archive with one member more, under a name that this system might not store."""
    archive, stored = archived(pack), io.BytesIO()
    stored.write(archive.read_bytes())
    info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo("placeholder")
    if isinstance(name, str):
        info.filename = name  # unlike the constructor, keeps what is behind a NUL
    with zipfile.ZipFile(stored, "a") as opened:
        opened.writestr(info, content)
    archive.write_bytes(stored.getvalue())
    return archive
