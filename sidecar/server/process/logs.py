"""Structured logs: one JSON object a line on stderr. No token is ever logged, no line's text by default.

A game that opens a pipe for our stderr and never reads it must not stop us: entries wait in a bounded
queue, and those that find it full are counted instead of kept. (`logging.handlers.QueueListener` tells of
each that it cannot take on the same stderr, cannot be stopped while that is full, and hangs the
interpreter's end.)
"""

import json
import logging
import os
import queue
import sys
import threading
import time

WAITING_ENTRIES = 2_000
LAST_WORDS_S = 0.5  #: how long the end of the process waits for what is still to be written

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """Time, level, logger, message, and whatever was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


class Unhurried(logging.Handler):
    """Writes to a file descriptor from a thread of its own; whoever logs never waits for the reader."""

    def __init__(self, descriptor: int, waiting_entries: int = WAITING_ENTRIES) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._entries: queue.Queue[bytes] = queue.Queue(waiting_entries)
        self._missed = 0
        threading.Thread(target=self._write_all, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._entries.put_nowait(self._line(record))
        except queue.Full:
            self._missed += 1

    def flush(self) -> None:
        """Wait until all is written, but not for long: nobody may be reading."""
        until = time.monotonic() + LAST_WORDS_S
        while self._entries.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.005)

    def _line(self, record: logging.LogRecord) -> bytes:
        return (self.format(record) + "\n").encode("utf-8", "backslashreplace")

    def _write_all(self) -> None:
        while True:
            self._write(self._entries.get())
            if self._missed and self._entries.empty():
                missed, self._missed = self._missed, 0
                text = f"{missed} log entries were lost: nobody read stderr"
                entry = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)
                self._write(self._line(entry))
            self._entries.task_done()

    def _write(self, line: bytes) -> None:
        """To the descriptor itself: a stream's lock, held while we wait, would hang the interpreter's end."""
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:  # the reader is gone; there is nowhere to say so
            pass


def log_to_stderr(level: int = logging.INFO) -> None:
    handler = Unhurried(sys.stderr.fileno())
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
