"""Lines come out the same whoever speaks them; who dies costs no line, a kill nothing made."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import soundfile

from sidecar.audio.effects import Effect
from sidecar.baking import speakers
from sidecar.baking.clip import Clip
from sidecar.baking.differences import Wanted
from sidecar.baking.keys import line_key, model_key
from sidecar.baking.messages import Task, order_line, order_of, read_answer, write_answer
from sidecar.baking.orders import Order
from sidecar.baking.script import Failure
from sidecar.baking.speakers import OtherSpeaker, OwnSpeaker, clips
from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.prosody.change import Change
from sidecar.protocol.requests import Synthesize
from sidecar.voice import Voice
from tests.baking.scripts import plans_of, script_of
from tests.fakes import tone_voice

TIMEOUT_S = 300
CAPTURED = dict(capture_output=True, text=True, timeout=TIMEOUT_S)
TEXTS = ("No.", "Who is there?", "Yes, my lord.", "Stop!")


def order(id: str, text: str = "No.", **fields) -> Order:
    return Order(2, id, id, "Mara", Synthesize(text, **fields), "ogg", ("oculus",), ("vtt",), True)


def test_an_order_is_the_same_at_the_other_end():
    sent = [
        order("a"),
        order("b", speaker={"alto": 0.5, "bass": 0.5}, emotion={"sad": 1.0}, seed=2**40, pitch=-1.5),
        Order(3, "c", "c", "", Synthesize("Ä", speaker=3), "flac", (), (), False, Change(f0_st=2.5)),
        order("d", effect="ghost"),
        Order(4, "e", "e", "", Synthesize("E"), "wav", (), (), True, effect=Effect(ring_hz=40, ring_share=1)),
    ]
    for one in sent:
        assert order_of(order_line(one, "key")) == (one, "key")


def test_an_answer_is_the_same_at_the_other_end(tmp_path: Path):
    (wanted,) = plans_of(tmp_path, [{"id": "a", "text": "Hm."}]).wanted
    clip = OwnSpeaker(tone_voice().synthesizer).clip(wanted)
    assert isinstance(clip, Clip)
    stream = io.BytesIO()
    for answer in (None, clip, Failure(2, "a", "no", "text")):
        write_answer(stream, answer)
    stream.seek(0)
    assert [read_answer(stream) for _ in range(3)] == [None, clip, Failure(2, "a", "no", "text")]
    with pytest.raises(EOFError):
        read_answer(stream)


class Broken:
    """An engine with a bug."""

    def prepare(self, line):
        raise ZeroDivisionError("a bug")


def test_a_bug_costs_its_line():
    failure = OwnSpeaker(Broken()).clip(Wanted(order("a"), "key"))  # type: ignore[arg-type]
    assert isinstance(failure, Failure) and failure.id == "a" and "ZeroDivisionError" in failure.message


class Counted(OwnSpeaker):
    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_whoever_stops_asking_ends_the_speakers(tmp_path: Path):
    wanted = plans_of(tmp_path, [{"id": f"a{n}", "text": "Hm."} for n in range(20)]).wanted
    speakers = [Counted(tone_voice().synthesizer), Counted(tone_voice().synthesizer)]
    coming = clips(wanted, speakers)
    assert isinstance(next(coming), Clip)
    coming.close()
    assert all(speaker.closed for speaker in speakers)
    assert len(list(clips(wanted, speakers))) == 20


class Slow:
    """A process that never answers."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def __call__(self, module: str, arguments: list[str], **options) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self.begun.set()
        return process


def test_a_speaker_is_closed_by_others_while_it_speaks_and_leaves_no_process(monkeypatch):
    started = Slow()
    monkeypatch.setattr(speakers, "start", started)
    other, answers = OtherSpeaker(Task("", "", "float32", "auto")), []
    speaking = threading.Thread(target=lambda: answers.append(other.clip(Wanted(order("a"), "key"))))
    speaking.start()
    assert started.begun.wait(TIMEOUT_S)
    closing = [threading.Thread(target=other.close) for _ in range(8)]
    for thread in closing:
        thread.start()
    for thread in (*closing, speaking):
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
    assert isinstance(answers[0], Failure) and other._process is None
    late = other.clip(Wanted(order("b"), "key"))
    assert isinstance(late, Failure) and "no more lines" in late.message and other._process is None


def test_an_answer_that_is_none_costs_its_line(monkeypatch):
    said = "import sys; sys.stdin.buffer.readline(); sys.stdout.buffer.write(b'\\x01' + bytes(7) + b'\\xc1')"
    monkeypatch.setattr(
        speakers, "start",
        lambda *_, **__: subprocess.Popen(
            [sys.executable, "-c", said], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ),
    )  # fmt: skip
    failure = OtherSpeaker(Task("", "", "float32", "auto")).clip(Wanted(order("a"), "key"))
    assert isinstance(failure, Failure) and failure.id == "a" and "ended with code" in failure.message


@pytest.mark.slow
def test_another_process_speaks_the_very_same_bytes_and_its_death_costs_no_line(
    pack: Pack, home: Home, voice: Voice
):
    model = model_key(voice.synthesizer.model)

    def wanted(text: str) -> Wanted:
        one = order(text[:2], text, speaker="am_michael")
        return Wanted(one, line_key(model, voice.synthesizer.prepare(one.line), one))

    other = OtherSpeaker(Task(str(home.root), "", voice.description.precision, "auto"))
    own = OwnSpeaker(voice.synthesizer)
    try:
        assert other.clip(wanted(TEXTS[1])) == next(clips([wanted(TEXTS[1])], [own]))
        assert other._process is not None
        other._process.send_signal(signal.SIGTERM)
        assert other.clip(wanted(TEXTS[0])) == next(clips([wanted(TEXTS[0])], [own]))
    finally:
        other.close()


def command(folder: Path, script: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "sidecar", "bake", str(script), "--out", str(folder), "--json", *more]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_bake_is_gone_on_with_and_ends_with_the_same_bytes(pack: Pack, tmp_path: Path):
    lines = [{"id": f"a-{n}", "speaker": "bm_george", "text": text} for n, text in enumerate(TEXTS)]
    script = script_of(tmp_path, [*lines, {"id": "wrong", "text": "Hm.", "speaker": "bm_gorge"}])
    out, again = tmp_path / "out", tmp_path / "again"
    process = subprocess.Popen(
        command(out, script, "--workers", "1"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until_s = time.monotonic() + TIMEOUT_S
    while not list(out.glob("*.wav")) and process.poll() is None and time.monotonic() < until_s:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = [path.name for path in out.glob("*.wav")]
    assert 0 < len(there) < len(TEXTS)
    for name in there:
        assert soundfile.info(out / name).frames > 1000
    done = [
        subprocess.run(command(folder, script, "--workers", workers), **CAPTURED)
        for folder, workers in ((out, "2"), (again, "1"))
    ]
    first, second = (json.loads(one.stdout) for one in done)
    assert [one.returncode for one in done] == [6, 6]
    assert first["made"] + first["kept"] == second["made"] == len(TEXTS)
    assert first["kept"] >= len(there) - 1
    assert first["failed"][0]["row"] == 5 and "did you mean 'bm_george'" in first["failed"][0]["message"]
    made = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert made == {path.name: path.read_bytes() for path in again.iterdir() if path.is_file()}
