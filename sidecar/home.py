"""Where models and caches live on this machine, and how a path of a game in another world is read.

Wine and Proton show a game for Windows the whole of Linux as drive Z:. A native sidecar beside it means the
same file by another path: what one of them was given may be told to the other.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from sidecar.protocol.errors import BadRequest

_OF_WINDOWS = re.compile(r"([A-Za-z]):[\\/](.*)", re.DOTALL)
WINES_ROOT = "Z:"
ROOT_MARK = "Z:/etc/passwd"  #: what only the root of a Unix has


def local_path(path: Path | str, field: str) -> Path:
    """The path as this system calls it. Raises `BadRequest` for a drive that only Wine knows."""
    return _below_wine(str(path)) if sys.platform == "win32" else _outside_wine(str(path), field)


def _below_wine(path: str) -> Path:
    slashed = path.replace("\\", "/")
    is_of_unix = slashed.startswith("/") and not slashed.startswith("//")
    return Path(f"{WINES_ROOT}{slashed}" if is_of_unix and Path(ROOT_MARK).exists() else path)


def _outside_wine(path: str, field: str) -> Path:
    if (found := _OF_WINDOWS.fullmatch(path)) is None:
        return Path(path)
    if f"{found[1].upper()}:" != WINES_ROOT:
        raise BadRequest(
            f"{path} is a path of Windows, which this system does not know",
            field=field,
            tip="drive C: of Wine or Proton is the folder drive_c of its prefix: name that",
        )
    return Path("/", found[2].replace("\\", "/"))


@dataclass(frozen=True)
class Home:
    """The user's data folder. `root` need not exist yet. `shipped` has voices that came with the program,
    which is never written to."""

    root: Path
    shipped: Path | None = None

    @classmethod
    def from_environment(cls) -> "Home":
        """`NPC_VOICE_HOME`, or the platform's folder for user data; `NPC_VOICE_SHIPPED`, if it is set. Raises
        as `local_path` does."""
        override, shipped = (os.environ.get(name) for name in ("NPC_VOICE_HOME", "NPC_VOICE_SHIPPED"))
        with_program = local_path(shipped, "NPC_VOICE_SHIPPED") if shipped else None
        if override:
            return cls(local_path(override, "NPC_VOICE_HOME"), with_program)
        return cls(user_data_path("npc-voice", appauthor=False), with_program)

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def connection_file(self) -> Path:
        return self.root / "connection.json"

    @property
    def lexicon(self) -> Path:
        """The user's own pronunciations; read if it is there."""
        return self.root / "lexicon.tsv"

    @property
    def trust(self) -> Path:
        """The publishers the user trusts; read if it is there."""
        return self.root / "trust.json"

    @property
    def emotions(self) -> Path:
        """What the user changes of the emotions; read if it is there."""
        return self.root / "emotions.json"

    @property
    def effects(self) -> Path:
        """The user's own voice effects; read if it is there."""
        return self.root / "effects.json"

    @property
    def own_files(self) -> tuple[Path, ...]:
        """What the user has written that lines are spoken by."""
        return tuple(path for path in (self.lexicon, self.emotions, self.effects) if path.exists())

    def own_bytes(self) -> bytes:
        """What the user's own files say; nothing where there are none."""
        return b"\0".join(path.read_bytes() for path in self.own_files)

    @property
    def store(self) -> Path:
        """Verified copies of packs, what is live, and the log of what was loaded and why not."""
        return self.root / "store"

    @property
    def cache(self) -> Path:
        """Spoken lines, if they are kept on disk."""
        return self.root / "cache"
