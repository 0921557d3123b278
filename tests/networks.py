"""Two machines on one cable, as far as programs can tell: network namespaces of Linux."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Machine:
    """A namespace, with its address on the cable."""

    name: str
    address: str

    def command(self, *words: str) -> list[str]:
        """What runs `words` there, in the very process that is started."""
        return ["ip", "netns", "exec", self.name, *words]


@contextmanager
def two_machines() -> Iterator[Sequence[Machine]]:
    """Skips the test where namespaces cannot be made. They are gone with the block; end what runs in them."""
    machines = [Machine(f"npc-voice-{os.getpid()}-{n}", f"10.9.8.{n}") for n in (1, 2)]
    with ExitStack() as stack:
        for machine in machines:
            ip("netns", "add", machine.name)
            stack.callback(subprocess.run, ["ip", "netns", "delete", machine.name], check=True)
        first, second = (machine.name for machine in machines)
        ip("link", "add", "cable", "netns", first, "type", "veth", "peer", "name", "cable", "netns", second)
        for machine in machines:
            within = ("-netns", machine.name)
            ip(*within, "address", "add", f"{machine.address}/24", "dev", "cable")
            ip(*within, "link", "set", "cable", "up")
            ip(*within, "link", "set", "lo", "up")
            ip("netns", "exec", machine.name, "true")
        yield machines


def ip(*words: str) -> None:
    if sys.platform != "linux" or os.geteuid() != 0 or None in map(shutil.which, ("ip", "unshare")):
        pytest.skip("network namespaces need Linux, root and the commands ip and unshare")
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no network namespaces here: ip {' '.join(words)}: {done.stderr.strip()}")
