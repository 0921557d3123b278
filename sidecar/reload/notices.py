"""Watchdog's part: being told that something in a folder changed, for as long as that works."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

_RETRY_S = 30.0
#: Not `opened`, which surveys and checks cause themselves.
_CHANGES = frozenset({"created", "modified", "attrib", "moved", "deleted", "closed"})


class Notices(FileSystemEventHandler):
    """Watchdog on a folder that may be removed and made again: its watches die with the folder's inode.

    `notice` is called on watchdog's threads; all else is for one thread.
    """

    def __init__(self, folder: Path, notice: Callable[[], None]) -> None:
        self._folder, self._notice = folder, notice
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self._retry_s = float("-inf")

    @property
    def are_on(self) -> bool:
        return self._observer is not None

    def on_any_event(self, event: FileSystemEvent) -> None:
        # A folder is modified by its entries, which are reported themselves.
        if event.event_type in _CHANGES and not (event.is_directory and event.event_type == "modified"):
            self._notice()

    def tend(self) -> bool:
        """Keep the watch alive. True when changes may have gone unnoticed until now."""
        folder = self._identity()
        if self._observer is not None and self._is_well(self._observer, folder):
            return False
        was_on = self.are_on
        self.close()
        if folder is not None and time.monotonic() >= self._retry_s:
            self._open(folder)
        return was_on or self.are_on

    def close(self) -> None:
        """Leaves no thread."""
        if self._observer is not None:
            _end(self._observer)
        self._observer = None

    def _is_well(self, observer: BaseObserver, folder: tuple[int, int] | None) -> bool:
        # A new folder may be given the old one's inode, so the thread that ended with the old one counts.
        emitters = list(observer.emitters)
        return folder == self._watched and bool(emitters) and all(each.is_alive() for each in emitters)

    def _identity(self) -> tuple[int, int] | None:
        try:
            facts = os.stat(self._folder)
        except OSError:
            return None
        return facts.st_dev, facts.st_ino

    def _open(self, folder: tuple[int, int]) -> None:
        observer = Observer()
        try:
            observer.schedule(self, os.path.realpath(self._folder), recursive=True)
            observer.start()
        except Exception as error:  # each system's observer raises its own: too many watches, no such call
            log.warning("%s cannot be watched (%s): it is looked at now and then", self._folder, error)
            _end(observer)
            self._retry_s = time.monotonic() + _RETRY_S
        else:
            self._observer, self._watched = observer, folder


class NoNotices:
    """The same for a folder that is polled."""

    are_on = False

    def tend(self) -> bool:
        return False

    def close(self) -> None:
        return None


def _end(observer: BaseObserver) -> None:
    observer.stop()
    if observer.is_alive():
        observer.join()
