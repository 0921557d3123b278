"""The device's thread: what becomes of it when the device is lost."""

import threading
from collections.abc import Sequence

from sidecar.engines.placement import DeviceLost
from sidecar.line import Line
from sidecar.protocol.errors import InternalError
from sidecar.server.lines.device_thread import DeviceThread, Failed, Outcome, Task
from sidecar.synthesis import LineRendering
from tests.fakes import tone_voice

WAIT_S = 10.0


class Failing:
    """A synthesizer that cannot read a line."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def prepare(self, line: Line):
        raise self._error


def task(key: int, error: Exception) -> Task:
    rendering = LineRendering(Failing(error), Line("Halt!"))  # type: ignore[arg-type]
    return Task(key, rendering, "wav", whole=True)


def test_after_a_loss_no_pass_is_done_and_it_is_told_after_the_answers():
    told: list[object] = []
    lost = threading.Event()

    def done(outcomes: Sequence[Outcome]) -> None:
        told.extend((outcome.key, type(outcome.error)) for outcome in outcomes if isinstance(outcome, Failed))

    device = DeviceThread(done, lambda: (told.append("lost"), lost.set()))
    device.submit([task(1, RuntimeError("a bug"))])
    device.submit([task(2, DeviceLost("cuda:0 has failed")), task(3, DeviceLost("cuda:0 has failed"))])
    device.submit([task(4, RuntimeError("never read"))])
    device.start()
    assert lost.wait(WAIT_S)
    assert device.stop(WAIT_S)
    assert told == [(1, InternalError), (2, DeviceLost), (3, DeviceLost), "lost"]


def test_an_ordinary_failure_ends_nothing():
    outcomes: list[Outcome] = []
    device = DeviceThread(outcomes.extend, lambda: outcomes.append("lost"))  # type: ignore[arg-type]
    device.submit([task(1, RuntimeError("a bug"))])
    voice = tone_voice()
    device.submit([Task(2, LineRendering(voice.synthesizer, Line("Halt!")), "wav", whole=True)])
    device.start()
    assert device.stop(WAIT_S)
    assert [outcome.key for outcome in outcomes] == [1, 2]
