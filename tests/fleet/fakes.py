"""Nodes in this process: all of the fleet's part is real, the sidecar is a folder and a list of entries."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.fleet.address import open_store
from sidecar.fleet.fetch import Fetching
from sidecar.fleet.known import Remembered
from sidecar.fleet.node import Node, NodeSettings
from sidecar.fleet.recent import Counters
from sidecar.protocol.events import Event
from sidecar.reload.policy import Side
from sidecar.reload.states import Entry, State

NAME = "guard"


@dataclass
class FolderVoices:
    """What is dropped into `models` is ready at once, what is pinned is live; each look counts lines."""

    models: Path
    live: str = "1.0.0"
    pinned: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    lines: int = 0
    errors: Mapping[str, float] = field(default_factory=dict)  # by version, of each line
    done: dict[str, Side] = field(default_factory=dict)

    def entries(self) -> Sequence[Entry]:
        dropped = [path.name for path in self.models.glob("*.npcvoice")] if self.models.exists() else []
        found = [("", "1.0.0"), *((name, name.split("-")[1]) for name in sorted(dropped))]
        return [
            Entry(
                source, version, State.LIVE if version == self.live else State.READY, Path("x"), NAME, version
            )
            for source, version in found
        ]

    def pins(self) -> Mapping[str, str]:
        return self.pinned

    def pin(self, name: str, version: str) -> None:
        self.pinned[name] = self.live = version

    def counters(self) -> Counters:
        was = self.done.get(self.live, Side())
        rate = self.errors.get(self.live, 0.0)
        self.done = {
            self.live: Side(
                was.requests + 20, was.errors + round(20 * rate), was.work_s + 2, was.audio_s + 20
            )
        }
        return {(NAME, self.live): self.done[self.live]}

    def publish(self, event: Event) -> None:
        self.events.append(event)


@contextmanager
def node(
    folder: Path,
    address: str,
    name: str = "one",
    ttl_s: float = 2.0,
    share: Path | None = None,
    **voices: object,
) -> Iterator[tuple[Node, FolderVoices]]:
    """A node that runs for the length of the block."""
    served = FolderVoices(folder / name / "models", **voices)  # type: ignore[arg-type]
    made = Node(
        NodeSettings(name, ttl_s, 0.0),
        open_store(address),
        served,
        Fetching(folder / name / "fetched", served.models, share),
        Remembered(folder / name / "fleet.json"),
    )
    made.start()
    try:
        yield made, served
    finally:
        made.stop()
