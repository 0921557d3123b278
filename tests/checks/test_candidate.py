"""A checked pack is a verified copy in the store; whatever else happens, the store is as it was."""

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from sidecar.checks import candidate
from sidecar.checks.candidate import Interrupted, check_candidate, clear_abandoned
from sidecar.checks.stages import CheckSettings, Stage, StageTime
from sidecar.children import starting
from sidecar.models.pack import Pack, verify
from sidecar.protocol.errors import Cancelled, ModelRejected, NpcVoiceError, StorageError
from tests.attacks.goods import GOODS
from tests.attacks.packs import WEIGHTS, archived, change_manifest, make_miniature
from tests.permissions import like_a_user

#: A miniature's random weights do not sound; all before that is checked in full.
SILENT = CheckSettings(listen=False)


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    return make_miniature(tmp_path / "drop" / "pack")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.mark.parametrize("name", GOODS)
def test_an_odd_but_good_pack_is_taken(name: str, mini: Path, store: Path):
    dropped = GOODS[name](mini, random.Random(name))
    checked = check_candidate(dropped, store, SILENT)
    verify(checked.pack)
    manifest = checked.pack.manifest
    assert checked.pack.folder.name.startswith(f"{manifest.name}-{manifest.version}-")
    assert [path.name for path in store.iterdir()] == [checked.pack.folder.name]
    listed = {file.name for file in manifest.files} | {"manifest.json", "signature.json"}
    assert {path.name for path in checked.pack.folder.iterdir()} <= listed
    if name.startswith("signed"):
        assert checked.report.signer is not None


@pytest.mark.slow
def test_the_default_voice_passes_its_own_probe(pack: Pack, store: Path):
    stages = []
    checked = check_candidate(pack.folder, store, on_stage=lambda taken: stages.append(taken.stage))
    assert stages == list(Stage)[1:]
    assert {taken.stage for taken in checked.report.stages} == set(Stage)
    distance = checked.report.distance_nepers
    assert distance is not None and distance < pack.manifest.probe.tolerance_nepers / 2
    if sys.platform != "win32":
        assert checked.report.peak_memory_bytes is not None
        assert 200e6 < checked.report.peak_memory_bytes < 1.5e9


@pytest.mark.slow
def test_a_bare_checkpoint_becomes_a_pack_with_a_probe(pack: Pack, tmp_path: Path, store: Path):
    bare = tmp_path / "My Voice-1.2.0.safetensors"
    shutil.copy(pack.path(WEIGHTS), bare)
    bare.with_name(bare.name + ".sha256").write_text(f"{pack.manifest.sha256} *{bare.name}\n")
    taken = check_candidate(bare, store).pack
    assert (taken.manifest.name, taken.manifest.version) == ("my-voice", "1.2.0")
    assert taken.manifest.sha256 == pack.manifest.sha256
    verify(taken)


def test_a_pack_that_is_dropped_again_is_the_one_that_is_there(mini: Path, store: Path):
    first = check_candidate(mini, store, SILENT).pack
    before = (first.folder / WEIGHTS).stat().st_mtime_ns
    assert check_candidate(archived(mini), store, SILENT).pack.folder == first.folder
    assert (first.folder / WEIGHTS).stat().st_mtime_ns == before


def test_a_damaged_copy_in_the_store_is_replaced(mini: Path, store: Path):
    first = check_candidate(mini, store, SILENT).pack
    (first.folder / WEIGHTS).write_bytes(b"damaged")
    verify(check_candidate(mini, store, SILENT).pack)
    assert len(list(store.iterdir())) == 1


def test_two_packs_of_one_name_and_version_live_side_by_side(mini: Path, store: Path):
    first = check_candidate(mini, store, SILENT).pack
    change_manifest(mini, licence="another")
    assert check_candidate(mini, store, SILENT).pack.folder != first.folder


def test_what_was_dropped_is_not_needed_any_more(mini: Path, store: Path):
    taken = check_candidate(mini, store, SILENT).pack
    shutil.rmtree(mini)
    verify(taken)


def test_a_damaged_pack_is_refused_before_torch_is_loaded(mini: Path, tmp_path: Path):
    code = """
import sys
from pathlib import Path
from sidecar.checks.child import check_source
from sidecar.checks.stages import CheckSettings
from sidecar.protocol.errors import ModelRejected
try:
    check_source(Path(sys.argv[1]), Path(sys.argv[2]), CheckSettings())
except ModelRejected as error:
    print(error.reason, "torch" in sys.modules)
"""
    with (mini / WEIGHTS).open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"\xff\x00\xff")
    (tmp_path / "staging").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(mini), str(tmp_path / "staging")], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "hash_differs False", done.stderr


def test_a_check_that_is_cancelled_ends_at_once_and_leaves_nothing(pack: Pack, store: Path):
    cancelled = threading.Event()
    threading.Timer(1.0, cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        check_candidate(pack.folder, store, cancelled=cancelled)
    assert time.monotonic() - began < 2.5
    assert list(store.iterdir()) == []


def test_a_check_that_takes_too_long_is_stopped_and_says_where(pack: Pack, store: Path):
    with pytest.raises(ModelRejected, match="at stage") as refusal:
        check_candidate(pack.folder, store, CheckSettings(timeout_s=1))
    assert refusal.value.reason == "check_timeout"
    assert list(store.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on memory that holds")
@pytest.mark.slow
def test_a_check_that_needs_too_much_memory_is_stopped(pack: Pack, store: Path):
    with pytest.raises(ModelRejected) as refusal:
        check_candidate(pack.folder, store, CheckSettings(memory_bytes=300 << 20))
    assert refusal.value.reason in ("check_memory", "check_crashed")
    assert list(store.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("SIGSEGV", ModelRejected),
        ("SIGABRT", ModelRejected),
        ("SIGKILL", Interrupted),
        ("SIGINT", Interrupted),
    ],
)
def test_a_child_that_crashes_is_a_refusal_and_one_that_is_ended_is_no_verdict(
    pack: Pack, store: Path, number: str, kind: type[NpcVoiceError]
):
    def kill(taken: StageTime) -> None:
        if taken.stage is not Stage.COPY:
            return
        for process in psutil.Process().children():
            if candidate.MODULE in " ".join(process.cmdline()):
                process.send_signal(getattr(signal, number))

    with pytest.raises(kind) as raised:
        check_candidate(pack.folder, store, on_stage=kill)
    assert getattr(raised.value, "reason", "check_crashed") == "check_crashed" and number in str(raised.value)
    assert list(store.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_parent_that_is_killed_takes_the_child_along_and_the_next_clears_up(
    pack: Pack, store: Path, mini: Path
):
    code = (
        "import sys; from pathlib import Path; from sidecar.checks.candidate import check_candidate;"
        "check_candidate(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(pack.folder), str(store)])
    deadline = time.monotonic() + 60
    while not list(store.glob(".checking-*/weights.safetensors")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (checking,) = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    checking.wait(timeout=10)
    assert list(store.glob(".checking-*"))
    taken = check_candidate(mini, store, SILENT).pack
    assert [path.name for path in store.iterdir()] == [taken.folder.name]


def test_what_a_living_check_has_staged_is_left_alone(store: Path):
    with candidate.staging(store) as folder:
        clear_abandoned(store)
        assert folder.is_dir()
    assert list(store.iterdir()) == []


def test_a_store_that_cannot_be_written_is_not_the_packs_fault(mini: Path, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        check_candidate(mini, tmp_path / "file", SILENT)


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit on Windows")
def test_a_disk_that_takes_no_more_is_not_the_packs_fault(pack: Pack, store: Path):
    code = """
import resource, sys
from pathlib import Path
from sidecar.checks.candidate import check_candidate
from sidecar.protocol.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))
try:
    check_candidate(Path(sys.argv[1]), Path(sys.argv[2]))
except StorageError as error:
    print("STORAGE", error.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(pack.folder), str(store)], capture_output=True, text=True
    )
    assert done.stdout.startswith("STORAGE"), done.stderr
    assert list(store.iterdir()) == []


def test_a_child_inherits_no_secrets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    kept = starting.child_environment()
    assert "PATH" in {name.upper() for name in kept}
    assert "SECRET_TOKEN" not in kept and "HOME" not in kept


def test_a_file_that_cannot_be_read_is_named(mini: Path, store: Path):
    (mini / WEIGHTS).chmod(0)
    with like_a_user(), pytest.raises(ModelRejected, match=WEIGHTS) as refusal:
        check_candidate(mini, store, SILENT)
    assert refusal.value.reason == "unreadable"
