"""Voices are fitted to clips beside the game: one after another, each in a child process that has the machine
when nobody wants it. What is fitted lies in the models folder as a voice pack, like any that is dropped.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sidecar import files
from sidecar.children.running import Ended, run_child
from sidecar.models.bases import find_base
from sidecar.models.file_names import MANIFEST
from sidecar.models.manifest import Base
from sidecar.models.pack import storage_errors
from sidecar.protocol.errors import BadAudio, InternalError, NpcVoiceError, error_class
from sidecar.server.config import FitConfig

log = logging.getLogger(__name__)

PENDING = 4  #: clips that wait, beside the one that is being fitted
TIMEOUT_S = 3600.0  #: where a game leaves a fit little of the machine
VERSION = "1.0.0"
CONSENT = "none was stated: a program asked for the voice of a clip (reference.use)"
NOT_REACHED = "it could not be reached: what speaks is the nearest voice, in its manner"
CHILD = "sidecar.children.command_child"
INSTALL = 'run: pip install "npc-voice[fit]"'
_ENDINGS = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg"}


@dataclass(frozen=True)
class FitOrder:
    """`speaker` is what voice and pack will be called, `clip` the sha256 of the recording; `language` is
    spoken in it (BCP 47)."""

    speaker: str
    clip: str
    base: Base
    language: str


@dataclass(frozen=True)
class FitResult:
    """How a fit ended: its pack lies in the models folder, or `error` says why there is none. `detail` is for
    people: how near it came."""

    order: FitOrder
    error: NpcVoiceError | None = None
    detail: str | None = None


Run = Callable[[Sequence[str], Path, threading.Event], Ended]


def run_command(words: Sequence[str], home: Path, cancelled: threading.Event) -> Ended:
    """`npc-voice WORDS` in a child, until it ends. Raises `OSError`."""
    return run_child(
        CHILD, words, timeout_s=TIMEOUT_S, request={"home": str(home)}, cancelled=cancelled, low_priority=True
    )


def is_installed() -> bool:
    """Whether the fit is there at all; without the extra `fit` it goes without words."""
    try:
        return find_spec("sidecar.fitting.fit") is not None
    except ModuleNotFoundError:
        return False


def complaint_of(config: FitConfig) -> str | None:
    """Why no voices can be fitted to the clips of requests here, and what to do; None where they can."""
    if not is_installed():
        return f"taking over a clip's voice needs a part that is not installed, {INSTALL}"
    if config.needs_consent:
        return (
            "the policy asks for consent, which no request states: fit the voice with `npc-voice voice fit`"
        )
    if not config.watch:
        return "this sidecar does not look at its models folder, where voices of clips come to life"
    return None


class VoiceFitter:
    """`begun` and `told` are called on its thread, with an order that is taken up and with how it ended. The
    clips of `PENDING` orders wait at most, since they are kept."""

    def __init__(
        self, config: FitConfig, begun: Callable[[FitOrder], None], told: Callable[[FitResult], None],
        run: Run | None = None,
    ) -> None:  # fmt: skip
        self._config, self._begun, self._told, self._run_command = config, begun, told, run or run_command
        self._waiting: queue.Queue[tuple[FitOrder, bytes] | None] = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="voice-fitter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def fit(self, order: FitOrder, clip: bytes) -> bool:
        """False when too many wait."""
        if self._waiting.qsize() >= PENDING:
            return False
        self._waiting.put((order, clip))
        return True

    def stop(self) -> None:
        """What is under way is ended, and goes on where it was when it is asked for again."""
        self._stopping.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (asked := self._waiting.get()) is not None and not self._stopping.is_set():
            order, clip = asked
            self._begun(order)
            result = self._result(order, clip)
            if not self._stopping.is_set():
                self._told(result)

    def _result(self, order: FitOrder, clip: bytes) -> FitResult:
        """The thread must outlive whatever comes of a clip."""
        try:
            return FitResult(order, detail=self._dropped(order, clip))
        except NpcVoiceError as error:
            return FitResult(order, error)
        except Exception as error:
            log.exception("a voice could not be fitted")
            return FitResult(order, InternalError(f"the fit failed: {type(error).__name__}"))

    def _dropped(self, order: FitOrder, clip: bytes) -> str | None:
        """The voice lies in the models folder; what there is to say of it. Raises `NpcVoiceError`."""
        name = f"{order.speaker}-{VERSION}"
        made, target = self._config.work / name, self._config.models / name
        if (target / MANIFEST).exists():  # since the last time
            return None
        with storage_errors(self._config.work):
            self._config.work.mkdir(parents=True, exist_ok=True)
            detail = None if (made / MANIFEST).exists() else self._fit(order, clip)
            self._config.models.mkdir(parents=True, exist_ok=True)
            files.rename(made, target)
        return detail

    def _fit(self, order: FitOrder, clip: bytes) -> str | None:
        """In a child. What it has made is whole or not there."""
        base = find_base(order.base, self._config.bases())
        file = self._config.work / f"{order.speaker}{_ENDINGS.get(clip[:4], '.wav')}"
        files.write_whole(file, clip)
        try:
            ended = self._run_command(
                self._words(order, file, base.folder), self._config.home, self._stopping
            )
        finally:
            files.remove(file)
        report = ended.reports[-1] if ended.reports else {}
        if ended.code != 0:
            raise failure(ended, report)
        return None if report.get("is_reached", True) else NOT_REACHED

    def _words(self, order: FitOrder, clip: Path, base: Path) -> list[str]:
        return [
            "voice", "fit", str(clip), "--name", order.speaker, "--version", VERSION, "--licence", "unknown",
            "--consent", CONSENT, "--language", order.language, "--pack", str(base), "--device", "cpu",
            "--threads", "1", "--out", str(self._config.work), "--json",
        ]  # fmt: skip


def failure(ended: Ended, report: dict[str, Any]) -> NpcVoiceError:
    """What the command has said, or what its end means."""
    told = report.get("error")
    if isinstance(told, dict):
        kind = error_class(str(told.get("code")))
        error = kind(str(told.get("message")))
        if isinstance(error, BadAudio):
            error.field = "reference"
        return error
    if ended.timed_out:
        return InternalError(f"the fit took over {TIMEOUT_S:g} s")
    return InternalError(f"the fit ended with code {ended.code} ({ended.last_words})")
