"""ClipListener hear one clip after another in their own thread, whatever it is, and leave nothing behind."""

import threading

import psutil
import pytest

from sidecar.audio import decoder as decoding
from sidecar.prosody.change import Change
from sidecar.prosody.clip_memory import Clips
from sidecar.protocol.errors import BadAudio, InternalError
from sidecar.server.lines.clip_listener import ClipListener, Compared
from tests.audio import hostile
from tests.processes import wait_for
from tests.prosody.test_clip_memory import CALM, EXCITED


def heard_of(*clips: Clips) -> list[Compared | InternalError]:
    """What a listener that is started and stopped for them tells of clips."""
    told: dict[tuple[str, ...], Compared | InternalError] = {}
    clip_listener = ClipListener(told.__setitem__)
    clip_listener.start()
    assert all([clip_listener.listen(one) for one in clips])
    clip_listener.stop()
    return [told[one.names] for one in clips]


def test_a_clip_that_does_harm_is_refused_and_those_around_it_are_heard():
    harmful = hostile.crashing()
    asked = Clips(CALM), Clips(harmful), Clips(EXCITED), Clips(EXCITED, harmful), Clips(EXCITED, CALM)
    heard = heard_of(*asked)
    assert [type(one) for one in heard] == [Change, BadAudio, Change, BadAudio, Change]
    assert [one.field for one in heard if isinstance(one, BadAudio)] == ["reference", "baseline"]
    assert heard[2] != heard[4]


def test_what_waits_is_heard_to_its_end_and_nothing_is_left():
    children, threads = psutil.Process().children(), threading.active_count()
    assert len(heard_of(Clips(CALM), Clips(EXCITED))) == 2
    assert psutil.Process().children() == children
    wait_for(lambda: threading.active_count() <= threads, timeout_s=10)


def test_a_machine_that_starts_no_child_is_not_the_clips_fault(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(decoding, "start", refuse)
    (heard,) = heard_of(Clips(CALM))
    assert isinstance(heard, InternalError)
