"""What a sidecar is started with: the command line fills it in, server and reloader read the same groups."""

from dataclasses import dataclass, field
from pathlib import Path

from sidecar.home import Home
from sidecar.models.bases import verified_in
from sidecar.models.pack import Pack
from sidecar.protocol.limits import Limits
from sidecar.reload.budget import SAME_SOURCE_S
from sidecar.reload.policy import TrialRules
from sidecar.server.lines.scheduling import QueueLimits
from sidecar.server.live_voices import GRACE_S


@dataclass(frozen=True)
class ListenConfig:
    """`address` other than loopback needs `keys`, a folder; ports 0 let the system choose. `advertise`: the
    host under which clients find `address`, where that is another."""

    address: str = "127.0.0.1"
    advertise: str | None = None
    port: int = 0
    events_port: int = 0
    keys: Path | None = None


@dataclass(frozen=True)
class ModelsConfig:
    """`pack`: a pack that speaks by default instead of the default voice.

    `policy` says whose packs are taken from the models folder, `canary_share` on which part of the sessions
    a new version is tried first; 0: none, it becomes live at once. `watch`: look at the folder at all.
    `low_memory_swap`: where two voices do not fit, let go of the old one first. `any_publisher`: whoever
    drops a pack may take a name, the default voice's too. `memory_limit_mib`: of the device's memory, where
    it has its own. `quiet_s`: how long what is dropped must lie unchanged before it is looked at,
    `patience_s` as long as it is not complete; `same_source_s`: the least time between two checks of one
    drop's name; `grace_s`: how long a replaced voice is kept at least.
    """

    pack: Pack | None = None
    device: str = "auto"
    precision: str = "auto"
    runtime: str = "auto"
    threads: int | None = None
    policy: str = "any"
    canary_share: float = 0.0
    watch: bool = True
    low_memory_swap: bool = False
    any_publisher: bool = False
    memory_limit_mib: int | None = None
    quiet_s: float = 1.0
    patience_s: float = 10.0
    same_source_s: float = SAME_SOURCE_S
    grace_s: float = GRACE_S


@dataclass(frozen=True)
class CacheConfig:
    """Memory for spoken lines; `disk_bytes` above 0 keeps them in the folder `disk` too."""

    memory_bytes: int = 64 << 20
    disk: Path | None = None
    disk_bytes: int = 0


@dataclass(frozen=True)
class StopConfig:
    """What ends a sidecar besides a request: its game's process, the end of its input, a long silence."""

    parent_pid: int | None = None
    watch_stdin: bool = False
    idle_exit_s: float | None = None


@dataclass(frozen=True)
class FitConfig:
    """Where voices are fitted to clips, and dropped: the data folder. Where the policy `needs_consent`, or
    nobody looks at what is dropped (`watch`), none is fitted. `default`: the pack that speaks by default, and
    need not lie in the store."""

    folder: Home
    needs_consent: bool = False
    watch: bool = True
    default: Pack | None = None

    @property
    def home(self) -> Path:
        return self.folder.root

    @property
    def models(self) -> Path:
        return self.folder.models

    @property
    def work(self) -> Path:
        """Clips that wait, and what is being made of them."""
        return self.folder.cache / "clips"

    def bases(self) -> tuple[Path, ...]:
        """Where the pack may lie whose weights a voice is fitted to."""
        own = () if self.default is None else (self.default.folder,)
        return (*own, *verified_in(self.folder))


@dataclass(frozen=True)
class MetricsConfig:
    """`port` 0: any. An `address` other than loopback needs `token`, a file with what readers must send."""

    port: int = 0
    address: str = "127.0.0.1"
    token: Path | None = None


@dataclass(frozen=True)
class FleetConfig:
    """`address` of a store; `credentials` is a file. `node`: what this one is called, where that is not to be
    its host's name. `share`: a folder with packs, `prometheus` the address of one, for gates that ask it.
    `ttl_s`: the lease; `jitter_s`: the longest wait before a fetch."""

    address: str
    credentials: Path | None = None
    node: str | None = None
    share: Path | None = None
    prometheus: str | None = None
    ttl_s: float = 15.0
    jitter_s: float = 5.0


@dataclass(frozen=True)
class ServeConfig:
    """`fit` None: no voices are fitted. Without `metrics` and `fleet` there are none. `log_text` lets the
    text of lines into the log."""

    listen: ListenConfig = field(default_factory=ListenConfig)
    models: ModelsConfig = field(default_factory=ModelsConfig)
    cache: CacheConfig = field(default_factory=CacheConfig)
    stop: StopConfig = field(default_factory=StopConfig)
    limits: Limits = field(default_factory=Limits)
    queue: QueueLimits = field(default_factory=QueueLimits)
    trial: TrialRules = field(default_factory=TrialRules)
    fit: FitConfig | None = None
    metrics: MetricsConfig | None = None
    fleet: FleetConfig | None = None
    log_text: bool = False
