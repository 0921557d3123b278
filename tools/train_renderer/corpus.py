"""Teacher speech on disk: shards of phrases, each a safetensors file that is whole or not there.

A second of speech takes 90 KB: what the generator hears, 80 rows of 512 numbers, in 8 bits, and 24,000
samples in float16. The rounding of features is a fiftieth of their spread, far less than the noise that
training adds.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from tools.train_renderer.renderer import CURVE_HZ, HOP


@dataclass(frozen=True)
class Origin:
    """What was said how; `line` numbers lines, of which a phrase may be a part only."""

    kind: str
    line: int
    text: str
    speaker: str
    emotion: str
    intensity: float


@dataclass(frozen=True, eq=False)
class Utterance:
    """A phrase as the teacher's generator heard and said it.

    `x` [T, 512] and the curves [T] at 80 Hz, F0 in Hz, 0 where unvoiced; timbre `s` [128]; `audio` [300 T].
    """

    x: Tensor
    s: Tensor
    f0_hz: Tensor
    energy: Tensor
    audio: Tensor
    origin: Origin

    @property
    def steps(self) -> int:
        return len(self.f0_hz)

    @property
    def duration_s(self) -> float:
        return self.steps / CURVE_HZ


def write_shard(utterances: Sequence[Utterance], path: Path) -> None:
    """One file for all; features in 8 bits of the largest value each has here, F0 in float32."""
    x = torch.cat([u.x for u in utterances]).float()
    scale = x.abs().amax(0).clamp_min(1e-6) / 127
    tensors = {
        "x": (x / scale).round().to(torch.int8),
        "x_scale": scale,
        "s": torch.stack([u.s for u in utterances]).half(),
        "f0_hz": torch.cat([u.f0_hz for u in utterances]).float(),
        "energy": torch.cat([u.energy for u in utterances]).half(),
        "audio": torch.cat([u.audio for u in utterances]).half(),
        "steps": torch.tensor([u.steps for u in utterances]),
    }
    origins = json.dumps([asdict(u.origin) for u in utterances], ensure_ascii=False)
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished, {"origins": origins})
    os.replace(unfinished, path)


def read_shard(path: Path) -> list[Utterance]:
    """Its phrases; features and samples in float16."""
    with safe_open(path, "pt") as file:
        origins = [Origin(**origin) for origin in json.loads(file.metadata()["origins"])]
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    steps = tensors["steps"].tolist()
    x = (tensors["x"] * tensors["x_scale"]).half()
    rows = zip(
        x.split(steps), tensors["s"].float(), tensors["f0_hz"].split(steps),
        tensors["energy"].float().split(steps), tensors["audio"].split([n * HOP for n in steps]), origins,
        strict=True,
    )  # fmt: skip
    return [Utterance(*row) for row in rows]


def shard_path(folder: Path, number: int) -> Path:
    return folder / f"speech-{number:05d}.safetensors"


def shards(folder: Path) -> list[Path]:
    """Those for training, in order."""
    return sorted(folder.glob("speech-*.safetensors"))


def held_path(folder: Path) -> Path:
    """The lines that nothing is trained on."""
    return folder / "held.safetensors"


def size_mib(folder: Path) -> float:
    """Of all that lies in the folder."""
    return sum(path.stat().st_size for path in folder.iterdir()) / (1 << 20)
