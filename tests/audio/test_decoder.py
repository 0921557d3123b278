"""Clips are decoded as if it were here; what a clip does to its child is refused, and no child is left."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from sidecar.audio import clip
from sidecar.audio import decoder as decoding
from sidecar.audio.clip import decoded
from sidecar.audio.decoder import Decoder
from sidecar.audio.decoding_child import ANSWER, CLIP, READY, REFUSAL
from sidecar.children import starting
from sidecar.protocol.errors import BadAudio, InternalError
from tests.audio.test_clip import BAD, NOISE, RATE_HZ, written
from tests.processes import is_running, wait_for

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
BODY = written(NOISE)


@pytest.fixture
def pids(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of all children that were started, in order."""
    started: list[int] = []
    real = starting.start

    def start(*arguments: object, **options: object) -> "subprocess.Popen[bytes]":
        process = real(*arguments, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(decoding, "start", start)
    return started


@pytest.fixture
def decoder(pids: list[int]) -> Iterator[Decoder]:
    """When the test is over, no child may be left, nor a dead one unburied."""
    made = Decoder()
    yield made
    made.stop()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


@pytest.fixture
def acting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes children run some code instead of ours."""

    def act(code: str) -> None:
        imports = f"import os, struct, sys, time\nsys.path[:0] = {starting.library_folders()!r}\n"
        (tmp_path / "acting.py").write_text(imports + code)
        monkeypatch.setattr(starting, "child_command", lambda *_: [sys.executable, tmp_path / "acting.py"])

    return act


def saying(*answers: bytes) -> str:
    """A child that is ready and then says these, one for each clip."""
    lines = [f"sys.stdout.buffer.write({answer!r}); sys.stdout.buffer.flush()" for answer in answers]
    hear = "sys.stdin.buffer.read(struct.unpack('<Q', sys.stdin.buffer.read(8))[0])"
    return f"\n{hear}\n".join(
        [f"sys.stdout.buffer.write({answered(READY)!r}); sys.stdout.buffer.flush()", *lines]
    )


def answered(
    kind: int, content: bytes = b"", rate_hz: int = RATE_HZ, peak: float = 0.0, size: int = -1
) -> bytes:
    return ANSWER.pack(kind, rate_hz, peak, len(content) if size < 0 else size) + content


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "IMA_ADPCM"), ("WAVEX", "FLOAT"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"),
     ("OGG", "OPUS")],
)  # fmt: skip
def test_a_clip_is_the_same_to_the_bit(decoder: Decoder, pids: list[int], kind: str, subtype: str):
    body = written(np.stack([NOISE, NOISE[::-1]], axis=1), kind, subtype)
    there, here = decoder.decoded(body), decoded(body)
    assert there.samples.tobytes() == here.samples.tobytes() and there.samples.dtype == here.samples.dtype
    assert (there.sample_rate_hz, there.peak_dbfs) == (here.sample_rate_hz, here.peak_dbfs)
    assert there.samples.flags.writeable and len(pids) == 1


def test_a_refusal_is_the_same_to_the_word(decoder: Decoder, pids: list[int]):
    for body, _ in BAD.values():
        with pytest.raises(BadAudio) as here:
            decoded(body)
        with pytest.raises(BadAudio) as there:
            decoder.decoded(body)
        assert there.value.message == here.value.message
    assert len(pids) == 1


def test_what_its_bytes_betray_needs_no_child(decoder: Decoder, pids: list[int], monkeypatch):
    monkeypatch.setattr(clip, "MOST_BYTES", len(BODY))
    for body in (b"", b"text", BODY[:-20_000], BODY + b"more", written(NOISE[:8000], subtype="GSM610")):
        with pytest.raises(BadAudio):
            decoder.decoded(body)
    assert not pids


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("os._exit(3)", "ended with code 3"),
        ("import ctypes; ctypes.string_at(0)", "ended with code"),
        ("time.sleep(60)", "takes too long"),
        ("os.close(1); time.sleep(60)", "ended with code"),
        pytest.param("\n while True: pass", "takes too long", marks=on_linux),
        pytest.param("b'x' * (400 << 20)", "ended with code 1", marks=on_linux),
    ],
)
def test_a_clip_that_harms_the_child_is_refused_and_the_next_is_heard(
    decoder: Decoder, pids: list[int], acting, monkeypatch: pytest.MonkeyPatch, code: str, complaint: str
):
    monkeypatch.setattr(decoding, "CLIP_S", 1.0 if "sleep" in code else 60.0)
    acting(
        "from sidecar.audio import decoding_child as ours\nours.CPU_S, real = 1, ours.decoded\n"
        f"def harm(): {code}\n"
        "ours.decoded = lambda body: harm() if body.endswith(b'bad!') else real(body)\nours.main()\n"
    )
    began = time.monotonic()
    with pytest.raises(BadAudio, match=f"cannot be decoded: .*{complaint}"):
        decoder.decoded(BODY + b"bad!")
    assert len(decoder.decoded(BODY).samples) == len(NOISE)
    assert len(set(pids)) == 2 and time.monotonic() - began < 15


SOUND = (NOISE / np.abs(NOISE).max()).tobytes()


@pytest.mark.parametrize(
    "answer",
    [
        answered(9), answered(READY), b"\xff" * 100,
        answered(CLIP), answered(CLIP, SOUND[:-1]), answered(CLIP, SOUND[:1000]),
        answered(CLIP, size=1 << 40),
        answered(CLIP, SOUND, rate_hz=0), answered(CLIP, SOUND, rate_hz=2**31),
        answered(CLIP, SOUND, peak=np.nan),
        answered(CLIP, np.full(RATE_HZ, np.nan, np.float32).tobytes()),
        answered(CLIP, np.full(RATE_HZ, 1.1, np.float32).tobytes()),
        answered(REFUSAL, b"x" * 2000),
    ],
)  # fmt: skip
def test_nonsense_from_a_child_is_a_refusal(decoder: Decoder, acting, answer: bytes):
    acting(saying(answer, b"") + "\ntime.sleep(60)")
    with pytest.raises(BadAudio, match="cannot be decoded: what comes out is not sound"):
        decoder.decoded(BODY)


def test_a_child_that_does_not_start_is_not_the_clips_fault(decoder: Decoder, acting, monkeypatch):
    for code in (
        "sys.exit(1)",
        "print('no answer but a long one')",
        f"sys.stdout.buffer.write({answered(CLIP)!r})",
    ):
        acting(code)
        with pytest.raises(InternalError, match="does not start"):
            decoder.decoded(BODY)
    monkeypatch.setattr(decoding, "START_S", 0.5)
    acting("time.sleep(60)")
    with pytest.raises(InternalError, match="takes too long"):
        decoder.decoded(BODY)
    monkeypatch.setattr(starting, "child_command", lambda *_: ["/nowhere"])
    with pytest.raises(InternalError, match="does not start"):
        decoder.decoded(BODY)


@pytest.mark.parametrize(("bound", "value"), [("CLIPS", 2), ("GROWTH_BYTES", -1 << 40)])
def test_a_child_that_is_worn_makes_way(
    decoder: Decoder, pids: list[int], monkeypatch: pytest.MonkeyPatch, bound: str, value: int
):
    monkeypatch.setattr(decoding, bound, value)
    for _ in range(4):
        decoder.decoded(BODY)
    assert len(pids) == (2 if bound == "CLIPS" else 4) and not any(map(psutil.pid_exists, pids))


def test_a_child_with_nothing_to_do_goes_and_another_comes(
    decoder: Decoder, pids: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(decoding, "IDLE_S", 0.2)
    decoder.decoded(BODY)
    wait_for(lambda: not psutil.pid_exists(pids[0]), timeout_s=10)
    decoder.decoded(BODY)
    assert len(pids) == 2


def test_a_child_that_dies_while_it_waits_costs_no_clip(decoder: Decoder, pids: list[int]):
    decoder.decoded(BODY)
    child = psutil.Process(pids[0])
    child.kill()
    child.wait(10)
    assert len(decoder.decoded(BODY).samples) == len(NOISE) and len(pids) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts with a POSIX signal")
def test_a_clip_that_was_interrupted_leaves_its_answer_to_nobody(decoder: Decoder, pids: list[int], acting):
    acting(
        "from sidecar.audio import decoding_child as ours\nreal = ours.decoded\n"
        "ours.decoded = lambda body: time.sleep(body.endswith(b'slow')) or real(body)\nours.main()\n"
    )
    decoder.decoded(BODY)
    interrupt = (threading.main_thread().ident, signal.SIGINT)
    threading.Timer(0.2, signal.pthread_kill, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        decoder.decoded(written(NOISE / 2) + b"slow")
    assert decoder.decoded(BODY).peak_dbfs == decoded(BODY).peak_dbfs and len(pids) == 2


def test_threads_share_one_child(decoder: Decoder, pids: list[int]):
    bodies = [written(NOISE * (1 - number / 10)) for number in range(6)]
    heard: dict[int, float] = {}
    threads = [
        threading.Thread(target=lambda at=at: heard.update({at: decoder.decoded(bodies[at]).peak_dbfs}))
        for at in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {at: decoded(body).peak_dbfs for at, body in enumerate(bodies)} and len(pids) == 1


def test_a_child_ends_with_its_decoder(pids: list[int]):
    gone = Decoder()
    gone.decoded(BODY)
    assert psutil.pid_exists(pids[0])
    del gone
    assert not psutil.pid_exists(pids[0])


PARENT = """
import os, sys, threading, time
from sidecar.audio import decoder as decoding
real = decoding.start
def start(*arguments, **options):
    process = real(*arguments, **options)
    print(process.pid, flush=True)
    return process
decoding.start, decoder = start, decoding.Decoder()
decoder.decoded(sys.stdin.buffer.read())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes as POSIX has them")
@pytest.mark.parametrize("end", ["", "sys.exit(3)", "1 / 0", "os.kill(os.getpid(), 9)", "os._exit(0)"])
def test_a_child_ends_with_its_process(end: str):
    done = subprocess.run([sys.executable, "-c", PARENT + end], input=BODY, capture_output=True, timeout=60)
    wait_for(lambda: not is_running(int(done.stdout)), timeout_s=10)
