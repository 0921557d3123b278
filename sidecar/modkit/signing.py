"""Signing a pack that is there: a folder, or an archive, which is written again."""

import shutil
import zipfile
from pathlib import Path
from uuid import uuid4

from sidecar import files
from sidecar.models.file_names import MANIFEST, SIGNATURE
from sidecar.models.manifest import MAX_BYTES, Manifest
from sidecar.models.pack import open_pack, storage_errors
from sidecar.models.signature import Signature, load_key, signed
from sidecar.protocol.errors import BadRequest


def sign_pack(pack: Path, key_file: Path, publisher: str) -> Signature:
    """Put a signature into the pack, in place of one that was there.

    Raises `BadRequest` for a key or a publisher's name that is none, `NoModel` and `ModelRejected` for
    a pack without a sound manifest, `StorageError`.
    """
    key = load_key(key_file)
    if pack.is_dir():
        open_pack(pack)
        signature = signed((pack / MANIFEST).read_bytes(), key, publisher)
        with storage_errors(pack):
            files.write_whole(pack / SIGNATURE, signature.to_json().encode())
        return signature
    try:
        with zipfile.ZipFile(pack) as archive, archive.open(MANIFEST) as member:
            manifest = member.read(MAX_BYTES + 1)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise BadRequest(f"{pack} is not a pack: {error}", field="pack") from error
    Manifest.from_json(manifest)
    signature = signed(manifest, key, publisher)
    replace_member(pack, SIGNATURE, signature.to_json().encode())
    return signature


def replace_member(file: Path, name: str, content: bytes) -> None:
    """Write the archive again with one member exchanged or added; the old one stays until it is whole."""
    partial = file.with_name(f".{file.name}.{uuid4().hex[:8]}")
    with storage_errors(file.parent):
        try:
            with zipfile.ZipFile(file) as old, zipfile.ZipFile(partial, "w") as new:
                for info in old.infolist():
                    if info.filename != name:
                        with old.open(info) as source, new.open(info, "w") as target:
                            shutil.copyfileobj(source, target, 1 << 20)
                new.writestr(zipfile.ZipInfo(name), content)
            files.replace(partial, file)
        finally:
            files.remove(partial)
