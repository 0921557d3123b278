"""Good packs of every odd kind, dropped into the models folder of a sidecar that is speaking.

    python -m tests.faults.welcomed [--slow-mb-s 1]

The default voice, each time under another version or name. Each must be taken and speak the same samples as
the original, and no request may be lost meanwhile. Some are odd in what they are (`tests/attacks/goods.py`),
some in how they arrive: copied slowly, part by part, moved away and in again, dropped twice, older than the
one that is live.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from sidecar.client import Client
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.pack import Pack, describe
from tests.attacks.goods import GOODS
from tests.attacks.packs import LEXICON, MANIFEST, change_manifest, manifest_of
from tests.faults.dropped import Talk
from tests.processes import sidecar

LINE, SPEAKER, SEED = "Halt! Who goes there?", "am_michael", 7
PATIENCE_S, LOADING_S, LOOK_S, PAUSE_S = 120.0, 20.0, 0.2, 1.5
#: Random voices for two speakers that the real voice has not: nothing that could pass for the original.
OF_MINIATURES = {"voices_in_low_rank", "voices_with_layers"}

Make = Callable[[Path, random.Random], Path]
Deliver = Callable[[Path, Path], None]


def renamed(made: Path, target: Path) -> None:
    """Written aside on the same disk, and renamed into place."""
    os.rename(made, target)


def copied(made: Path, target: Path) -> None:
    """The folder is there at once, its files grow."""
    shutil.copytree(made, target)


def copied_at(bytes_s: float) -> Deliver:
    def copied_slowly(made: Path, target: Path) -> None:
        """The manifest first, so that the sizes it gives are not there for long."""
        target.mkdir()
        for path in sorted(made.iterdir(), key=lambda path: path.name != MANIFEST):
            with path.open("rb") as source, (target / path.name).open("wb") as sink:
                while part := source.read(int(bytes_s / 10)):
                    sink.write(part)
                    sink.flush()
                    time.sleep(len(part) / bytes_s)

    return copied_slowly


def moved_away_and_in_again(made: Path, target: Path) -> None:
    aside = made.with_name("aside")
    for source, to in ((made, target), (target, aside), (aside, target)):
        os.rename(source, to)
        time.sleep(PAUSE_S)


def part_by_part(made: Path, target: Path) -> None:
    """Every file under another name first, as browsers and synchronisers do."""
    target.mkdir()
    for path in sorted(made.iterdir()):
        part = target / f".{path.name}.part"
        shutil.copyfile(path, part)
        os.replace(part, target / path.name)


def fresh(pack: Pack, work: Path, version: str) -> Path:
    """A copy of the voice under another version, with a lexicon, to make a kind of."""
    folder = work / "pack"
    shutil.copytree(pack.folder, folder)
    (folder / LEXICON).write_text("Drizzt\tdɹˈɪst\n", "utf-8")
    files = [*manifest_of(folder)["files"], asdict(describe(folder / LEXICON))]
    change_manifest(folder, version=version, files=files)
    return folder


def label_of(made: Path) -> tuple[str, str]:
    """Name and version of a folder or archive."""
    if made.is_dir():
        data = manifest_of(made)
    else:
        with zipfile.ZipFile(made) as archive:
            data = json.loads(archive.read(MANIFEST))
    return data["name"], data["version"]


class Host:
    """The sidecar that they are dropped into."""

    def __init__(self, client: Client, pack: Pack, models: Path, work: Path) -> None:
        self._client, self._pack, self._models, self._work = client, pack, models, work
        self._original = self._heard(pack.manifest.name)
        self.wrong: list[str] = []
        self.count = 0

    def welcome(self, kind: str, make: Make, deliver: Deliver = renamed, version: str | None = None) -> None:
        self.count += 1
        work = self._work / str(self.count)
        made = make(fresh(self._pack, work, version or f"1.{self.count}.0"), random.Random(kind))
        name, version = label_of(made)
        deliver(made, self._models / f"{self.count} {made.name}")
        shutil.rmtree(work, ignore_errors=True)
        began = time.monotonic()
        problem = self._wait(name, version, ("live", "ready"))
        waited_s = time.monotonic() - began
        if problem is None and self._listen(name, version) != self._original:
            problem = "does not sound as the original"
        if problem:
            self.wrong.append(f"{kind}: {name}@{version} {problem}")
        print(f"  {kind}: {name}@{version} {problem or f'after {waited_s:.1f} s'}", flush=True)

    def _wait(
        self, name: str, version: str, wanted: tuple[str, ...], patience_s: float = PATIENCE_S
    ) -> str | None:
        """What went wrong until it was in one of these states."""
        until = time.monotonic() + patience_s
        while True:
            rows = self._client.models().models
            row = next((row for row in rows if (row.name, row.version) == (name, version)), None)
            if row is not None and row.state in wanted:
                return None
            if (row is not None and row.state == "rejected") or time.monotonic() > until:
                return f"is {row}; rejected: {[(r.name, r.detail) for r in rows if r.state == 'rejected']}"
            time.sleep(LOOK_S)

    def _listen(self, name: str, version: str) -> bytes:
        """What this version says; one that is not live by itself is pinned for the while."""
        if self._wait(name, version, ("live",), LOADING_S) is not None:
            self._client.activate(f"{name}@{version}")
            assert self._wait(name, version, ("live",)) is None
        said = self._heard(f"{name}@{version}")
        self._client.activate(name)
        return said

    def _heard(self, model: str) -> bytes:
        return self._client.say(LINE, speaker=SPEAKER, seed=SEED, model=model).audio


def as_it_is(pack: Path, rng: random.Random) -> Path:
    return pack


def welcome_all(host: Host, slow_bytes_s: float) -> None:
    for kind, make in GOODS.items():
        if kind not in OF_MINIATURES:
            host.welcome(kind, make)
    host.welcome("copied", as_it_is, copied)
    host.welcome("moved_away_and_in_again", as_it_is, moved_away_and_in_again)
    host.welcome("part_by_part", as_it_is, part_by_part)
    host.welcome("older_than_the_live_one", as_it_is, version="0.9.0")
    host.welcome("dropped_twice", as_it_is, version="2.0.0")
    host.welcome("dropped_twice", as_it_is, version="2.0.0")
    host.welcome("copied_slowly", as_it_is, copied_at(slow_bytes_s), version="2.1.0")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--slow-mb-s", type=float, default=1.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, home, file = Path(folder), Home(Path(folder) / "home"), Path(folder) / "connection.json"
        pack = ensure_default_voice(home)
        with sidecar(file, env={**os.environ, "NPC_VOICE_HOME": str(home.root)}), Client(file) as client:
            talk = Talk(file)
            try:
                host = Host(client, pack, home.models, root / "work")
                welcome_all(host, options.slow_mb_s * 1e6)
            finally:
                talk.stop()
    for problem in [*host.wrong, *talk.lost[:5]]:
        print(f"  WRONG {problem}")
    print(
        f"{host.count} good packs, {len(host.wrong)} not taken, {talk.answered} lines, {len(talk.lost)} lost"
    )
    return bool(host.wrong or talk.lost)


if __name__ == "__main__":
    sys.exit(main())
