"""Where a sidecar is tried: a home of its own, a voice in it, and further versions to drop."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest

from sidecar.client import Client
from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.pack import Pack, open_pack
from tests import processes
from tests.attacks.packs import make_miniature
from tests.faults import reversioned

MINIATURE = "tests.faults.miniature"
LABEL = f"{default_voice.NAME}@1.1.0"
HOLD = "hold"
WAIT_S = 120


@dataclass(frozen=True)
class Stage:
    """`module` is the sidecar's command line, `pack` its default voice, 1.0.0."""

    home: Home
    file: Path
    pack: Pack
    module: str

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "NPC_VOICE_HOME": str(self.home.root)}

    def drop(self, version: str) -> Path:
        return reversioned.drop(self.pack, self.home.models, version)

    def start(self, *arguments: str, **options: object) -> "Popen[str]":
        """A sidecar that is serving, to be ended by the caller."""
        return processes.start(self.file, *arguments, module=self.module, env=self.environment, **options)

    @contextmanager
    def loading_held(self) -> Iterator[None]:
        """A miniature is not loaded before the block has ended."""
        hold = self.home.root / HOLD
        hold.touch()
        yield
        hold.unlink()

    def sidecar(self, *arguments: str):
        return processes.sidecar(self.file, *arguments, module=self.module, env=self.environment)

    @contextmanager
    def speaking(self, *arguments: str) -> Iterator[Client]:
        """A client of a sidecar that ends with the block."""
        with self.sidecar(*arguments), Client(self.file, timeout_s=60) as client:
            yield client


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """With a miniature, whose sound nobody judges: what is done with packs is the same for all."""
    pack = open_pack(make_miniature(tmp_path / "aside" / "pack", name=default_voice.NAME))
    return Stage(Home(tmp_path / "home"), tmp_path / "connection.json", pack, MINIATURE)


@pytest.fixture
def real_stage(tmp_path: Path, pack: Pack) -> Stage:
    """With the default voice, which is in the home already."""
    home = Home(tmp_path / "home")
    reversioned.drop(pack, home.models, pack.manifest.version)
    return Stage(home, tmp_path / "connection.json", pack, "sidecar")


def state(client: Client, label: str = LABEL) -> str | None:
    return next((r.state for r in client.models().models if f"{r.name}@{r.version}" == label), None)


def new_states(client: Client) -> list[str]:
    """Of everything but the version that was there before."""
    return [row.state for row in client.models().models if row.version != "1.0.0"]


def rejected(client: Client, reason: str) -> bool:
    return any(row.state == "rejected" and row.reason == reason for row in client.models().models)


def wait_for_live(client: Client, label: str = LABEL) -> None:
    processes.wait_for(lambda: state(client, label) == "live", timeout_s=WAIT_S)


async def more_than(lines: list[str], count: int) -> None:
    """Wait until there are."""
    until = time.monotonic() + WAIT_S
    while len(lines) <= count:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
