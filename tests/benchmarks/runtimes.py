"""The two runtimes beside each other: processor time in one run, memory and start in processes of their own.

    python -m tests.benchmarks.runtimes [--rounds N]

Every contender says the same phonemes in turn, round after round, with one thread. Processor time is told,
which other tenants of a machine move far less than wall time; the median round counts. Ratios over 1 mean
slower than PyTorch in float32. Memory is that of a process without PyTorch that speaks as a user's would:
resident at rest, and the most that was seen while it spoke.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

from sidecar.engines.base import Engine
from sidecar.engines.runtimes import place, runtime
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice, write_compact
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack, open_pack
from sidecar.prosody.plan import Phrase
from tests.benchmarks.engine import LINES

CONTENDERS = (
    ("torch", "float32", False),
    ("torch", "bfloat16", False),
    ("onnx", "float32", False),
    ("onnx", "float32", True),
)
#: Speaks with a pack and a runtime, and says how it went; PyTorch cannot be loaded where it is not used.
CHILD = """
import json, os, sys, threading, time
began = float(sys.argv[3])

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

if sys.argv[2] == "onnx":
    sys.modules["torch"] = None
from sidecar.voice import Voice
voice = Voice.load(sys.argv[1], device="cpu", precision="float32", runtime=sys.argv[2], threads=1)
line = "Welcome to the Gilded Griffin, stranger, what will it be?"
next(voice.stream(line))
first_s = time.time() - began
most, ended = [0.0], threading.Event()

def watch():
    while not ended.wait(0.01):
        most[0] = max(most[0], resident_mib())

threading.Thread(target=watch, daemon=True).start()
for _ in range(3):
    voice.synthesize(line + " " + line)
ended.set()
from sidecar.server.process.host import give_back_memory
give_back_memory()
print(json.dumps({"first_s": first_s, "rest_mib": resident_mib(), "speaking_mib": most[0],
                  "processor_s": time.process_time()}))
"""


def packs(folder: Path) -> dict[bool, Pack]:
    """The default voice with float16 weights and with int8 ones."""
    write_compact(folder / "compact")
    return {False: ensure_default_voice(Home.from_environment()), True: open_pack(folder / "compact")}


def speaking(engine: Engine) -> Callable[[str], tuple[float, float]]:
    speaker = engine.speaker("af_heart")

    def speak(phonemes: str) -> tuple[float, float]:
        """Processor time, and how much speech, in seconds."""
        began = time.process_time()
        (samples,) = engine.render(engine.plan([Phrase(phonemes, speaker, speaker)]), [1])
        return time.process_time() - began, len(samples) / engine.description.sample_rate_hz

    return speak


def name_of(contender: tuple[str, str, bool]) -> str:
    by, precision, compact = contender
    return f"{by}, {precision}{', weights int8' if compact else ''}"


def speeds(found: dict[bool, Pack], rounds: int) -> None:
    for name in ("torch", "onnx"):
        runtime(name).set_threads(1)
    speakers = {
        name_of(one): speaking(load_model(found[one[2]], place("cpu", one[1], one[0])).engine)
        for one in CONTENDERS
    }
    for line, phonemes in LINES.items():
        taken: dict[str, list[float]] = {name: [] for name in speakers}
        for round_number in range(rounds + 1):
            for name, speak in speakers.items():
                work_s, speech_s = speak(phonemes)
                if round_number:  # the first warms up
                    taken[name].append(work_s / speech_s)
        middle = {name: statistics.median(row) for name, row in taken.items()}
        base = middle[name_of(CONTENDERS[0])]
        for name, value in middle.items():
            spread = np.ptp(taken[name]) / value / 2
            print(f"{line:9} {name:28} {value:.3f} s a second of speech  {value / base:.2f} x  ±{spread:.0%}")


def memory(found: dict[bool, Pack]) -> None:
    for by, compact in (("torch", False), ("onnx", False), ("onnx", True)):
        command = [sys.executable, "-c", CHILD, str(found[compact].folder), by, str(time.time())]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(name_of((by, "float32", compact)), json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory-only", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = packs(Path(folder))
        print("load average", *(f"{one:.1f}" for one in os.getloadavg()))
        memory(found)
        if not given.memory_only:
            speeds(found, given.rounds)
        print("load average", *(f"{one:.1f}" for one in os.getloadavg()))


if __name__ == "__main__":
    main()
