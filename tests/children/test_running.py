"""A child answers in lines, ends with its parent's patience, and its last words are kept."""

import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sidecar.children import starting
from sidecar.children.running import run_child


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a module of some code that a child can run."""

    def make(code: str) -> str:
        (tmp_path / "acting.py").write_text(code)
        return str(tmp_path / "acting.py")

    monkeypatch.setattr(starting, "child_command", lambda file, arguments: [sys.executable, file, *arguments])
    return make


def test_reports_come_in_order_and_noise_is_passed_over(module):
    code = "import json\nprint('noise')\nfor n in range(3): print(json.dumps({'n': n}))\nprint('[1]')"
    heard: list[int] = []
    ended = run_child(module(code), [], timeout_s=30, on_report=lambda report: heard.append(report["n"]))
    assert [report["n"] for report in ended.reports] == heard == [0, 1, 2]
    assert ended.code == 0 and not ended.timed_out


def test_a_request_is_the_childs_first_line(module):
    code = "import sys\nprint(sys.stdin.readline(), flush=True)"
    assert run_child(module(code), [], timeout_s=30, request={"a": 1}).reports == ({"a": 1},)


def test_the_end_of_what_it_said_is_kept(module):
    ended = run_child(
        module("import sys\nsys.stderr.write('x' * 100_000)\nraise SystemExit('last words')"),
        [],
        timeout_s=30,
    )
    assert ended.code == 1 and ended.last_words.endswith("last words") and len(ended.last_words) <= 4096


def test_a_child_that_hangs_or_floods_is_stopped(module):
    for code in ("import time\ntime.sleep(60)", "while True: print('{}')", "import sys\nsys.stdin.read()"):
        began = time.monotonic()
        ended = run_child(module(code), [], timeout_s=0.5)
        assert ended.timed_out and time.monotonic() - began < 5
        assert len(ended.reports) <= 1000


def test_a_child_can_be_called_off(module):
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    assert run_child(module("import time\ntime.sleep(60)"), [], timeout_s=60, cancelled=cancelled).cancelled


def test_a_listener_that_fails_ends_the_child(module):
    def fail(_report: object) -> None:
        raise RuntimeError("listener")

    began = time.monotonic()
    with pytest.raises(RuntimeError, match="listener"):
        run_child(
            module("import time\nprint('{}', flush=True)\ntime.sleep(60)"), [], timeout_s=60, on_report=fail
        )
    assert time.monotonic() - began < 5


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child begins with nothing anyway")
def test_a_childs_peak_is_its_own_and_not_its_parents(module):
    code = f"import sys\nsys.path[:0] = {starting.library_folders()!r}\n"
    code += "from sidecar.children.inside import peak_memory_bytes, report\nreport(peak=peak_memory_bytes())"
    ballast = np.ones(100 << 20, np.uint8)
    (said,) = run_child(module(code), [], timeout_s=30).reports
    assert 1 << 20 < said["peak"] < ballast.nbytes
