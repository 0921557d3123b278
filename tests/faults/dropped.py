"""Bad packs by the hundred, dropped into the models folder of a sidecar that is speaking.

    python -m tests.faults.dropped [--count 1000]

Miniature packs with every silent defect in turn, in batches. Each must be refused with its reason (or, where
it is not a pack at all, be passed over), none may become live, and no request of the clients may be lost.
"""

import argparse
import itertools
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

from sidecar.client import Client
from sidecar.home import Home
from sidecar.models.trust import TrustPolicy
from sidecar.protocol.reasons import Reason
from sidecar.protocol.replies import ModelRow
from tests.attacks.defects import DEFECTS
from tests.attacks.packs import make_miniature
from tests.attacks.registry import Spoil
from tests.processes import sidecar

BATCH, PATIENCE_S = 100, 60.0


def spoiled(
    good: Path, work: Path, name: str, spoil: Spoil, seed: int
) -> tuple[Path, frozenset[Reason]] | None:
    """A folder or archive to drop; None for kinds that the default policy takes or that are several files."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copytree(good, work / "pack")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        dropped = spoil(work / "pack", random.Random(f"{name} {seed}"))
    source = dropped.source
    whole = not source.is_symlink() and (
        source.is_dir() or source.suffix == ".npcvoice"
    )  # a moved link breaks
    return (source, dropped.reasons) if whole and dropped.policy is TrustPolicy.ANY else None


class Talk:
    """Somebody who asks for lines all the time, a few that are cached or `lines` that are not."""

    def __init__(self, file: Path, lines: int = 50) -> None:
        self.answered, self.lost = 0, list[str]()
        self.took_s = list[float]()
        self._lines = lines
        self._file, self._over, self._may = file, threading.Event(), threading.Event()
        self._may.set()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with Client(self._file, timeout_s=60) as client:
            while self._may.wait() and not self._over.is_set():
                try:
                    began = time.monotonic()
                    client.say("Halt!", seed=self.answered % self._lines)
                    self.took_s.append(time.monotonic() - began)
                    self.answered += 1
                except Exception as error:
                    self.lost.append(repr(error))
                self._over.wait(0.05)

    def pause(self) -> None:
        """Say nothing after the line that is being said, until `resume`."""
        self._may.clear()

    def resume(self) -> None:
        self._may.set()

    def stop(self) -> None:
        self._over.set()
        self._may.set()
        self._thread.join()


def judged(client: Client, names: list[str]) -> dict[str, ModelRow]:
    """The rows of these sources, once all are refused or nothing more happens."""
    until, found = time.monotonic() + PATIENCE_S, dict[str, ModelRow]()
    while len(found) < len(names) and time.monotonic() < until:
        rows = {row.name: row for row in client.models().models if row.state == "rejected"}
        now = {name: rows[name] for name in names if name in rows}
        if len(now) > len(found):
            until = time.monotonic() + PATIENCE_S
        found = now
        time.sleep(0.2)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    kinds, counts, wrong = itertools.cycle(DEFECTS.items()), Counter[str](), list[str]()
    began, seed, dropped = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        root, home, file = Path(folder), Home(Path(folder) / "home"), Path(folder) / "connection.json"
        good = make_miniature(root / "good" / "pack")
        with sidecar(file, env={**os.environ, "NPC_VOICE_HOME": str(home.root)}), Client(file) as client:
            talk = Talk(file)
            while dropped < options.count:
                batch: dict[str, tuple[str, frozenset[Reason]]] = {}
                while len(batch) < min(BATCH, options.count - dropped):
                    seed += 1
                    name, spoil = next(kinds)
                    made = spoiled(good, root / "work", name, spoil, seed)
                    if made is not None:
                        source, reasons = made
                        target = home.models / f"bad-{seed}{source.suffix if not source.is_dir() else ''}"
                        os.rename(source, target)
                        batch[target.name] = (name, reasons)
                dropped += len(batch)
                rows = judged(client, list(batch))
                for target, (name, reasons) in batch.items():
                    reason = rows[target].reason if target in rows else "passed over"
                    counts[str(reason)] += 1
                    expected = {r.value for r in reasons} | (
                        {"passed over"} if Reason.NOT_A_PACK in reasons else set()
                    )
                    if reason not in expected:
                        wrong.append(f"{name} ({target}): {reason}, expected {sorted(expected)}")
                print(f"{dropped} dropped, {len(wrong)} wrong, {talk.answered} lines", flush=True)
            states = Counter(row.state for row in client.models().models)
            print(f"states at the end: {dict(states)}")
            live = [row.name for row in client.models().models if row.state == "live"]
            talk.stop()
    for problem in [*wrong[:20], *talk.lost[:5]]:
        print(f"  WRONG {problem}")
    print(f"reasons: {dict(counts.most_common())}")
    print(f"{dropped} packs, {len(wrong)} wrong, live at the end: {live}, ", end="")
    print(f"{talk.answered} lines answered, {len(talk.lost)} lost, {time.monotonic() - began:.0f} s")
    return bool(wrong or talk.lost or live != ["kokoro-82m"])


if __name__ == "__main__":
    sys.exit(main())
