"""All that is written while a new version takes the place of another: quick to start, so often killed."""

from dataclasses import replace
from pathlib import Path

from sidecar.models.pack import Pack, open_pack
from sidecar.reload.journal import Copy, Journal
from sidecar.reload.store import digest_of, tidy
from tests.attacks.packs import make_miniature


def stored(home: Path, version: str, name: str = "guard") -> Pack:
    """A copy in the store, called as a checked one is."""
    made = make_miniature(home / "aside" / f"{name}-{version}", name=name, version=version)
    target = home / "store" / f"{name}-{version}-{digest_of(made)[:8]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    return open_pack(made.rename(target))


def one_drop(root: Path) -> None:
    """All that is written while a new version takes the place of another."""
    home = root / "home"
    journal = Journal(home / "store")
    folder = stored(home, "1.1.0").folder
    copy = Copy("new.npcvoice", "s", digest_of(folder))
    journal.update(lambda memory: replace(memory, copies={**memory.copies, folder.name: copy}))
    journal.update(lambda memory: replace(memory, loading=folder.name))
    journal.update(lambda memory: memory.with_live("guard", folder.name))
    tidy(journal, home / "store", "shipped", [])
