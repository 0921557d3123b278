"""Takes in memory and on disk: the right one or none, within their limits."""

import os
import queue
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar import files
from sidecar.protocol.replies import LineTiming, ModelName
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.disk_cache import SUFFIX, Damaged, DiskCache, named, packed, unpacked
from sidecar.server.lines.memory_cache import MemoryCache
from sidecar.server.lines.takes import Take, TakeKey, TakePart

MODEL = ModelName("m", "1.0.0", "0" * 64)


def key(text: str = "Hi.", voice: str = "v1", **fields) -> TakeKey:
    return TakeKey.of(voice, Synthesize(text, **fields))


def take(size: int = 1000, parts: int = 1, fill: bytes = b"x") -> Take:
    part = TakePart(
        fill * size,
        size // 2,
        (("hi", 0.0, 0.5),),
        (("h", 0.0, 0.1),),
        ((0.0, 5, 0.2),),
        LineTiming(1, 2, 3, 4, 5),
    )
    return Take((part,) * parts, MODEL, "pcm_s16le", 24_000, 7)


def test_what_changes_the_sound_changes_the_key():
    keys = {
        key(), key("Ho."), key(voice="v2"), key(speaker="a"), key(speaker=1), key(speaker={"a": 1.0}),
        key(speed=1.1), key(pitch=1.0), key(language="en-GB"), key(sample_rate=8000), key(seed=1),
        key(format="wav"), key(format="wav", stream=True), key(emotion="sad"),
        key(emotion="sad", intensity=1.0), key(emotion={"sad": 0.5}),
    }  # fmt: skip
    assert len(keys) == 16
    assert len({named(k) for k in keys}) == 16


def test_what_does_not_change_the_sound_does_not_change_the_key():
    for fields in (
        {"stream": True}, {"timings": ("words",)}, {"priority": "bark"}, {"deadline_ms": 5},
        {"intensity": 1.0}, {"emotion": {"neutral": 1.0}}, {"model": "m"},
    ):  # fmt: skip
        assert key(**fields) == key()
    assert key(speaker={"b": 2.0, "a": 1.0}) == key(speaker={"a": 1.0, "b": 2.0})


def test_the_least_recently_used_goes_first_when_memory_is_full():
    cache = MemoryCache(3 * take().size_bytes)
    for name in "abc":
        cache.put(key(name), take())
    cache.get(key("a"))
    cache.put(key("d"), take())
    assert [bool(cache.get(key(name))) for name in "abcd"] == [True, False, True, True]
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.entries, stats.bytes) == (4, 1, 3, 3 * take().size_bytes)


def test_memory_is_bounded_whatever_comes():
    cache = MemoryCache(5000)
    cache.put(key("big"), take(10_000))
    assert cache.get(key("big")) is None
    for number in range(100):
        cache.put(key(str(number % 7)), take(number * 10))
        assert cache.stats().bytes <= 5000


def test_takes_of_models_that_are_gone_are_forgotten():
    cache = MemoryCache(1 << 20)
    cache.put(key(voice="old"), take())
    cache.put(key(voice="new"), take())
    cache.keep_only(frozenset({"new"}))
    assert cache.get(key(voice="old")) is None and cache.get(key(voice="new")) is not None
    assert cache.stats().bytes == take().size_bytes


class Shelf:
    """A disk cache whose answers can be waited for."""

    def __init__(self, folder: Path, limit_bytes: int = 1 << 20) -> None:
        self.answers: queue.Queue = queue.Queue()
        self.cache = DiskCache(folder, limit_bytes, lambda key, take: self.answers.put((key, take)))
        self.cache.start()

    def get(self, wanted: TakeKey) -> Take | None:
        assert self.cache.look_up(wanted)
        found, take = self.answers.get(timeout=10)
        assert found == wanted
        return take


@pytest.fixture
def shelf(tmp_path: Path):
    shelf = Shelf(tmp_path / "cache")
    yield shelf
    shelf.cache.stop()


def test_a_take_survives_a_restart(tmp_path: Path):
    first = Shelf(tmp_path)
    first.cache.keep(key(), take(parts=3))
    first.cache.stop()
    second = Shelf(tmp_path)
    found = second.get(key())
    second.cache.stop()
    bare = tuple(replace(part, timing=LineTiming()) for part in take(parts=3).parts)
    assert found == replace(take(parts=3), parts=bare)


def test_another_line_is_not_found(shelf: Shelf):
    shelf.cache.keep(key(), take())
    assert shelf.get(key("Ho.")) is None


def test_a_damaged_entry_is_dropped_not_served(shelf: Shelf, tmp_path: Path):
    shelf.cache.keep(key(), take())
    assert shelf.get(key()) is not None
    (file,) = (tmp_path / "cache").glob(f"*{SUFFIX}")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert shelf.get(key()) is None
    assert not file.exists()


def test_an_entry_under_anothers_name_is_dropped(shelf: Shelf, tmp_path: Path):
    shelf.cache.keep(key("one"), take())
    shelf.cache.keep(key("two"), take(fill=b"y"))
    assert shelf.get(key("two")) is not None
    one, two = (shelf.cache._path(key(name)) for name in ("one", "two"))
    os.replace(two, one)
    assert shelf.get(key("one")) is None


@pytest.mark.parametrize("cut", [0, 1, 31, 32, 35, 36, 40, 100, -1])
def test_a_truncated_entry_is_damaged_at_any_length(cut: int):
    content = packed(named(key()), take())
    with pytest.raises(Damaged):
        unpacked(content[:cut], named(key()))


def test_the_disk_is_bounded_and_the_oldest_go(tmp_path: Path):
    size = len(packed(named(key("0")), take()))
    shelf = Shelf(tmp_path, 3 * size + size // 2)
    for number in range(6):
        shelf.cache.keep(key(str(number)), take())
        assert shelf.get(key(str(number))) is not None
        os.utime(shelf.cache._path(key(str(number))), (number, number))
    assert [shelf.get(key(str(number))) is not None for number in range(6)] == [False] * 3 + [True] * 3
    shelf.cache.stop()
    assert sum(path.stat().st_size for path in tmp_path.glob("*")) <= 3 * size + size // 2


def test_a_full_disk_is_a_warning_and_no_file(shelf: Shelf, tmp_path: Path, monkeypatch, caplog):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "replace", full)
    shelf.cache.keep(key(), take())
    assert shelf.get(key()) is None
    assert "No space left" in caplog.text
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_bug_on_the_disks_thread_answers_who_waits_and_the_thread_goes_on(
    shelf: Shelf, monkeypatch, caplog
):
    with monkeypatch.context() as patched:
        patched.setattr(shelf.cache, "_path", lambda _: 1 // 0)
        shelf.cache.keep(key(), take())
        assert shelf.get(key()) is None
    shelf.cache.keep(key(), take())
    assert shelf.get(key()) is not None
    assert "could not be cached" in caplog.text and "could not be read" in caplog.text
