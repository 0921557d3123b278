"""Lines that are to be spoken in the voice of a clip: by the nearest speaker at once, and by a voice that is
fitted to the clip once there is one. Everything here runs on the server's thread.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from sidecar.engines.registry import FAMILIES
from sidecar.models.manifest import Base
from sidecar.prosody.registers import nearest
from sidecar.prosody.traits import Traits
from sidecar.protocol.errors import InternalError, ModelError, NpcVoiceError, RequestError, Unsupported
from sidecar.protocol.events import Event, VoiceFit
from sidecar.protocol.replies import FitStats
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.voice_fitter import FitOrder, FitResult, VoiceFitter
from sidecar.server.live_voices import Description, LiveVoices

log = logging.getLogger(__name__)

MARK = "clip-"  #: begins the names of voices and packs that were fitted to clips of requests
MOST_VOICES = 64  #: of clips, live at once
MOST_KNOWN = 1024  #: fits that are remembered, the latest
AGAIN_AFTER_S = 600.0  #: what a fit that failed for a reason of ours waits at least
LIVE_WITHIN_S = 120.0  #: what a pack may take from the models folder to life


class FitState(str, Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DROPPED = "dropped"  # fitted, on its way to life
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class Fit:
    """What is known of one clip's voice. `since_s`: when its state began."""

    order: FitOrder
    state: FitState
    since_s: float
    error: NpcVoiceError | None = None
    detail: str | None = None


class ClipVoices:
    """`complaint` says why no voices can be fitted here, if so. `clock` gives seconds."""

    def __init__(
        self, voices: LiveVoices, fitter: VoiceFitter, publish: Callable[[Event], None],
        clock: Callable[[], float], complaint: str | None = None,
    ) -> None:  # fmt: skip
        self._voices, self._fitter, self._publish = voices, fitter, publish
        self._clock, self._complaint = clock, complaint
        self._fits: dict[str, Fit] = {}

    def check(self, request: Synthesize, session: str) -> None:
        """Raises `Unsupported` where no clip's voice can be spoken, `UnknownModel`."""
        if self._complaint is not None:
            raise Unsupported(self._complaint, field="reference")
        engine = self._voices.describe(request.model, session).engine
        family = FAMILIES.get(engine.architecture)
        if family is None or family.joining is None:
            raise Unsupported(
                f"a clip's voice cannot be taken over by {engine.architecture} models, only its 'emotion'",
                field="reference",
            )

    def speaker(self, request: Synthesize, session: str, clip: bytes, name: str, heard: Traits) -> str:
        """Who speaks a line in the voice of the clip of that sha256: its own voice if there is one, else the
        nearest speaker, and a fit begins.

        Raises what the fit has failed with, `Unsupported` and `UnknownModel`.
        """
        self.check(request, session)
        known = self._voices.describe(request.model, session)
        voice = voice_name(name, known.name.sha256)
        if voice in known.engine.speakers:
            return voice
        fit = self._fits.get(voice)
        if fit is not None and isinstance(fit.error, RequestError | ModelError):
            raise fit.error  # the clip is at fault, and stays so
        if fit is None or self._is_over(fit):
            self._begin(_order(voice, name, known, request), clip, known)
        return _estimate(request, known, heard)

    def begun(self, order: FitOrder) -> None:
        """Its fit is under way."""
        self._put(Fit(order, FitState.RUNNING, self._clock()))

    def done(self, result: FitResult) -> None:
        """It has ended: the reloader brings what was fitted to life."""
        state = FitState.DROPPED if result.error is None else FitState.FAILED
        self._put(Fit(result.order, state, self._clock(), result.error, result.detail))

    def look(self) -> None:
        """Tell of voices that have become live, or have not."""
        for fit in [fit for fit in self._fits.values() if fit.state is FitState.DROPPED]:
            if any(fit.order.speaker in voice.description.added for voice in self._voices.speaking()):
                self._put(Fit(fit.order, FitState.READY, self._clock(), detail=fit.detail))
            elif self._clock() - fit.since_s > LIVE_WITHIN_S:
                error = InternalError(f"the pack {fit.order.speaker} did not become live: models says why")
                self._put(Fit(fit.order, FitState.FAILED, self._clock(), error))

    @property
    def stats(self) -> FitStats:
        states = [fit.state for fit in self._fits.values()]
        return FitStats(
            states.count(FitState.WAITING), states.count(FitState.RUNNING) + states.count(FitState.DROPPED),
            states.count(FitState.READY), states.count(FitState.FAILED),
        )  # fmt: skip

    def _is_over(self, fit: Fit) -> bool:
        """Whether it may begin anew: its voice was removed since, or something else than the clip was in its
        way a while ago."""
        failed_s = self._clock() - fit.since_s
        return fit.state is FitState.READY or (fit.state is FitState.FAILED and failed_s > AGAIN_AFTER_S)

    def _begin(self, order: FitOrder, clip: bytes, known: Description) -> None:
        """Unless too many wait: then another request begins it."""
        fitted = sum(name.startswith(MARK) for name in known.engine.speakers)
        if fitted >= MOST_VOICES:
            raise Unsupported(
                f"{fitted} voices of clips are live, at most {MOST_VOICES}: remove one of the packs {MARK}…",
                field="reference",
            )
        if self._fitter.fit(order, clip):
            self._put(Fit(order, FitState.WAITING, self._clock()))

    def _put(self, fit: Fit) -> None:
        before = self._fits.pop(fit.order.speaker, None)
        self._fits[fit.order.speaker] = fit
        while len(self._fits) > MOST_KNOWN:
            del self._fits[next(iter(self._fits))]
        if before is None or before.state is not fit.state:
            self._publish(told(fit))


def told(fit: Fit) -> VoiceFit:
    detail = fit.error.message if fit.error is not None else fit.detail
    reason = fit.error.code if fit.error is not None else None
    order = fit.order
    return VoiceFit(order.clip, order.speaker, order.base.name, fit.state.value, reason, detail)


def voice_name(clip: str, weights: str) -> str:
    """What the voice of a clip, by its sha256, is called for a model with these weights."""
    return MARK + hashlib.sha256(f"{clip} {weights}".encode()).hexdigest()[:16]


def _order(voice: str, clip: str, known: Description, request: Synthesize) -> FitOrder:
    base = Base(known.name.name, known.name.version, known.name.sha256)
    return FitOrder(voice, clip, base, request.language or known.engine.languages[0])


def _estimate(request: Synthesize, known: Description, heard: Traits) -> str:
    """The speaker of the line's language whose pitch is nearest; the model's own where none is known."""
    default = known.engine.default_speaker
    languages = {row.name: row.language for row in known.speakers}
    wanted = request.language or languages[default]
    same = [name for name in known.engine.speakers if languages[name] == wanted]
    return nearest(heard.middle_hz, same) or nearest(heard.middle_hz, known.engine.speakers) or default
