"""A cluster's workers speak the same bytes as this process; who is lost costs time and no line."""

import io
import json
import sys
import threading
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from sidecar.baking import cluster
from sidecar.baking.bake import Choice, baked, planned
from sidecar.baking.clip import Clip
from sidecar.baking.cluster import Cluster, Crew, Job, ray_module
from sidecar.baking.cluster_worker import PACKS, SpeakingWorker, fetched, setting
from sidecar.baking.messages import order_line, order_of, read_answer, write_answer
from sidecar.baking.orders import Output
from sidecar.baking.script import Failure, read_script
from sidecar.baking.speakers import OwnSpeaker, clips
from sidecar.home import Home
from sidecar.models.file_names import MANIFEST
from sidecar.models.pack import Pack, open_pack
from sidecar.prosody.change import NONE
from sidecar.protocol.errors import BadRequest, ModelRejected
from sidecar.voice import Voice
from tests.attacks.packs import make_miniature, make_voices
from tests.baking.scripts import LINES, plans_of, script_of
from tests.commands import NpcVoice

WAIT_S = 60


class Lost(Exception):
    """As Ray says that an actor is no more."""


class Remote:
    """A method of an actor, called on a thread of its own."""

    def __init__(self, call) -> None:
        self._call = call

    def remote(self, *arguments):
        done: Future = Future()

        def run() -> None:
            try:
                done.set_result(self._call(*arguments))
            except Exception as error:
                done.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return SimpleNamespace(future=lambda: done)


class FakeRay:
    """What `Crew` needs of Ray. Workers are lost at the `dies` -th lines, counted over all."""

    exceptions = SimpleNamespace(RayActorError=Lost, RayError=RuntimeError)

    def __init__(self, dies: frozenset[int] = frozenset(), setting=setting) -> None:
        self.hired, self.killed, self._spoken = 0, 0, 0
        self._dies, self._setting, self._lock = dies, setting, threading.Lock()

    def hire(self):
        self.hired += 1
        return SimpleNamespace(setting=Remote(self._setting), clip=Remote(self._clip))

    def _clip(self, order: bytes) -> bytes:
        with self._lock:
            self._spoken += 1
            if self._spoken in self._dies:
                raise Lost("the actor died")
        stream = io.BytesIO()
        write_answer(stream, Failure(2, order_of(order)[0].id, "spoken"))
        return stream.getvalue()

    def get(self, reference):
        return reference.future().result(WAIT_S)

    def kill(self, worker) -> None:
        self.killed += 1


def spoken_by(ray: FakeRay, folder: Path, workers: int, lines: int = 20) -> list[Failure]:
    """Answers of the fake are failures that say they are spoken."""
    wanted = plans_of(folder, [{"id": f"a{n}", "text": "Hm."} for n in range(lines)]).wanted
    crew = Crew(ray, ray.hire, workers)
    speakers = [cluster.ClusterSpeaker(crew) for _ in range(workers)]
    return [done for done in clips(wanted, speakers) if isinstance(done, Failure)]


def test_a_lost_workers_line_is_given_to_another_and_the_worker_replaced(tmp_path: Path):
    ray = FakeRay(dies=frozenset((1, 5, 6)))
    done = spoken_by(ray, tmp_path, 2)
    assert {one.id for one in done} == {f"a{n}" for n in range(20)}
    assert {one.message for one in done} == {"spoken"}
    assert ray.hired == ray.killed == 5


def test_a_line_that_takes_every_worker_with_it_is_a_failure_and_the_bake_ends(tmp_path: Path):
    done = spoken_by(FakeRay(dies=frozenset(range(1000))), tmp_path, 2, 6)
    assert len(done) == 6
    assert all("the actor died" in one.message for one in done)


def test_a_worker_that_would_make_other_bytes_is_not_asked(tmp_path: Path):
    done = spoken_by(FakeRay(setting=lambda: "npc-voice 0.0.1"), tmp_path, 2, 3)
    assert len(done) == 3 and all("a worker has npc-voice 0.0.1, this machine has" in d.message for d in done)


def test_without_ray_it_says_what_to_install(npc_voice: NpcVoice, tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadRequest) as refused:
        ray_module()
    assert refused.value.field == "ray" and "npc-voice[ray]" in refused.value.tip
    script = script_of(tmp_path, LINES)
    done = npc_voice("bake", str(script), "-o", str(tmp_path / "out"), "--ray", "auto", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["field"]) == (2, "ray")


class Unfit:
    """A Ray without a cluster."""

    @staticmethod
    def init(**_: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.\nMore.")


def test_a_cluster_that_does_not_answer_is_told_of():
    job = Job((), {}, "float32")
    with pytest.raises(BadRequest, match="no Ray cluster answers at 'auto'") as refused:
        Cluster(Unfit, "auto", job)
    assert refused.value.tip == "ray start --head" and "More" not in refused.value.message


@pytest.fixture
def packs(tmp_path: Path) -> tuple[Pack, Pack]:
    """Voices, and the small model whose weights they need."""
    base = open_pack(make_miniature(tmp_path / "mini"))
    return open_pack(make_voices(tmp_path / "mara", base.folder)), base


def test_a_worker_fetches_a_pack_once_and_only_as_its_hashes_say(packs: tuple[Pack, Pack], tmp_path: Path):
    pack, asked = packs[1], []
    manifest = (pack.folder / MANIFEST).read_bytes()

    def fetch(name: str) -> bytes:
        asked.append(name)
        return (pack.folder / name).read_bytes()

    for _ in range(2):
        found = fetched(Home(tmp_path / "here"), manifest, fetch)
    assert asked == [file.name for file in pack.manifest.files] and found.manifest == pack.manifest
    with pytest.raises(ModelRejected, match="the manifest says"):
        fetched(Home(tmp_path / "other"), manifest, lambda name: fetch(name)[:-1])
    assert not list((tmp_path / "other" / PACKS).glob("[!.]*"))


def test_a_worker_speaks_as_this_process_does_with_the_users_words_and_voices_of_another_pack(
    packs: tuple[Pack, Pack], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = Home(tmp_path / "home")
    home.models.mkdir(parents=True)
    (home.models / "mini").symlink_to(packs[1].folder)
    home.lexicon.write_text("hm\tnˈO\n", "utf-8")
    voice = Voice.load(packs[0].folder, device="cpu", precision="float32", threads=1, home=home)
    job = Job.of(packs[0], home, "float32")
    assert [pack.folder.name for pack in job.packs] == ["mara", "mini"] and list(job.own) == ["lexicon.tsv"]
    monkeypatch.setenv("NPC_VOICE_HOME", str(tmp_path / "there"))
    sent = [
        ((p.folder / MANIFEST).read_bytes(), lambda name, p=p: (p.folder / name).read_bytes())
        for p in job.packs
    ]
    worker = SpeakingWorker(sent, job.own, job.precision)
    speaker = packs[0].manifest.speakers[0]
    lines = [{"id": "a", "text": "Hm.", "speaker": speaker}]
    (wanted,) = plans_of(tmp_path, lines, synthesizer=voice.synthesizer).wanted
    answer = read_answer(io.BytesIO(worker.clip(order_line(wanted.order, wanted.key))))
    assert isinstance(answer, Clip) and answer == OwnSpeaker(voice.synthesizer).clip(wanted)


@contextmanager
def two_workers():
    """A cluster of this machine's own with two nodes of a core each."""
    from ray.cluster_utils import Cluster as Nodes

    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(2):
            nodes.add_node(num_cpus=1)
        yield nodes.address
    finally:
        import ray

        ray.shutdown()
        nodes.shutdown()


def speaking_workers() -> list[psutil.Process]:
    """Those of this machine."""
    told = psutil.process_iter(["cmdline"])  # of one that ends meanwhile, nothing
    return [p for p in told if "".join(p.info["cmdline"] or ()).startswith("ray::_RayWorker")]


@pytest.mark.slow
def test_a_cluster_bakes_the_same_bytes_though_a_worker_is_killed(packs: tuple[Pack, Pack], tmp_path: Path):
    pytest.importorskip("ray", reason='needs pip install -e ".[ray]"')
    home, pack = Home(tmp_path / "home"), packs[1]
    voice = Voice.load(pack.folder, device="cpu", precision="float32", threads=1, home=home)
    lines = [{"id": f"a-{n}", "text": f"Number {n}, come in."} for n in range(12)]
    script = read_script(script_of(tmp_path, [*lines, {"id": "ghost", "text": "Boo!", "effect": "ghost"}]))
    killed: list[int] = []

    def told(done: object) -> None:
        if not killed:
            worker = speaking_workers()[0]
            killed.append(worker.pid)
            worker.kill()

    def made(folder: Path, speakers, told) -> dict[str, bytes]:
        plans = planned(script, None, Output(), Choice(), tmp_path, lambda *_: NONE, voice.synthesizer)
        done = baked(plans, Choice(), folder, speakers, lambda total: nullcontext(told))
        assert not done.failed and len(done.made) == len(lines) + 1
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    with two_workers() as address:
        job = Job.of(pack, home, voice.description.precision)
        there = made(tmp_path / "ray", lambda n: Cluster(ray_module(), address, job).crew(None, n), told)
    assert killed and not speaking_workers()
    here = made(tmp_path / "here", lambda n: [OwnSpeaker(voice.synthesizer)], lambda done: None)
    assert there == here
