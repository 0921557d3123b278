"""A voice that the user does not want any more, while no sidecar serves."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from sidecar import files
from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.pack import Pack, open_pack, packs_in
from sidecar.protocol.errors import ModelError, StorageError, UnknownModel, Unsupported, did_you_mean
from sidecar.reload.journal import Journal, Memory
from sidecar.reload.store import SERVING, delete


def remove_from(home: Home, model: str) -> list[str]:
    """Delete every copy and every dropped folder of `name` or `name@version`; what was removed, by version.

    Raises `UnknownModel`, `Unsupported` for what ships with the program, `StorageError` while one serves.
    """
    name, _, version = model.partition("@")
    with _nobody_serves(home):
        shipped = default_voice.folder_in(home)
        packs = [p for p in (_opened(f) for f in [*packs_in(home.store), *packs_in(home.models)]) if p]
        fitting = [p for p in packs if p.manifest.name == name and version in ("", p.manifest.version)]
        going = [pack for pack in fitting if pack.folder != shipped]
        if fitting and not going:
            raise Unsupported(f"{model!r} ships with the program and cannot be removed", field="model")
        if not going:
            known = [f"{pack.manifest.name}@{pack.manifest.version}" for pack in packs]
            raise UnknownModel(f"unknown model {model[:80]!r}{did_you_mean(model, known)}", field="model")
        _forget(Journal(home.store), home, going, name, version)
    return sorted({f"{pack.manifest.name}@{pack.manifest.version}" for pack in going})


def remove_drop(models: Path, source: str) -> None:
    """What was dropped is gone; a link, not what it leads to."""
    path = models / source
    if source and Path(source).name == source:
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                delete(path)
            else:
                files.remove(path)


def _forget(journal: Journal, home: Home, going: list[Pack], name: str, version: str) -> None:
    folders = [pack.folder.name for pack in going if pack.folder.parent == home.store]
    drops = [copy.source for folder, copy in journal.memory.copies.items() if folder in folders]
    drops += [pack.folder.name for pack in going if pack.folder.parent == home.models]

    def without(memory: Memory) -> Memory:
        for folder in folders:
            memory = memory.without(folder)
        pins = {n: v for n, v in memory.pins.items() if n != name or version not in ("", v)}
        owners = {n: key for n, key in memory.owners.items() if n != name or version}
        return replace(memory, pins=pins, owners=owners)

    for folder in folders:  # first: a copy that the journal does not know would be taken in again
        delete(home.store / folder)
    journal.update(without)
    for source in drops:
        remove_drop(home.models, source)
    journal.tell("removed", name=name, version=version)


@contextlib.contextmanager
def _nobody_serves(home: Home) -> Iterator[None]:
    lock = FileLock(home.store / SERVING, timeout=0)
    try:
        home.store.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise StorageError(
            "a sidecar serves from this data folder, and does not answer here",
            tip="name its --connection-file, or try again in a moment",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _opened(folder: Path) -> Pack | None:
    try:
        return open_pack(folder)
    except ModelError:
        return None
