"""The same bake on a Ray cluster (ray.io): workers that speak wherever there are cores.

Ray starts them, moves bytes and notices who is lost; everything else is the bake's own: what is to be made,
the folder and the manifest stay with the process that was called. A worker that is lost is replaced where
the cluster can, and its line is given to another. Whoever can reach a Ray cluster can run programs on it:
Ray's own advice is to keep it in a network of its own.
"""

import importlib
import io
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sidecar.baking.clip import Clip
from sidecar.baking.cluster_worker import SpeakingWorker, setting
from sidecar.baking.differences import Wanted
from sidecar.baking.messages import order_line, read_answer
from sidecar.baking.script import Failure
from sidecar.files import printable
from sidecar.home import Home
from sidecar.models.bases import find_base, verified_in
from sidecar.models.file_names import MANIFEST
from sidecar.models.pack import Pack, packs_in
from sidecar.protocol.errors import BadRequest, NpcVoiceError

TRIES = 4  #: workers that a line may take with it
START_S = 600.0  #: for a worker to come up, with a pack that has to be sent first
_LOOK_S = 0.5

Ray = Any  #: the module


@dataclass(frozen=True)
class Job:
    """What every worker holds: the pack, behind it the one whose weights it needs if it has voices only, the
    user's own files by name, and the precision."""

    packs: tuple[Pack, ...]
    own: Mapping[str, bytes]
    precision: str

    @classmethod
    def of(cls, pack: Pack, home: Home, precision: str) -> "Job":
        """Raises `BaseMissing`."""
        base = pack.manifest.base
        bases = [] if base is None else [find_base(base, [*verified_in(home), *packs_in(home.models)])]
        return cls((pack, *bases), {path.name: path.read_bytes() for path in home.own_files}, precision)


def ray_module() -> Ray:
    """Raises `BadRequest` where it is not installed. It reports to nobody what it is used for, unless its
    user wants that."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise BadRequest(
            f"--ray needs Ray: {error}", field="ray", tip='pip install "npc-voice[ray]", here and there'
        ) from error


class Cluster:
    """Workers on a cluster, as many as its cores or fewer. Any thread may call."""

    def __init__(self, ray: Ray, address: str, job: Job) -> None:
        """Raises `BadRequest` where no cluster answers."""
        self._ray, self._job = ray, job
        try:
            ray.init(address=address, log_to_driver=False, logging_level="error", ignore_reinit_error=True)
        except (ConnectionError, ValueError, RuntimeError) as error:
            said = printable(str(error)).splitlines()[0]
            raise BadRequest(
                f"no Ray cluster answers at {address!r}: {said}", field="ray", tip="ray start --head"
            ) from error

    def crew(self, most: int | None, lines: int) -> "list[ClusterSpeaker]":
        """Workers for so many lines, `most` at most, or as many as there are cores."""
        cores = int(self._ray.cluster_resources().get("CPU", 1))
        crew = Crew(self._ray, self._hire(), max(1, min(most or cores, lines)))
        return [ClusterSpeaker(crew) for _ in range(crew.size)]

    def _hire(self) -> Callable[[], Any]:
        """What starts one more worker. The packs lie in Ray's store once, and are sent to machines that lack
        them."""
        packs = [self._stored(pack) for pack in self._job.packs]
        worker = self._ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_RayWorker)
        return lambda: worker.remote(packs, dict(self._job.own), self._job.precision)

    def _stored(self, pack: Pack) -> "_Stored":
        manifest = (pack.folder / MANIFEST).read_bytes()
        files = pack.manifest.files
        return manifest, {f.name: self._ray.put((pack.folder / f.name).read_bytes()) for f in files}


class _RayWorker(SpeakingWorker):
    """As Ray starts it, which hands over what it stores by reference."""

    def __init__(self, packs: "Sequence[_Stored]", own: Mapping[str, bytes], precision: str) -> None:
        super().__init__([(manifest, partial(_got, files)) for manifest, files in packs], own, precision)


#: A pack's manifest, and references to its files by name.
_Stored = tuple[bytes, Mapping[str, Any]]


def _got(files: Mapping[str, Any], name: str) -> bytes:
    content: bytes = ray_module().get(files[name])
    return content


class Crew:
    """Workers that are lent for a line each; who is lost is replaced, `TRIES` times as many in all."""

    def __init__(self, ray: Ray, hire: Callable[[], Any], size: int) -> None:
        self.size = size
        self._ray, self._hire = ray, hire
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._coming, self._there = 0, 0  # who has been asked for; who speaks or waits for a line
        self._left, self._trouble, self._closed = size * TRIES, "", False
        self._all: list[Any] = []
        for _ in range(size):
            self._ask_for_one()

    def clip(self, wanted: Wanted) -> Clip | Failure:
        order = wanted.order
        for _ in range(TRIES):
            worker = self._borrowed()
            if worker is None:
                why = f": {self._trouble}" if self._trouble else ""
                return Failure(order.row, order.id, f"no worker of the cluster is left{why}")
            try:
                answer = self._ray.get(worker.clip.remote(order_line(order, wanted.key)))
            except self._ray.exceptions.RayActorError as error:
                self._lose(str(error))
                continue
            except self._ray.exceptions.RayError as error:
                self._free.put(worker)
                return Failure(order.row, order.id, f"the line failed: {_first_line(error)}")
            self._free.put(worker)
            spoken = read_answer(io.BytesIO(answer))
            assert spoken is not None
            return spoken
        return Failure(order.row, order.id, f"it was lost with {TRIES} workers: {self._trouble}")

    def close(self) -> None:
        """End all workers, in the midst of a line too."""
        with self._lock:
            self._closed, workers, self._all = True, self._all, []
        for worker in workers:
            self._ray.kill(worker)

    def _borrowed(self) -> Any | None:
        """A worker, as soon as one is free; None where none can be any more."""
        waited_s = 0.0
        while True:
            try:
                return self._free.get(timeout=_LOOK_S)
            except queue.Empty:
                waited_s += _LOOK_S
            with self._lock:
                if self._closed or (not self._there and (not self._coming or waited_s >= START_S)):
                    return None

    def _ask_for_one(self) -> None:
        with self._lock:
            if self._closed or not self._left:
                return
            self._left -= 1
            self._coming += 1
            worker = self._hire()
            self._all.append(worker)
        worker.setting.remote().future().add_done_callback(lambda done: self._came(worker, done))

    def _came(self, worker: Any, done: Any) -> None:
        """A worker is up, or could not be."""
        trouble = _unlike(done)
        with self._lock:
            self._coming -= 1
            self._trouble = trouble or self._trouble
            if trouble:
                return
            self._there += 1
        self._free.put(worker)

    def _lose(self, why: str) -> None:
        with self._lock:
            self._there -= 1
            self._trouble = why.splitlines()[0]
        self._ask_for_one()


class ClusterSpeaker:
    """One of a crew's threads."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    def clip(self, wanted: Wanted) -> Clip | Failure:
        return self._crew.clip(wanted)

    def close(self) -> None:
        self._crew.close()


def _unlike(done: Any) -> str:
    """Why a worker's clips would not be those of this process; empty where they are."""
    try:
        theirs = done.result()
    except Exception as error:
        return _first_line(error)
    ours = setting()
    return "" if theirs == ours else f"a worker has {theirs}, this machine has {ours}"


def _first_line(error: Exception) -> str:
    """The cause's own words: Ray's begin with where it was."""
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, NpcVoiceError):
        return cause.message
    return f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}"
