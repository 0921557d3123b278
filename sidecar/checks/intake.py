"""From what was dropped to a verified copy in the store: every byte is read once."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from sidecar.checks.sources import Source, check_magic
from sidecar.models.file_names import MANIFEST, SIGNATURE
from sidecar.models.manifest import MAX_BYTES, Manifest, PackFile
from sidecar.protocol.reasons import Reason, refusal

_MAGIC_BYTES = 16
_MAX_SIGNATURE_BYTES = 4096


def read_manifest(source: Source) -> tuple[Manifest, bytes]:
    """Parsed, and the very bytes. Raises `ModelRejected`."""
    text = read_small(source, MANIFEST, MAX_BYTES)
    check_magic(MANIFEST, text[:_MAGIC_BYTES])
    manifest = Manifest.from_json(text)
    listed = {file.name: file for file in manifest.files}
    if {MANIFEST, SIGNATURE} & listed.keys():
        raise refusal(Reason.MANIFEST_FIELD, f"{MANIFEST} cannot list itself or the signature")
    present = source.sizes.keys() - {MANIFEST, SIGNATURE}
    if missing := sorted(listed.keys() - present):
        raise refusal(Reason.MISSING_FILE, f"{missing[0]} is listed in {MANIFEST} but not there")
    if extra := sorted(present - listed.keys()):
        raise refusal(Reason.EXTRA_FILE, f"{extra[0]} is there but not listed in {MANIFEST}")
    for name, file in listed.items():
        if source.sizes[name] != file.size_bytes:
            raise refusal(
                Reason.SIZE_DIFFERS,
                f"{name} has {source.sizes[name]:,} bytes, {MANIFEST} says {file.size_bytes:,}",
            )
    return manifest, text


def read_signature(source: Source) -> bytes | None:
    return read_small(source, SIGNATURE, _MAX_SIGNATURE_BYTES) if SIGNATURE in source.sizes else None


def read_small(source: Source, name: str, most_bytes: int) -> bytes:
    """A whole file; one byte over the limit is enough for the reader of its content to refuse it."""
    return b"".join(source.chunks(name, most_bytes + 1))


def copy_files(source: Source, manifest: Manifest, target: Path) -> None:
    """Copy every listed file into `target`, hashing on the way. Raises `ModelRejected`, `OSError`."""
    for file in manifest.files:
        copied = copy_hashed(source.chunks(file.name, file.size_bytes + 1), target / file.name)
        if copied.size_bytes != file.size_bytes:
            raise refusal(
                Reason.SIZE_DIFFERS,
                f"{file.name} has {copied.size_bytes:,} bytes or more, {MANIFEST} says {file.size_bytes:,}",
            )
        if copied.sha256 != file.sha256:
            raise refusal(
                Reason.HASH_DIFFERS,
                f"{file.name}: its sha256 is not that in {MANIFEST}; it is damaged",
            )


def copy_hashed(chunks: Iterable[bytes], target: Path) -> PackFile:
    """Write the chunks to a new file; name, sha256 and size of the copy. Raises `OSError` for the disk's
    refusals, and `ModelRejected` for a pickle or an archive.
    """
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as copy:
        for chunk in chunks:
            if size == 0:
                check_magic(target.name, chunk[:_MAGIC_BYTES])
            digest.update(chunk)
            copy.write(chunk)
            size += len(chunk)
    return PackFile(target.name, digest.hexdigest(), size)
