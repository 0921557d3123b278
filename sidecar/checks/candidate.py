"""The parent's side of a check: from something dropped to a pack in the store, or a reason why not.

Nothing of what was dropped is opened in this process: a child reads, checks and copies it into a
staging folder, and what passed is renamed into place.
"""

import hashlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from sidecar import files
from sidecar.checks.stages import CheckReport, CheckSettings, Stage, StageTime
from sidecar.children.running import Ended, Report, run_child
from sidecar.models.bases import BaseMissing
from sidecar.models.file_names import MANIFEST
from sidecar.models.pack import Pack, flush, intact, open_pack, storage_errors
from sidecar.protocol.errors import Cancelled, InternalError, ModelRejected, StorageError
from sidecar.protocol.reasons import Reason, refusal

MODULE = "sidecar.checks.child"
_STAGING, _LOCK_SUFFIX = ".checking-", ".lock"
OnStage = Callable[[StageTime], None]
#: What others send; a child's own crash has another name.
_FROM_OUTSIDE = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGKILL", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
)
_CONTROL_C = 0xC000013A  # STATUS_CONTROL_C_EXIT on Windows


class Interrupted(InternalError):
    """A check that somebody ended from outside: the pack has not been judged."""


@dataclass(frozen=True)
class Checked:
    """A pack in the store that passed every check, and what that took."""

    pack: Pack
    report: CheckReport


def check_candidate(
    source: Path,
    store: Path,
    settings: CheckSettings | None = None,
    *,
    cancelled: threading.Event | None = None,
    on_stage: OnStage | None = None,
) -> Checked:
    """Check what was dropped and put a verified copy into `store/NAME-VERSION-HASH8`.

    `source` is a folder, a `.npcvoice` file, a checkpoint beside its `.sha256`, or a single voice. Blocks for
    seconds; any number may run at once. `on_stage` is called as each stage ends; setting `cancelled` kills
    the child. Raises `ModelRejected` with a stable `reason`, `StorageError` when the store refuses,
    `Cancelled`, `Interrupted` when the child was killed. On every failure nothing is left in the store.
    """
    settings = settings or CheckSettings()
    began = time.perf_counter()
    times: list[StageTime] = []

    def note(report: Report) -> None:
        if report.get("kind") == "stage":
            times.append(StageTime(Stage(report["stage"]), float(report["ms"])))
            if on_stage is not None:
                on_stage(times[-1])

    with staging(store) as folder:
        with storage_errors(store):
            ended = run_child(
                MODULE, [str(source.absolute()), str(folder)], timeout_s=settings.timeout_s,
                request=settings.to_request(), cancelled=cancelled, on_report=note, low_priority=True,
            )  # fmt: skip
        passed = verdict(source.name, ended, settings)
        start = StageTime(Stage.START, elapsed_ms(began) - sum(taken.ms for taken in times))
        publishing = time.perf_counter()
        pack = published(folder, store)
    publish = StageTime(Stage.PUBLISH, elapsed_ms(publishing))
    if on_stage is not None:
        on_stage(publish)
    return Checked(
        pack,
        CheckReport(
            (start, *times, publish), passed["peak_memory_bytes"], passed["signer"], passed["distance_nepers"]
        ),
    )


def verdict(name: str, ended: Ended, settings: CheckSettings) -> Report:
    """The child's last report if the pack passed. Raises what it says, or what its end means."""
    if ended.cancelled:
        raise Cancelled(f"the check of {name} was cancelled")
    last = ended.reports[-1] if ended.reports else {}
    kind, where = last.get("kind"), last.get("stage", Stage.START.value)
    if kind == "passed":
        return last
    if kind == "base_missing":
        raise BaseMissing(last["message"], last["sha256"], tip=last["tip"])
    if kind == "rejected":
        raise ModelRejected(last["message"], reason=last["reason"], tip=last["tip"])
    if kind == "storage":
        raise StorageError(f"cannot write the copy of {name}: {last['message']}", tip="free some space")
    if ended.timed_out:
        raise refusal(
            Reason.CHECK_TIMEOUT, f"{name}: the check took over {settings.timeout_s:g} s, at stage {where!r}"
        )
    if kind == "memory":
        raise refusal(
            Reason.CHECK_MEMORY, f"{name}: the check needs over {settings.memory_bytes >> 20:,} MiB of memory"
        )
    if was_killed(ended):
        raise Interrupted(f"the check of {name} {how_it_ended(ended)} before it came to a verdict")
    raise refusal(
        Reason.CHECK_CRASHED,
        f"{name}: the check {how_it_ended(ended)} at stage {where!r}",
        tip="drop it again, or rescan, to try once more",
    )


def was_killed(ended: Ended) -> bool:
    """Whether somebody else ended it. Windows has no signals: there whoever ends a process chooses its code,
    mostly a small one (Task Manager: 1), and it says nothing more, as Python itself always does."""
    if sys.platform == "win32":
        return ended.code % 2**32 == _CONTROL_C or (0 < ended.code < 256 and not ended.last_words)
    return -ended.code in _FROM_OUTSIDE


def how_it_ended(ended: Ended) -> str:
    """In plain words. A negative code is the signal that killed the child: another's, or its own crash."""
    if ended.code < 0:
        names = {known.value: known.name for known in signal.Signals}  # not those for real time
        return f"was killed ({names.get(-ended.code, f'signal {-ended.code}')})"
    return f"ended with code {ended.code} ({ended.last_words or 'no message'})"


def published(folder: Path, store: Path) -> Pack:
    """Rename the checked folder into place. The same pack, if it is there and whole, is left alone."""
    manifest = open_pack(folder).manifest
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    target = store / f"{manifest.name}-{manifest.version}-{digest[:8]}"
    with storage_errors(store):
        flush(folder)
        if target.exists():
            if pack := intact(target):
                return pack
            files.rename(target, folder / "damaged")
        try:
            files.rename(folder, target)
        except OSError:
            if pack := intact(target):  # another process was faster
                return pack
            raise
        files.remove_folder(target / "damaged")
    return open_pack(target)


@contextmanager
def staging(store: Path) -> Iterator[Path]:
    """A new folder in the store that is gone when the block ends, unless it was renamed.

    A lock file beside it says that its owner lives; what a killed owner left is cleared first.
    """
    with storage_errors(store):
        store.mkdir(parents=True, exist_ok=True)
        clear_abandoned(store)
        folder = store / f"{_STAGING}{uuid4().hex[:12]}"
        lock = FileLock(folder.with_name(folder.name + _LOCK_SUFFIX))
        lock.acquire()
    try:
        with storage_errors(store):
            folder.mkdir()
        yield folder
    finally:
        _let_go(folder, lock)


def clear_abandoned(store: Path) -> None:
    """Remove the staging folders whose owners are gone: a living one holds its lock."""
    for folder in store.glob(f"{_STAGING}*"):
        if folder.name.endswith(_LOCK_SUFFIX):
            continue
        lock = FileLock(folder.with_name(folder.name + _LOCK_SUFFIX))
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        _let_go(folder, lock)


def _let_go(folder: Path, lock: FileLock) -> None:
    """The folder is gone, then its lock: who looks at it in this moment finds it held, or nothing."""
    files.remove_folder(folder)
    lock.release()
    with suppress(OSError):  # somebody else has begun to look after the same folder
        files.remove(Path(lock.lock_file))


def elapsed_ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000
