"""What a request is answered with: lines go to the desk, models to the reloader, the rest is known here.

Everything here runs on the server's thread, whichever door a request has come through.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sidecar import __version__
from sidecar.engines.runtimes import device_bytes
from sidecar.prosody.clip_memory import Clips
from sidecar.protocol.errors import Unsupported
from sidecar.protocol.formats import SENT
from sidecar.protocol.limits import VERSION, Limits
from sidecar.protocol.replies import (
    CancelReply,
    Device,
    EmotionsReply,
    HelloReply,
    ModelsReply,
    PingReply,
    Reply,
    ShutdownReply,
    SpeakersReply,
    StatsReply,
)
from sidecar.protocol.requests import (
    LINE_FIELDS,
    OPS,
    PRIORITIES,
    TIMINGS,
    Activate,
    Canary,
    Cancel,
    Emotions,
    Hello,
    Models,
    Next,
    Ping,
    Remove,
    Request,
    Rescan,
    Rollback,
    Shutdown,
    Speakers,
    Stats,
    Synthesize,
)
from sidecar.server.lines.clip_voices import ClipVoices
from sidecar.server.lines.desk import Desk
from sidecar.server.lines.flight import Caller, now_s
from sidecar.server.lines.memory_cache import MemoryCache
from sidecar.server.live_voices import LiveVoices
from sidecar.server.metrics import Metrics, resident_bytes
from sidecar.server.reloading.reloader import Reloader

log = logging.getLogger(__name__)

ModelRequest = Models | Rescan | Activate | Rollback | Remove | Canary


@dataclass
class Dispatch:
    """`shut_down` begins the end. `reloader` is None where there is no models folder. With `log_text` the
    text of lines goes into the log."""

    voices: LiveVoices
    desk: Desk
    metrics: Metrics
    cache: MemoryCache
    limits: Limits
    shut_down: Callable[[], None]
    log_text: bool = False
    reloader: Reloader | None = None
    clip_voices: ClipVoices | None = None
    began_s: float = field(default_factory=now_s)

    def do(self, caller: Caller, request: Request, bodies: Sequence[bytes]) -> Reply | None:
        """The reply, or None where the desk gives one, now or later. Raises what is wrong with it."""
        if isinstance(request, Synthesize):
            if self.log_text:
                log.info("line", extra={"id": caller.id, "text": request.text})
            self.desk.synthesize(caller, request, Clips(*bodies) if bodies else None)
        elif isinstance(request, Next):
            self.desk.next(caller, request.stream)
        else:
            return self._answer(caller, request)
        return None

    def _answer(self, caller: Caller, request: Request) -> Reply:
        """What is known without the device."""
        if isinstance(request, Ping):
            return PingReply()
        if isinstance(request, Cancel):
            return CancelReply(self.desk.cancel(caller, request.target))
        if isinstance(request, Hello):
            return self._hello()
        if isinstance(request, Speakers):
            return SpeakersReply(self.voices.speakers(), self.voices.engine.default_speaker)
        if isinstance(request, Emotions):
            return EmotionsReply(self.voices.described.emotions)
        if isinstance(request, ModelRequest):
            return self._control_models(request)
        if isinstance(request, Stats):
            return self._stats()
        assert isinstance(request, Shutdown)
        self.shut_down()
        return ShutdownReply(self.desk.open_lines)

    def _control_models(self, request: ModelRequest) -> ModelsReply:
        if self.reloader is None:
            raise Unsupported("this sidecar was started without a models folder")
        if isinstance(request, Activate):
            return self.reloader.controls.activate(request.model)
        if isinstance(request, Remove):
            return self.reloader.controls.remove(request.model)
        if isinstance(request, Rollback):
            return self.reloader.controls.rollback(request.model)
        if isinstance(request, Canary):
            return self.reloader.controls.canary(request.model, request.share)
        return self.reloader.rescan() if isinstance(request, Rescan) else self.reloader.rows

    def _hello(self) -> HelloReply:
        engine = self.voices.engine
        return HelloReply(
            server=f"npc-voice {__version__}",
            protocol=VERSION,
            ops=OPS,
            limits=self.limits,
            models=self.voices.names,
            device=Device(engine.device, engine.precision),
            languages=engine.languages,
            formats=SENT,
            timings=TIMINGS,
            emotions=tuple(row.name for row in self.voices.described.emotions),
            priorities=PRIORITIES,
            fields=LINE_FIELDS,
            effects=self.voices.described.effects,
        )

    def _stats(self) -> StatsReply:
        metrics, desk = self.metrics, self.desk
        return StatsReply(
            uptime_s=round(now_s() - self.began_s, 3),
            requests=dict(metrics.requests),
            errors=dict(metrics.errors),
            lines_waiting=desk.waiting,
            lines_running=desk.running,
            streams=desk.streams,
            audio_s=round(metrics.audio_s, 3),
            real_time_factor=round(metrics.real_time_factor, 4),
            latency={stage: histogram.quantiles() for stage, histogram in metrics.stages.items()},
            cache=self.cache.stats(),
            memory_bytes=resident_bytes(),
            device_memory_bytes=device_bytes(),
            fits=self.clip_voices.stats if self.clip_voices is not None else None,
        )
