"""The life of a serving process: one instance, sockets, connection file, signals, end."""

import gc
import ipaddress
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from filelock import FileLock, Timeout

from sidecar.engines.placement import memory_errors
from sidecar.fleet.node import Node
from sidecar.protocol.connection import DEVICE_LOST, Connection
from sidecar.protocol.errors import BadRequest, NpcVoiceError, StorageError
from sidecar.server.config import ListenConfig, MetricsConfig, ServeConfig
from sidecar.server.door.door import Endpoints
from sidecar.server.door.keys import read_keys
from sidecar.server.door.reach import advertised, check_advertised
from sidecar.server.fleet import FleetExported, check_fleet, node_of
from sidecar.server.gpu import Gpu
from sidecar.server.live_voices import LiveVoices
from sidecar.server.metrics import Exported, Exporter, MetricsAccess
from sidecar.server.process.stop_triggers import stop_on_signals, stop_with_parent, stop_with_stdin
from sidecar.server.reloading.dependencies import ServerSide
from sidecar.server.reloading.reloader import Reloader
from sidecar.server.reloading.startup import Startup
from sidecar.server.server import Server

log = logging.getLogger(__name__)

LEAST_TOKEN = 16  #: characters
SWITCH_S = 0.0005  #: how long one thread's Python may keep the others waiting: control answers beside speech


@dataclass(frozen=True)
class Ready:
    """Where a sidecar is to be found."""

    connection: Connection
    metrics_port: int | None


@dataclass(frozen=True)
class Whereabouts:
    """What clients are told by the connection `file`. `advertise`: the host under which they find it."""

    file: Path
    token: str = field(repr=False)
    endpoints: Endpoints
    advertise: str | None = None

    def connection(self, commands: str, events: str) -> Connection:
        """`commands` and `events` are the endpoints that were bound."""
        key = self.endpoints.curve.public_key.decode() if self.endpoints.curve else None
        ipc = f"ipc://{self.endpoints.ipc}" if self.endpoints.ipc else None
        commands, events = (advertised(each, self.advertise) for each in (commands, events))
        return Connection(os.getpid(), commands, events, self.token, time.time(), ipc, key)


@contextmanager
def only_one(connection_file: Path) -> Iterator[None]:
    """Hold the connection file's lock; the system lets go of it when the process dies, however it does.

    A connection file without a holder of its lock is a dead sidecar's, and is replaced.
    Raises `StorageError` when another sidecar serves through it, or the folder cannot be written.
    """
    lock = FileLock(connection_file.with_name(f"{connection_file.name}.lock"), timeout=0)
    try:
        connection_file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise StorageError(
            f"cannot start serving: {another(connection_file)} serves through {connection_file} already",
            tip="use that one, or give this one its own --connection-file",
        ) from error
    except OSError as error:
        raise StorageError(f"cannot start serving: {error}") from error
    try:
        yield
    finally:
        lock.release()


def another(connection_file: Path) -> str:
    try:
        return f"another sidecar (process {Connection.read(connection_file).pid})"
    except (OSError, NpcVoiceError):
        return "another sidecar, which is just starting,"


def serve(
    load: Callable[[], Startup],
    config: ServeConfig,
    connection_file: Path,
    ready: Callable[[Ready], None],
    abandoned: Callable[[], None] = lambda: None,
) -> None:
    """Serve until told to stop. `load` is called once nothing else can be in the way, `abandoned` where it is
    told to stop before anything is served.

    Where the device is lost the process ends with `DEVICE_LOST`, so that a new one can be started.
    Raises what `load` raises, `BadRequest` for options that cannot be, and `StorageError` when the port
    is taken, another sidecar is there or the connection file cannot be written.
    """
    check_address(config.listen)
    if config.metrics is not None:
        access_of(config.metrics)
    if config.fleet is not None:
        check_fleet(config.fleet)
    ended = True
    with ExitStack() as stack:
        stack.enter_context(only_one(connection_file))
        token = secrets.token_urlsafe(32)
        server: list[Server] = []

        def stop(reason: str, drain: bool) -> None:
            if not server:
                abandoned()
                logging.shutdown()
                os._exit(0)  # nothing is served yet, and loading cannot be interrupted otherwise
            server[0].stop(reason, drain)

        stop_on_signals(stop)
        if config.stop.parent_pid is not None:
            stop_with_parent(config.stop.parent_pid, stop)
        if config.stop.watch_stdin:
            stop_with_stdin(stop)
        sys.setswitchinterval(SWITCH_S)
        with memory_errors("the voice"):
            started = load()
        gc.collect()
        gc.freeze()  # dictionaries and modules stay: going through them again would stop every thread
        endpoints = endpoints_of(config.listen, connection_file)
        server.append(Server(started.voices, token, config, endpoints))
        node: list[Node] = []

        def make(side: ServerSide) -> Reloader:
            reloader = Reloader(started.dependencies, started.journal, side, started.entries)
            if config.fleet is not None:
                node.append(node_of(config.fleet, started.dependencies, reloader, side, server[0].snapshot))
            return reloader

        def told(where: Ready) -> None:
            ready(where)
            for joining in node:
                joining.start()
                stack.callback(joining.stop)

        server[0].reload_with(make)
        where = Whereabouts(connection_file, token, endpoints, config.listen.advertise)
        more = [FleetExported(joined) for joined in node]
        ended = run(server[0], started.voices, where, config.metrics, more, told, stack)
    if server[0].device_lost or not ended:
        logging.shutdown()
        # all is tidied up but the device: it is in a pass that nobody waits for, or cannot be let go of
        os._exit(DEVICE_LOST if server[0].device_lost else 0)


def run(
    server: Server, voices: LiveVoices, where: Whereabouts, metrics: MetricsConfig | None,
    more: Sequence[FleetExported], ready: Callable[[Ready], None], stack: ExitStack,
) -> bool:  # fmt: skip
    """Bind, say where, serve; what `Server.close` says at the end."""
    with ExitStack() as opened:
        opened.callback(server.close)
        try:
            commands, events = server.bind()
            metrics_port = None if metrics is None else export(server, voices, metrics, more, stack)
            connection = where.connection(commands, events)
            stack.callback(connection.remove, where.file)
            connection.write(where.file)
        except (zmq.ZMQError, OSError) as error:
            raise StorageError(
                f"cannot start serving: {error}", tip="use --port 0 to let the system choose"
            ) from error
        ready(Ready(connection, metrics_port))
        found = {"commands": connection.commands, "events": connection.events}
        log.info("ready", extra={**found, "metrics_port": metrics_port})
        opened.pop_all()
        ended = server.run()
        log.info("stopped")
        return ended


def export(
    server: Server,
    voices: LiveVoices,
    metrics: MetricsConfig,
    more: Sequence[FleetExported],
    stack: ExitStack,
) -> int:
    """Metrics until the stack unwinds; the port they are on."""
    gpu = Gpu.of(voices.engine.device)
    if gpu is not None:
        stack.callback(gpu.close)
    exported = Exported(server.snapshot, gpu, more)
    exporter = Exporter(exported, access_of(metrics), lambda: server.snapshot().level.is_ready)
    stack.callback(exporter.close)
    return exporter.port


def access_of(metrics: MetricsConfig) -> MetricsAccess:
    """Raises `BadRequest` for other machines without a token, or a file of it that cannot be read."""
    if not is_loopback(metrics.address, "metrics_address") and metrics.token is None:
        raise BadRequest(
            f"{metrics.address} can be reached from other machines: that needs --metrics-token",
            field="metrics_address",
            tip="put a long random word into a file, and give it to Prometheus as its credentials_file",
        )
    return MetricsAccess(
        metrics.address, metrics.port, "" if metrics.token is None else read_token(metrics.token)
    )


def read_token(file: Path) -> str:
    """Raises `BadRequest`."""
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadRequest(f"{file} cannot be read: {error}", field="metrics_token") from error
    if not (LEAST_TOKEN <= len(token) <= 1000 and token.isascii() and token.isprintable()):
        raise BadRequest(
            f"{file}: expected one line of {LEAST_TOKEN} to 1000 plain characters", field="metrics_token"
        )
    return token


def endpoints_of(listen: ListenConfig, connection_file: Path) -> Endpoints:
    """Raises `BadRequest` where the folder of keys has none."""
    return Endpoints(
        address=listen.address,
        port=listen.port,
        events_port=listen.events_port,
        ipc=ipc_path(connection_file),
        curve=read_keys(listen.keys) if listen.keys is not None else None,
    )


def check_address(listen: ListenConfig) -> None:
    """Raises `BadRequest` unless it is loopback or there are keys."""
    if not is_loopback(listen.address, "address") and listen.keys is None:
        raise BadRequest(
            f"{listen.address} can be reached from other machines: that needs --keys",
            field="address",
            tip="make keys with npc-voice keys FOLDER, or stay on 127.0.0.1",
        )
    check_advertised(listen.address, listen.advertise)


def is_loopback(address: str, field: str) -> bool:
    """Raises `BadRequest` for what is no IP address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError as error:
        raise BadRequest(f"{address!r} is not an IP address", field=field) from error


def ipc_path(connection_file: Path) -> Path | None:
    """A socket beside the connection file, where the platform has such and the path is short enough."""
    path = connection_file.with_name(f"{connection_file.stem}.ipc").absolute()
    fits = zmq.has("ipc") and len(str(path).encode()) <= getattr(zmq, "IPC_PATH_MAX_LEN", 0)
    return path if fits else None
