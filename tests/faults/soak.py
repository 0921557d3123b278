"""Nothing lost: many clients, polite and rude, and a sidecar that is killed and started again.

    python -m tests.faults.soak [--requests 20000] [--clients 24] [--rude 8] [--kills 3]

Half of the requests are made of a sidecar that lives, to see whether its memory and descriptors return to
where they were; half while it is killed (SIGKILL) and started again. Every polite request must get exactly
one right answer, its sound equal to a direct synthesis in this process. Linux only.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from sidecar import Voice
from sidecar.client import Client
from sidecar.protocol.connection import Connection
from tests.faults.rude import ACTS
from tests.processes import is_running, start

PROCESSES, PARTS = 3, 5
TEXTS = [
    "Halt!", "Who goes there?", "Say that again.", "I have all day.", "Nobody waits for this line.",
    "That'll be 340 gold, traveler.", "The old mine is sealed.", "Duck!", "Is anybody there?",
    "Take a lantern, take a rope, and for pity's sake take somebody with you who can sing, because it is "
    "dark, and the dark down there is long.",
]  # fmt: skip


def direct(texts: list[str]) -> dict[str, str]:
    """What each text sounds like, spoken here."""
    voice = Voice.load()
    return {text: hashlib.sha256(voice.synthesize(text).encoded("pcm_s16le")).hexdigest() for text in texts}


class Rude:
    """Rude clients on threads of this process, until told to stop."""

    def __init__(self, file: Path, count: int, seed: int) -> None:
        self.acts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._file, self._over = file, threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(seed + n,)) for n in range(count)]

    def __enter__(self) -> "Rude":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._over.is_set():
            act = chance.choice(ACTS)
            before = self._connection()
            if before is not None:
                try:
                    act(before, chance)
                    self.acts[act.__name__] += 1
                except Exception as error:
                    if self._connection() == before:  # else the sidecar was killed meanwhile
                        self.wrong.append(f"{act.__name__}: {error!r}")
            self._over.wait(0.05)

    def _connection(self) -> Connection | None:
        try:
            connection = Connection.read(self._file)
        except OSError:
            return None
        return connection if is_running(connection.pid) else None


def polite(file: Path, lines: Path, requests: int, clients: int, seed: int) -> list["subprocess.Popen[str]"]:
    return [
        subprocess.Popen(
            [
                sys.executable, "-m", "tests.faults.polite", str(file), str(lines),
                str(requests // PROCESSES), str(max(1, clients // PROCESSES)), str(seed + 1000 * number),
            ],
            stdout=subprocess.PIPE, text=True,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip


def results(processes: list["subprocess.Popen[str]"]) -> dict[str, int | list[str]]:
    """The sum of what they found."""
    total: dict[str, int | list[str]] = {"asked": 0, "right": 0, "wrong": []}
    for process in processes:
        output, _ = process.communicate()
        found = json.loads(output)
        total = {key: total[key] + found[key] for key in total}
    return total


def size(pid: int) -> tuple[int, int]:
    """Resident KiB and open descriptors."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def at_rest(pid: int) -> tuple[int, int]:
    """Its size once connections that were left are gone: no fewer descriptors for half a second, in 3 s."""
    until, found = time.monotonic() + 3, size(pid)
    while time.monotonic() < until:
        time.sleep(0.5)
        before, found = found, size(pid)
        if found[1] >= before[1]:
            break
    return found


def undisturbed(file: Path, lines: Path, options: argparse.Namespace) -> bool:
    """The half with a sidecar that lives, in parts: the last may leave no more than the one before."""
    process = start(file)
    sizes, good = [], True
    try:
        for round_ in range(PARTS):
            with Rude(file, options.rude, options.seed + round_) as rude:
                found = results(
                    polite(
                        file,
                        lines,
                        options.requests // 2 // PARTS,
                        options.clients,
                        options.seed + 77 * round_,
                    )
                )
            sizes.append(at_rest(process.pid))
            good &= report(f"undisturbed, part {round_ + 1}", found, rude)
    finally:
        process.terminate()
        process.communicate()
    print("memory after each part:", ", ".join(f"{memory / 1024:.0f} MiB" for memory, _ in sizes))
    (memory, files), (later_memory, later_files) = sizes[-2:]
    growth = (later_memory - memory) / memory
    print(f"memory {memory / 1024:.0f} -> {later_memory / 1024:.0f} MiB ({100 * growth:+.1f} %), ", end="")
    print(f"descriptors {files} -> {later_files}")
    return good and growth < options.growth and later_files <= files


def disturbed(file: Path, lines: Path, options: argparse.Namespace) -> bool:
    """The half in which the sidecar is killed and started again."""
    chance = random.Random(options.seed)
    process = start(file)
    try:
        with Rude(file, options.rude, options.seed) as rude:
            clients = polite(file, lines, options.requests // 2, options.clients, options.seed + 5)
            for _ in range(options.kills):
                time.sleep(chance.uniform(2, 6))
                process.kill()
                process.communicate()
                process = start(file)
            found = results(clients)
        with Client(file) as client:
            client.ping()
        return report(f"killed {options.kills} times", found, rude)
    finally:
        process.terminate()
        process.communicate()


def report(title: str, found: dict, rude: Rude) -> bool:
    acts = sum(rude.acts.values())
    print(f"{title}: {found['right']} of {found['asked']} requests answered rightly, {acts} rude acts")
    for problem in [*found["wrong"], *rude.wrong][:20]:
        print(f"  WRONG {problem}")
    return found["right"] == found["asked"] and not rude.wrong


def main(arguments: list[str] | None = None) -> bool:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--rude", type=int, default=8)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--growth", type=float, default=0.02, help="of resident memory, as a share, at most")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        file, lines = Path(folder) / "connection.json", Path(folder) / "lines.json"
        lines.write_text(json.dumps(direct(TEXTS)), "utf-8")
        began = time.monotonic()
        good = undisturbed(file, lines, options)
        good &= disturbed(file, lines, options)
        print(f"{'nothing lost' if good else 'FAILED'}, {time.monotonic() - began:.0f} s")
    return good


if __name__ == "__main__":
    sys.exit(not main())
