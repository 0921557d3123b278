"""ClipListener hear one clip after another in their own thread, whatever it is, and leave nothing behind."""

import threading

import psutil
import pytest

from sidecar.audio import decoder as decoding
from sidecar.prosody.clip_memory import Heard, name_of
from sidecar.prosody.traits import Traits
from sidecar.protocol.errors import BadAudio, InternalError
from sidecar.server.lines.clip_listener import ClipListener
from tests.audio import hostile
from tests.processes import wait_for
from tests.prosody.test_clip_memory import CALM, EXCITED


def heard_of(*clips: bytes) -> list[Heard | InternalError]:
    """What clip_listener say of clips, that are started and stopped for them."""
    told: dict[str, Heard | InternalError] = {}
    clip_listener = ClipListener(told.__setitem__)
    clip_listener.start()
    assert all([clip_listener.listen(name_of(clip), clip) for clip in clips])
    clip_listener.stop()
    return [told[name_of(clip)] for clip in clips]


def test_a_clip_that_does_harm_is_refused_and_those_around_it_are_heard():
    kinds = [type(heard) for heard in heard_of(CALM, hostile.crashing(), EXCITED)]
    assert kinds == [Traits, BadAudio, Traits]


def test_what_waits_is_heard_to_its_end_and_nothing_is_left():
    children, threads = psutil.Process().children(), threading.active_count()
    assert len(heard_of(CALM, EXCITED)) == 2
    assert psutil.Process().children() == children
    wait_for(lambda: threading.active_count() <= threads, timeout_s=10)


def test_a_machine_that_starts_no_child_is_not_the_clips_fault(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(decoding, "start", refuse)
    (heard,) = heard_of(CALM)
    assert isinstance(heard, InternalError)
