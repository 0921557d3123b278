"""Good and bad loads in turn, into a sidecar that is speaking: what they take must come back.

    python -m tests.faults.loads [--count 200]

The default voice. A good load changes to and fro between two versions of it; a bad one drops a pack of its
size that is refused for how it sounds, the last of the checks. Every few pairs the speaker pauses and memory
is taken at rest: what speaking takes for the moment varies by more than what is looked for. Before that long
lines are spoken until all of the 64 MiB are filled that the sidecar keeps of spoken lines. Memory after the
first pairs is compared with that at the end (bar: 2 %); no request may be lost.
"""

import argparse
import asyncio
import itertools
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from sidecar.client import AsyncClient, Client
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.pack import Pack
from sidecar.protocol.events import ModelLive, ModelRejection
from tests.attacks.defects import SOUNDING_DEFECTS
from tests.faults.dropped import Talk
from tests.faults.reversioned import drop
from tests.faults.soak import size
from tests.processes import sidecar

TOLERANCE, PATIENCE_S, REST_S, MIBI = 1.02, 300.0, 6.0, 1024
KEPT_BYTES = 60 * MIBI**2  #: of what the sidecar keeps of lines, nearly all
LONG = (
    "The old mine has been sealed for ten long years, and nobody who went in ever came out of it again. " * 4
)


async def told(events: AsyncIterator[object], kind: type) -> object:
    """The next event of that kind."""
    while True:
        event = await asyncio.wait_for(anext(events), PATIENCE_S)
        if isinstance(event, kind):
            return event


def drop_bad(pack: Pack, work: Path, models: Path, name: str, number: int) -> Path:
    """A copy that sounds wrong, named after its defect."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(pack.folder, work / "pack")
    spoilt = SOUNDING_DEFECTS[name](work / "pack", random.Random(number)).source
    target = models / f"bad-{number}{'' if spoilt.is_dir() else spoilt.suffix}"
    os.rename(spoilt, target)
    return target


def fill(file: Path) -> None:
    """Speak until the sidecar forgets its first lines."""
    with Client(file, timeout_s=60) as client:
        for seed in itertools.count():
            client.say(LONG, seed=seed, format="pcm_f32le")
            if client.stats().cache.bytes > KEPT_BYTES:
                return


async def at_rest(talk: Talk, pid: int) -> tuple[int, int]:
    """KiB and descriptors when nobody speaks and what was released has been given back."""
    talk.pause()
    await asyncio.sleep(REST_S)
    found = size(pid)
    talk.resume()
    return found


async def run(options: argparse.Namespace, file: Path, home: Home, pack: Pack, pid: int, talk: Talk) -> bool:
    sizes: list[int] = []
    kinds = itertools.cycle(SOUNDING_DEFECTS)
    async with AsyncClient(file, timeout_s=120) as control:
        events = control.events("model.")
        first = asyncio.create_task(anext(events))
        await asyncio.sleep(1)
        drop(pack, home.models, "1.1.0")
        await first
        await told(events, ModelLive)
        for number in range(options.count):
            began = time.monotonic()
            await control.activate("kokoro-82m@1.0.0" if number % 2 == 0 else "kokoro-82m@1.1.0")
            await told(events, ModelLive)
            bad = drop_bad(pack, home.root / "work", home.models, next(kinds), number)
            refused = await told(events, ModelRejection)
            shutil.rmtree(bad) if bad.is_dir() else bad.unlink()
            if (number + 1) % options.every == 0:
                kib, descriptors = await at_rest(talk, pid)
                sizes.append(kib)
                print(
                    f"{number + 1} good and bad loads: {kib // MIBI} MiB at rest, {descriptors} descriptors, "
                    f"{time.monotonic() - began:.0f} s for the last pair, refused for {refused.reason}",
                    flush=True,
                )
        await events.aclose()
    print(f"{sizes[-1] / sizes[0]:.3f} x the memory after the first {options.every} pairs (bar {TOLERANCE})")
    return sizes[-1] <= TOLERANCE * sizes[0]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--every", type=int, default=20, help="pairs between two looks at the memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, file = Home(Path(folder) / "home"), Path(folder) / "connection.json"
        pack = ensure_default_voice(home)
        with sidecar(file, env={**os.environ, "NPC_VOICE_HOME": str(home.root)}) as process:
            fill(file)
            talk = Talk(file)
            try:
                good = asyncio.run(run(options, file, home, pack, process.pid, talk))
            finally:
                talk.stop()
    print(f"{talk.answered} lines answered, {len(talk.lost)} lost {talk.lost[:3]}")
    return not good or bool(talk.lost)


if __name__ == "__main__":
    sys.exit(main())
