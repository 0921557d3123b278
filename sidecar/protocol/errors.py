"""Every failure a caller can meet, as one tree with stable wire codes.

    NpcVoiceError
    ├── RequestError        the request is at fault; asking again in the same way fails again
    │   ├── BadRequest          bad_request          a field is missing, of another type or out of range
    │   ├── EmptyText           empty_text           nothing in the line can be spoken
    │   ├── TextTooLong         text_too_long
    │   ├── TooLarge            too_large            a frame is over its limit
    │   ├── Unauthorized        unauthorized
    │   ├── UnknownOp           unknown_op
    │   ├── UnsupportedVersion  unsupported_version
    │   ├── UnknownSpeaker      unknown_speaker
    │   ├── UnknownEmotion      unknown_emotion
    │   ├── UnknownLanguage     unknown_language
    │   ├── UnknownModel        unknown_model
    │   ├── Unsupported         unsupported          right in itself, but not with this model or build
    │   └── BadAudio            bad_audio
    ├── ModelError          a model cannot be had or used
    │   ├── NoModel             no_model
    │   └── ModelRejected       model_rejected       a pack or checkpoint failed its checks
    ├── HostError           the machine is at fault
    │   ├── StorageError        internal             full disk, read-only folder, missing file
    │   └── InsufficientMemory  insufficient_memory
    └── ServiceError        the process cannot take the request now
        ├── Overloaded          overloaded           retryable
        ├── DeadlineExceeded    deadline_exceeded
        ├── Cancelled           cancelled
        ├── ShuttingDown        shutting_down        retryable
        ├── Unreachable         internal             there is no sidecar, or it does not answer; clients only
        └── InternalError       internal             a bug of ours; the message carries no secrets

A message says what was wrong and what was expected; `tip` says what to do next,
where there is something to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nlargest
from operator import eq
from typing import ClassVar


class NpcVoiceError(Exception):
    """Root of the tree. `field` names the offending field of a request, if one is to blame."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        tip: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.tip = tip
        self.retry_after_ms = retry_after_ms


class RequestError(NpcVoiceError):
    code = "bad_request"


class BadRequest(RequestError):
    code = "bad_request"


class EmptyText(RequestError):
    code = "empty_text"


class TextTooLong(RequestError):
    code = "text_too_long"


class TooLarge(RequestError):
    code = "too_large"


class Unauthorized(RequestError):
    code = "unauthorized"


class UnknownOp(RequestError):
    code = "unknown_op"


class UnsupportedVersion(RequestError):
    code = "unsupported_version"


class UnknownSpeaker(RequestError):
    code = "unknown_speaker"


class UnknownEmotion(RequestError):
    code = "unknown_emotion"


class UnknownLanguage(RequestError):
    code = "unknown_language"


class UnknownModel(RequestError):
    code = "unknown_model"


class Unsupported(RequestError):
    code = "unsupported"


class BadAudio(RequestError):
    code = "bad_audio"


class ModelError(NpcVoiceError):
    code = "no_model"


class NoModel(ModelError):
    code = "no_model"


class ModelRejected(ModelError):
    """`reason` is a stable slug of what was wrong (`sidecar.protocol.reasons`), for tools and tests."""

    code = "model_rejected"

    def __init__(self, message: str, *, reason: str = "rejected", tip: str | None = None) -> None:
        super().__init__(message, tip=tip)
        self.reason = reason


class HostError(NpcVoiceError):
    code = "internal"


class StorageError(HostError):
    """`reason` says what `internal` does not, where a pack is refused for it."""

    code = "internal"
    reason: ClassVar[str] = "storage"


class InsufficientMemory(HostError):
    code = "insufficient_memory"


class ServiceError(NpcVoiceError):
    code = "internal"


class Overloaded(ServiceError):
    code = "overloaded"
    retryable = True


class DeadlineExceeded(ServiceError):
    code = "deadline_exceeded"


class Cancelled(ServiceError):
    code = "cancelled"


class ShuttingDown(ServiceError):
    code = "shutting_down"
    retryable = True


class Unreachable(ServiceError):
    code = "internal"
    retryable = True


class InternalError(ServiceError):
    code = "internal"


def error_class(code: str) -> type[NpcVoiceError]:
    """The class whose wire code that is; `InternalError` for a code that we do not know."""
    branches: tuple[type[NpcVoiceError], ...] = (RequestError, ModelError, HostError, ServiceError)
    leaves = {leaf.code: leaf for branch in branches for leaf in branch.__subclasses__()}
    return leaves[code] if code in leaves and code != InternalError.code else InternalError


def did_you_mean(asked: str, known: Iterable[str]) -> str:
    """The tail of a message about an unknown name: the nearest known one, or a few that exist.

    Returns text that starts with ": did you mean" or ": known are".
    """
    names = list(known)
    by_fold = {name.casefold(): name for name in names}
    asked = asked.casefold()[:64]
    near = get_close_matches(asked, likeliest(asked, by_fold), n=1, cutoff=0.5)
    if near:
        return f": did you mean {by_fold[near[0]]!r}?"
    shown = ", ".join(names[:6])
    return f": known are {shown}{', …' if len(names) > 6 else ''}"


def likeliest(asked: str, names: Iterable[str]) -> list[str]:
    """The 64 that share most letters with what was asked: comparing thousands in full takes a second."""
    letters = set(asked)
    return nlargest(64, names, key=lambda name: len(letters.intersection(name)) + sum(map(eq, asked, name)))
