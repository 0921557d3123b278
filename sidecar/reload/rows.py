"""What is told of packs: one row each, with nothing in it that a terminal or a codec stumbles over."""

from sidecar.files import shown
from sidecar.protocol.replies import ModelRow
from sidecar.reload.policy import Snapshot, held
from sidecar.reload.states import Entry, State


def row_of(entry: Entry, now: Snapshot, dropped: bool | None) -> ModelRow:
    """`dropped`: whether what it comes from still lies in the models folder, where that is known."""
    pinned = bool(entry.name) and now.pins.get(entry.name) == entry.version
    hold = held(now, entry)
    reason, detail = (hold.reason, hold.detail) if hold is not None else (entry.reason, entry.detail)
    return ModelRow(
        entry.name or shown(entry.source), entry.version, entry.state.value, entry.sha256 or None, pinned,
        entry.share, reason or None, detail or None, dropped,
    )  # fmt: skip


def flood_row(count: int) -> ModelRow:
    """One row for all that is beyond what is looked at at once."""
    return ModelRow(
        "(models folder)", "", State.REJECTED.value, reason="too_many",
        detail=f"{count} more wait until others have been checked, the newest first: is all of it packs?",
    )  # fmt: skip


def is_called(entry: Entry, name: str) -> bool:
    """What has not been judged goes by the name of its file."""
    return name in (entry.name, "" if entry.name else shown(entry.source))
