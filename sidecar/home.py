"""Where models and caches live on this machine."""

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path


@dataclass(frozen=True)
class Home:
    """The user's data folder. `root` need not exist yet."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """`NPC_VOICE_HOME`, or the platform's folder for user data."""
        override = os.environ.get("NPC_VOICE_HOME")
        return cls(Path(override) if override else user_data_path("npc-voice", appauthor=False))

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
