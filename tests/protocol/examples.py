"""One example at least of every message there is, with every field in use somewhere."""

from sidecar.protocol.errors import Overloaded
from sidecar.protocol.events import (
    Event,
    FleetDecided,
    LineDone,
    LineStarted,
    ModelCanary,
    ModelChecking,
    ModelFound,
    ModelLive,
    ModelRejection,
    ModelReleased,
    ModelRolledBack,
    ServerOverloaded,
    ServerStopping,
    VoiceFit,
)
from sidecar.protocol.limits import Limits
from sidecar.protocol.replies import (
    Audio,
    CacheStats,
    CancelReply,
    Chunk,
    Device,
    EmotionRow,
    EmotionsReply,
    ErrorReply,
    FitStats,
    HelloReply,
    LineTiming,
    ModelName,
    ModelRow,
    ModelsReply,
    PingReply,
    Quantiles,
    Reply,
    ShutdownReply,
    SpeakerRow,
    SpeakersReply,
    SpokenReply,
    StatsReply,
)
from sidecar.protocol.requests import (
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

FULL = Synthesize(
    text="Halt! 站住！",
    speaker={"af_heart": 0.5, "am_adam": 0.5},
    manner="bf_emma",
    emotion={"angry": 0.75, "fearful": 0.25},
    intensity=0.25,
    speed=1.5,
    pitch=-2.0,
    reference="emotion",
    baseline=True,
    language="en-GB",
    model="kokoro-82m@1.0.0",
    priority="bark",
    deadline_ms=800,
    format="wav",
    sample_rate=48_000,
    loudness=-23.0,
    timings=("words", "phonemes", "visemes"),
    seed=7,
    prompt="非常开心",
    effect="ghost",
)
REQUESTS: dict[str, Request] = {
    "hello": Hello(),
    "ping": Ping(),
    "speakers": Speakers(),
    "emotions": Emotions(),
    "models": Models(),
    "rescan": Rescan(),
    "stats": Stats(),
    "shutdown": Shutdown(),
    "activate": Activate("kokoro-82m@1.1.0"),
    "rollback": Rollback("kokoro-82m"),
    "remove": Remove("mine@0.1.0"),
    "canary": Canary("kokoro-82m@1.1.0", 0.25),
    "next": Next("0123456789abcdef01234567"),
    "cancel": Cancel("42"),
    "a line": Synthesize("Hi."),
    "a streamed line": Synthesize("Hi.", stream=True),
    "a line with every field": FULL,
    "a speaker by name": Synthesize("Hi.", speaker="af_heart"),
    "a speaker by index": Synthesize("Hi.", speaker=3),
    "a speaker by numbers": Synthesize("Hi.", speaker=(0.5, -1.0)),
}

MODEL = ModelName("kokoro-82m", "1.0.0", "92c8" * 16)
REPLIES: dict[str, Reply | ErrorReply] = {
    "hello": HelloReply(
        "npc-voice 0.1.0", 1, ("ping", "hello"), Limits(), (MODEL,), Device("cpu", "bfloat16"), ("en-US",),
        ("pcm_s16le",), ("words",), ("neutral",), ("bark", "dialogue"), ("text", "speaker"),
    ),
    "a line": SpokenReply(
        Audio("pcm_s16le", 24_000, 1, 38_400), MODEL, LineTiming(0.1, 1.5, 90.25, 0.5, 92.35), False, 547
    ),
    "a chunk": SpokenReply(
        Audio("wav", 24_000, 1, 66_000), MODEL, LineTiming(total_ms=0.2), True, 7,
        words=(("Halt", 0.1, 0.45),), phonemes=(("h", 0.1, 0.175), ("ˈ", 0.175, 0.2)),
        visemes=((0.1, 6, 0.75), (0.1, 13, 0.25)), stream="0123456789abcdef01234567", chunk=Chunk(0, False),
    ),
    "cancel": CancelReply(True),
    "speakers": SpeakersReply((SpeakerRow("af_heart", "Heart", "en-US", "kokoro-82m"),), "af_heart"),
    "emotions": EmotionsReply((EmotionRow("angry", {"en": "Angry", "zh": "生气"}, ("mad", "愤怒")),)),
    "models": ModelsReply(
        (
            ModelRow("kokoro-82m", "1.0.0", "live", "92c8" * 16, True, 0.9),
            ModelRow(
                "mine", "0.1.0", "rejected", reason="hash", detail="weights.safetensors is damaged",
                dropped=False,
            ),
        )
    ),
    "stats": StatsReply(
        12.5, {"ping": 3}, {"bad_request": 1}, 1, 1, 0, 3.25, 0.25,
        {"total": Quantiles(3, 90.0, 120.0, 130.0)}, CacheStats(1, 2, 2, 70_000), 1 << 30, 1 << 29,
        FitStats(1, 1, 3, 0),
    ),
    "ping": PingReply(),
    "shutdown": ShutdownReply(2),
    "an error": ErrorReply("bad_request", "no"),
    "an error with everything": ErrorReply.of(Overloaded("later", field="text", retry_after_ms=50)),
}  # fmt: skip

EVENTS: dict[str, Event] = {
    event.topic: event
    for event in (
        ModelFound("mine-0.1.0"),
        ModelChecking("mine-0.1.0"),
        ModelRejection("mine-0.1.0", "hash", "weights.safetensors is damaged"),
        ModelLive("mine", "0.2.0", 850.5, "0.1.0"),
        ModelCanary("mine", "0.2.0", 0.1, 20, 1, 1.1),
        ModelRolledBack("mine", "0.2.0", "0.1.0", "errors: 3 of 20"),
        ModelReleased("mine", "0.1.0"),
        VoiceFit("5a" * 32, "clip-0123456789abcdef", "kokoro-82m", "failed", "bad_audio", "two people speak"),
        FleetDecided("kokoro-82m", "1.1.0", "Degraded", 0, "aborted: 3 of 40 lines failed; back to 1.0.0"),
        ServerOverloaded(256, 400),
        ServerStopping("SIGTERM", 3),
        LineStarted("42", "bark", "npc-7"),
        LineDone("42", 92.35, False, 1.6, "npc-7", "cancelled"),
    )
}
