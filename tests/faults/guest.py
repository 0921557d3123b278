"""An EmotiVoice model at its full size, brought into a sidecar that is speaking with the default voice.

    python -m tests.faults.guest

Random weights in the layout of the published files (213 MB and 1.16 GB) are imported by the command line; the
most memory that took is printed. The pack is then dropped into the models folder: it must become live beside
the default voice and speak, whole and in pieces, and no line of the default voice may be lost or changed. How
long those took before, while it was checked and loaded, and after is printed.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sidecar.client import Client
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from tests.benchmarks.figures import percentile
from tests.engines.emotivoice_full import write_full_size
from tests.faults.dropped import Talk
from tests.processes import sidecar, wait_for

NAME, LINE, MIB = "full-size", "The old mine has been sealed for ten years.", 2**20
QUIET_S = 20.0


def imported(files: list[Path], home: Home) -> Path:
    """The pack's folder, made as a modder makes it."""
    command = [
        sys.executable,
        "-m",
        "sidecar",
        "pack",
        "import",
        *map(str, files),
        "--name",
        NAME,
        "--unheard",
    ]
    began = time.monotonic()
    subprocess.run(command, env={**os.environ, "NPC_VOICE_HOME": str(home.root)}, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    given = sum(file.stat().st_size for file in files)
    print(
        f"imported {given / 1e9:.2f} GB in {time.monotonic() - began:.0f} s, "
        f"at most {peak / MIB:.0f} MiB in one process",
        flush=True,
    )
    (folder,) = home.models.glob(f"{NAME}*")
    return folder


def spread(name: str, took_s: list[float]) -> None:
    median, p99, worst = (1000 * percentile(took_s, q) for q in (50, 99, 100))
    print(
        f"  {name}: {len(took_s)} lines, median {median:.0f} ms, p99 {p99:.0f} ms, worst {worst:.0f} ms",
        flush=True,
    )


def bring_in(client: Client, talk: Talk, pack: Path, models: Path) -> list[str]:
    """What went wrong."""
    before = client.say(LINE, seed=1).audio
    time.sleep(QUIET_S)
    first = len(talk.took_s)
    began = time.monotonic()
    pack.rename(models / pack.name)
    wait_for(lambda: any(row.name == NAME and row.state in ("live", "rejected") for row in rows(client)))
    row = next(row for row in rows(client) if row.name == NAME)
    if row.state != "live":
        return [f"{row}"]
    print(f"live {time.monotonic() - began:.1f} s after the drop")
    live = len(talk.took_s)
    whole = client.say(LINE, model=NAME, seed=1)
    pieces = list(client.stream(LINE, model=NAME, seed=1))
    print(f"  it says {whole.duration_s:.2f} s, streamed in {len(pieces)} pieces")
    time.sleep(QUIET_S)
    spread("before", talk.took_s[:first])
    spread("while it was checked and loaded", talk.took_s[first:live])
    spread("after", talk.took_s[live:])
    wrong = [] if client.say(LINE, seed=1).audio == before else ["the default voice sounds different"]
    return wrong + ([] if whole.duration_s > 1 and len(pieces) > 1 else ["the new voice says little"])


def rows(client: Client):
    return client.models().models


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        root, home, file = Path(folder), Home(Path(folder) / "home"), Path(folder) / "connection.json"
        workshop = Home(root / "workshop")
        pack = imported(write_full_size(root / "files"), workshop)
        ensure_default_voice(home)
        environment = {**os.environ, "NPC_VOICE_HOME": str(home.root)}
        with sidecar(file, module="tests.faults.unheard", env=environment), Client(file) as client:
            talk = Talk(file, lines=100_000)
            try:
                wrong = bring_in(client, talk, pack, home.models)
            finally:
                talk.stop()
    for problem in [*wrong, *talk.lost[:5]]:
        print(f"  WRONG {problem}")
    print(f"{talk.answered} lines of the default voice, {len(talk.lost)} lost")
    return bool(wrong or talk.lost)


if __name__ == "__main__":
    sys.exit(main())
