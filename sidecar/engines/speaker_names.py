"""What a pack's speakers may be called, the same on every system and in every client."""

import re
import unicodedata
from collections.abc import Iterable

from sidecar.protocol.errors import ModelRejected

PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
RULE = "1 to 64 of A-Z a-z 0-9 _ -, the first a letter or digit"


def fitting(name: str) -> str:
    """The nearest name that a speaker may have: "My Zoë.v2" -> "My_Zoe_v2". Empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-")[:64]


def fitted(names: Iterable[str], file: str) -> dict[str, str]:
    """What each voice of a file is called from now on.

    Raises `ModelRejected` for one that leaves nothing to call it by, and for two that would be called alike.
    """
    called: dict[str, str] = {}
    for name in names:
        near = fitting(name)
        if not near:
            raise ModelRejected(f"{file}: a voice cannot be called {name[:80]!r}: a name is {RULE}")
        if near in called.values():
            other = next(key for key, value in called.items() if value == near)
            raise ModelRejected(f"{file}: {other[:80]!r} and {name[:80]!r} would both be called {near!r}")
        called[name] = near
    return called
