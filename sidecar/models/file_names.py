"""Which names a pack's files can have: the same, plain ones on every system."""

import re

from sidecar.engines.registry import lists
from sidecar.protocol.reasons import Reason, refusal

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
LEXICON, EMOTIONS, PROBE = "lexicon.tsv", "emotions.json", "probe.safetensors"
_TEXT = re.compile(r"(LICENSE|LICENCE|NOTICE|README)(\.txt|\.md)?", re.ASCII)
_TENSORS = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\.safetensors", re.ASCII)
#: Endings of what may be a pickle, and of archives.
PICKLED = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin", ".npy", ".npz", ".joblib", ".dill")
PACKED = (".zip", ".npcvoice", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".zst")
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)


def check_file_name(name: str) -> None:
    """Raises `ModelRejected` unless every system can store a pack's file under this name."""
    shown = ascii(name)[:80]
    if ".." in re.split(r"[/\\]", name) or re.search(r"[/\\:\0]", name):
        raise refusal(Reason.PATH_ESCAPE, f"{shown}: a file must lie in the pack itself, without a path")
    if is_device(name):
        raise refusal(Reason.DEVICE_NAME, f"{shown} is the name of a device on Windows")
    if name.lower().endswith(PICKLED):
        raise refusal(
            Reason.PICKLE,
            f"{shown} may hold code: a pack's weights are safetensors only",
            tip="turn a checkpoint into a pack with `npc-voice pack import`",
        )
    if name.lower().endswith(PACKED):
        raise refusal(Reason.NESTED_ARCHIVE, f"{shown}: a pack holds no archives")
    known = (MANIFEST, SIGNATURE, LEXICON, EMOTIONS, *lists())
    if name not in known and not (_TENSORS.fullmatch(name) or is_text(name)):
        raise refusal(
            Reason.FILE_NAME,
            f"{shown} is not a name for a pack's file: expected {MANIFEST}, {SIGNATURE}, *.safetensors in "
            f"lower case, {LEXICON}, {EMOTIONS}, {', '.join(lists())}, LICENSE, NOTICE or README",
        )


def is_device(name: str) -> bool:
    """Windows keeps some names for its devices, whatever follows a dot."""
    return bool(_DEVICES.fullmatch(name.partition(".")[0].rstrip()))


def is_text(name: str) -> bool:
    """A licence or the like, for people."""
    return bool(_TEXT.fullmatch(name))


def check_listing(names: list[str], most: int) -> None:
    """Raises `ModelRejected` for the first odd name, names that differ in case only, or too many."""
    if len(names) > most:
        raise refusal(Reason.TOO_MANY_FILES, f"{len(names)} files, a pack has at most {most}")
    seen: dict[str, str] = {}
    for name in names:
        if other := seen.get(name.casefold()):
            raise refusal(
                Reason.CASE_CLASH, f"{ascii(name)[:80]} and {ascii(other)[:80]} are one file on some systems"
            )
        seen[name.casefold()] = name
    for name in names:
        check_file_name(name)
