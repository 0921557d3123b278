"""Telling one who waits that there will be no line, and why. Everything here runs on the server's thread."""

import logging
from collections.abc import Iterator, Sized
from contextlib import contextmanager

from sidecar.protocol.errors import DeadlineExceeded, InternalError, NpcVoiceError, Overloaded
from sidecar.protocol.events import ServerOverloaded
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.flight import Waiter
from sidecar.server.lines.retries import Retries
from sidecar.server.lines.scheduling import Admission

log = logging.getLogger(__name__)

OVERLOAD_EVENT_EVERY_S = 1.0
LEAST_RETRY_MS = 50


class Refusals:
    """`flights` are the lines in the queue: an overload tells their number."""

    def __init__(self, answers: Answers, retries: Retries, flights: Sized) -> None:
        self._answers, self._retries, self._flights = answers, retries, flights
        self._told_overload_s = float("-inf")

    def refuse(self, waiter: Waiter, error: NpcVoiceError) -> None:
        """The answer of one who waited; asked again, the line is taken in like any other."""
        self._retries.forget(waiter.caller)
        self._answers.refusal(waiter.caller, error)

    @contextmanager
    def refusing(self, waiter: Waiter) -> Iterator[None]:
        """Whatever goes wrong with one who waits is told to that one alone."""
        try:
            yield
        except NpcVoiceError as error:
            self.refuse(waiter, error)
        except Exception as error:
            log.exception("a line that waited could not be taken in")
            self.refuse(waiter, InternalError(f"the request failed: {type(error).__name__}"))

    def overloaded(self, decision: Admission) -> Overloaded:
        """What to raise for a line that there is no room for; listeners are told, at most once a second."""
        again_ms = max(LEAST_RETRY_MS, round(1000 * decision.retry_after_s))
        now = self._answers.clock()
        if now - self._told_overload_s > OVERLOAD_EVENT_EVERY_S:
            self._told_overload_s = now
            self._answers.publish(ServerOverloaded(len(self._flights), again_ms))
        who = "this client has" if decision.reason == "client" else "there are"
        return Overloaded(f"{who} too many lines waiting: try again later", retry_after_ms=again_ms)


def too_late() -> DeadlineExceeded:
    return DeadlineExceeded("the line cannot be ready before its deadline", field="deadline_ms")
