"""A worker of a Ray cluster that speaks some of a bake's lines (`cluster.py`).

npc-voice has to be installed where it runs. It is told in bytes and answers in bytes, as a process beside the
bake does. A pack comes by its hash: a machine that has it already is sent nothing.
"""

import hashlib
import io
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from sidecar.baking.differences import Wanted
from sidecar.baking.messages import order_of, write_answer
from sidecar.baking.speakers import OwnSpeaker
from sidecar.files import write_whole
from sidecar.home import Home
from sidecar.models.file_names import MANIFEST
from sidecar.models.manifest import Manifest
from sidecar.models.pack import Pack, intact, staged, verify, writing_to
from sidecar.version import __version__
from sidecar.voice import Voice

PACKS = "ray_packs"  #: in a machine's own home

Fetch = Callable[[str], bytes]


class SpeakingWorker:
    """Holds a voice and speaks one line after the other.

    `packs` is the one to speak with, and behind it the one whose weights it needs if it has voices only:
    each its manifest, and what gets a file of it by name, where the machine has not got it. `own` are the
    user's files (lexicon, emotions, effects) by name.
    """

    def __init__(
        self, packs: Sequence[tuple[bytes, Fetch]], own: Mapping[str, bytes], precision: str
    ) -> None:
        here = Home.from_environment()
        pack, *bases = [fetched(here, manifest, fetch) for manifest, fetch in packs]
        with tempfile.TemporaryDirectory(prefix="npc-voice-") as folder:
            home = Home(Path(folder))
            home.models.mkdir()
            for base in bases:
                (home.models / base.folder.name).symlink_to(base.folder, target_is_directory=True)
            for name, content in own.items():
                write_whole(home.root / Path(name).name, content)
            voice = Voice.load(pack.folder, device="cpu", precision=precision, threads=1, home=home)
        self._speaker = OwnSpeaker(voice.synthesizer)

    def setting(self) -> str:
        return setting()

    def clip(self, order: bytes) -> bytes:
        """An order's line (`messages.order_line`) as an answer (`messages.read_answer`)."""
        stream = io.BytesIO()
        write_answer(stream, self._speaker.clip(Wanted(*order_of(order))))
        return stream.getvalue()


def setting() -> str:
    """What has to be alike for the same bytes: versions, and the kind of processor."""
    capability = torch.backends.cpu.get_cpu_capability()
    libraries = f"torch {torch.__version__}, numpy {np.__version__}"
    return f"npc-voice {__version__}, {libraries}, {platform.machine()} with {capability}"


def fetched(home: Home, manifest: bytes, fetch: Fetch) -> Pack:
    """The pack with that manifest, from this machine's own copy or fetched file by file, and verified.
    Raises `ModelRejected` and `StorageError`."""
    packs = home.root / PACKS
    folder = packs / hashlib.sha256(manifest).hexdigest()[:32]
    if (known := intact(folder)) is not None:
        return known
    with writing_to(packs):
        if (known := intact(folder)) is not None:
            return known
        with staged(folder) as staging:
            for file in Manifest.from_json(manifest).files:
                write_whole(staging / file.name, fetch(file.name))
            write_whole(staging / MANIFEST, manifest)
            verify(Pack(staging, Manifest.from_json(manifest)))
    return Pack(folder, Manifest.from_json(manifest))
