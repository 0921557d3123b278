"""Clips that harm the decoder: they are refused, and the process that was sent them is as it was."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.audio import hostile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures what Linux tells of a process")

LISTEN = """
import json, os, psutil, resource, sys
from sidecar.prosody.clip_memory import ClipMemory
from sidecar.children.inside import peak_memory_bytes
from sidecar.protocol.errors import BadAudio
clip, process = sys.stdin.buffer.read(), psutil.Process()
ClipMemory().listen(clip[:100])
before, began = process.memory_info().rss, sum(os.times()[:4])
refused = [isinstance(ClipMemory().listen(clip), BadAudio) for _ in range(int(sys.argv[1]))]
peak = max(peak_memory_bytes(), 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(json.dumps([all(refused), process.memory_info().rss - before, peak, sum(os.times()[:4]) - began]))
"""


@dataclass(frozen=True)
class Heard:
    """`kept_bytes`: memory not given back; `peak_bytes` and `took_s` of processor time with its children."""

    is_refused: bool
    kept_bytes: int
    peak_bytes: int
    took_s: float


def heard(clip: bytes, times: int = 1) -> Heard:
    """What became of a process of its own that listens to the clip."""
    command = [sys.executable, "-c", LISTEN, str(times)]
    done = subprocess.run(command, input=clip, capture_output=True, timeout=300)
    assert done.returncode == 0, f"ended with code {done.returncode}: {done.stderr[-500:]!r}"
    return Heard(*json.loads(done.stdout))


def test_a_clip_that_ends_the_decoder_is_refused():
    assert heard(hostile.crashing()).is_refused


def test_a_clip_that_asks_for_gigabytes_is_refused_before_it_gets_them():
    result = heard(hostile.swelling())
    assert result.is_refused and result.peak_bytes < 600 << 20


def test_what_a_bad_clip_leaks_does_not_add_up():
    result = heard(hostile.leaking(), times=4)
    assert result.is_refused and result.kept_bytes < 64 << 20


def test_a_clip_that_is_all_work_is_given_up():
    result = heard(hostile.slow())
    assert result.is_refused and result.took_s < 6
