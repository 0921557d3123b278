"""What a change of voice costs those who speak.

    python -m tests.benchmarks.swap [--drops N] [--swaps N] [--clients 4]

A real sidecar, the default voice under new versions, clients in a closed loop that say short lines no two of
which are alike. First without changes, then while versions are *dropped* (checked, loaded beside, exchanged),
then while the user goes to and fro between two versions (`activate`: loaded beside and exchanged). Bars: no
request lost, every reply from one version, p99 during changes within 1.5 x the p99 without, exchange within
1 ms, memory back within 2 %.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.client import AsyncClient
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.pack import Pack
from sidecar.protocol.events import ModelLive, ModelRejection, ModelReleased
from tests.benchmarks.figures import percentile
from tests.faults.reversioned import drop
from tests.faults.soak import size
from tests.processes import sidecar

LINE = "Halt!"


@dataclass
class Heard:
    times_ms: list[float] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)


class Company:
    """Clients that talk without pause; `heard` is filled from when it is set again."""

    def __init__(self, file: Path, clients: int) -> None:
        self.heard, self._over = Heard(), asyncio.Event()
        self._tasks = [asyncio.create_task(self._talk(file, number)) for number in range(clients)]

    async def _talk(self, file: Path, number: int) -> None:
        said = 0
        async with AsyncClient(file, timeout_s=60) as client:
            while not self._over.is_set():
                said += 1
                heard, began = self.heard, time.perf_counter()
                try:
                    line = await client.say(LINE, seed=1_000_000 * number + said)
                except Exception as error:
                    heard.lost.append(repr(error))
                    continue
                heard.times_ms.append(1000 * (time.perf_counter() - began))
                heard.versions.add(line.reply.model.version)

    async def stop(self) -> None:
        self._over.set()
        await asyncio.gather(*self._tasks)


def told(title: str, heard: Heard, calm: Heard | None = None) -> None:
    p50, p99 = percentile(heard.times_ms, 50), percentile(heard.times_ms, 99)
    ratio = f", p99 {p99 / percentile(calm.times_ms, 99):.2f} x the calm one" if calm else ""
    worst = max(heard.times_ms)
    print(f"{title}: {len(heard.times_ms)} lines, {len(heard.lost)} lost, ", end="")
    print(f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, worst {worst:.0f} ms{ratio}", flush=True)


def by_stage(log: list[dict], dropped_s: dict[str, float]) -> Iterator[str]:
    """Drop to live: the median seconds of each stage, from the last byte written."""
    spans: dict[str, list[float]] = {}
    for version, at_s in dropped_s.items():
        mine = [entry for entry in log if version_of(entry) == version]
        found, checked, loaded, live = (
            next(entry for entry in mine if entry["event"] == event)
            for event in ("model.found", "checked", "loaded", "model.live")
        )
        spans.setdefault("settle", []).append(found["time"] - at_s)
        for stage, ms in checked["ms"].items():
            spans.setdefault(f"check: {stage}", []).append(ms / 1000)
        spans.setdefault("load beside and probe", []).append(loaded["ms"] / 1000)
        spans.setdefault("from the last byte to live", []).append(live["time"] - at_s)
    for stage, seconds in spans.items():
        yield f"  {stage}: {statistics.median(seconds):.2f} s"


def version_of(entry: dict) -> str:
    """What an entry of the log is about: a source is named after its version here."""
    return str(entry.get("source", entry.get("version", entry.get("to")))).rpartition("-")[2]


async def changed(events, name: str = "live") -> ModelLive:
    """The next version that is live. Raises `RuntimeError` when it is rejected."""
    while True:
        event = await asyncio.wait_for(anext(events), 240)
        if isinstance(event, ModelRejection):
            raise RuntimeError(event)
        if isinstance(event, ModelLive):
            return event


async def released(events) -> None:
    while not isinstance(await asyncio.wait_for(anext(events), 60), ModelReleased):
        pass


async def run(options: argparse.Namespace, file: Path, home: Home, pack: Pack, pid: int) -> None:
    company = Company(file, options.clients)
    async with AsyncClient(file, timeout_s=60) as control:
        events = control.events("model.")
        listening = asyncio.create_task(anext(events))
        await asyncio.sleep(10)
        company.heard = calm = Heard()
        await asyncio.sleep(options.calm)
        told("calm", calm)
        company.heard = dropped = Heard()
        since: dict[str, float] = {}
        for number in range(options.drops):
            at = time.perf_counter()
            drop(pack, home.models, f"1.1.{number}")
            since[f"1.1.{number}"] = time.time()
            if number == 0:
                await asyncio.wait_for(listening, 240)
            event = await changed(events)
            took_s = time.perf_counter() - at
            print(f"  drop to live {took_s:.1f} s, of which after settling {event.ms / 1000:.1f} s")
            await released(events)
        told(f"{options.drops} versions dropped", dropped, calm)
        sizes = []
        company.heard = swapped = Heard()
        for number in range(options.swaps):
            await control.activate("kokoro-82m@1.0.0" if number % 2 == 0 else "kokoro-82m@1.1.0")
            await changed(events)
            await released(events)
            sizes.append(size(pid))
        told(f"{options.swaps} exchanges", swapped, calm)
        every = max(1, len(sizes) // 10)
        print(f"memory MiB in the course of them: {[kib // 1024 for kib, _ in sizes[::every]]}")
        await company.stop()
        await asyncio.sleep(4)
        print(f"memory {size(pid)[0] // 1024} MiB, descriptors {size(pid)[1]} at rest")
        await events.aclose()
    versions = calm.versions | dropped.versions | swapped.versions
    print(f"versions heard: {sorted(versions)}")
    log = [json.loads(line) for line in (home.store / "events.jsonl").read_text("utf-8").splitlines()]
    for line in by_stage(log, since):
        print(line)
    exchanges = [entry["ms"] for entry in log if entry["event"] == "exchange"]
    print(f"pointer exchange: median {statistics.median(exchanges):.3f} ms, worst {max(exchanges):.3f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--drops", type=int, default=3)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--calm", type=float, default=60, help="seconds without changes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, file = Home(Path(folder) / "home"), Path(folder) / "connection.json"
        pack = ensure_default_voice(home)
        with sidecar(file, env={**os.environ, "NPC_VOICE_HOME": str(home.root)}) as process:
            asyncio.run(run(options, file, home, pack, process.pid))


if __name__ == "__main__":
    main()
