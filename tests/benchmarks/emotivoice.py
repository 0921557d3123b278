"""How fast an EmotiVoice model speaks, at full size with random weights: speed does not depend on the values.

    python -m tests.benchmarks.emotivoice [--threads 1] [--repeat 5] [--device cpu]

By stage, in seconds of work for a second of speech. On the CPU the vocoder's peer in the same run is
HiFi-GAN V1 of the `transformers` package at the same size. Then how soon a line of 5 s is heard when it is
streamed (bar: 0.3 of its whole time), and what streaming costs. Bar of the whole: 0.25 x real time on one
thread. Durations are forced so that the line is as long as wanted.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; read when torch is loaded

import numpy as np
import torch

from sidecar.engines.emotivoice.engine import EmotiVoiceEngine
from sidecar.engines.emotivoice.plans import TokenPlan, curve, symbols_frames, to_force, to_hz
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack
from sidecar.modkit.importer import import_checkpoint
from sidecar.prosody.plan import Phrase
from tests.engines.emotivoice_full import CONFIG, write_full_size

PHONEMES = "ði ˈOld mˈIn hæz bˌɪn sˈild fɔɹ tˈɛn jˈɪɹz, tɹˈævələɹ."
LINE_S, LEAST_FIRST, MOST_REAL_TIME = 5.0, 0.3, 0.25


def lengthened(plan: TokenPlan, seconds: float) -> TokenPlan:
    """The plan with every token of about the same length, `seconds` in all."""
    ends = np.round(
        np.arange(1, len(plan.predicted.frames) + 1) * (seconds / plan.frame_s) / len(plan.predicted.frames)
    )
    frames = np.diff(np.concatenate([[0], ends])).astype(np.int64)
    return replace(
        plan,
        durations_frames=symbols_frames(plan.groups, frames),
        f0_hz=curve(to_hz(plan.predicted.pitch), frames),
        energy=curve(to_force(plan.predicted.energy), frames),
        predicted=plan.predicted._replace(frames=frames),
    )


class Contender:
    """One precision. Every stage is timed by itself."""

    def __init__(self, pack: Pack, device: str, precision: str) -> None:
        engine = load_model(pack, place(device, precision)).engine
        assert isinstance(engine, EmotiVoiceEngine)
        self.engine = engine
        speaker = engine.speaker(0)
        self._phrase = Phrase(PHONEMES, speaker, speaker, text="The old mine has been sealed for ten years.")
        (plan,) = engine.plan([self._phrase])
        assert isinstance(plan, TokenPlan)
        self.plan = lengthened(plan, LINE_S)
        self.mel, self.span = engine._mel([self.plan])

    def stages(self) -> dict[str, Callable[[], object]]:
        return {
            "plan": lambda: self.engine.plan([self._phrase]),
            "mel": lambda: self.engine._mel([self.plan]),
            "vocoder": lambda: self.engine._samples(self.mel, self.span),
            "first piece": lambda: next(self.engine.pieces(self.plan, 1)),
            "all pieces": lambda: list(self.engine.pieces(self.plan, 1)),
        }


def peer(frames: int) -> Callable[[], object]:
    """HiFi-GAN of `transformers` at the same size; it is made without weight norm."""
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    config = SpeechT5HifiGanConfig(
        model_in_dim=CONFIG.mels, sampling_rate=16_000,
        upsample_initial_channel=CONFIG.generator_channels, upsample_rates=list(CONFIG.upsample_rates),
        upsample_kernel_sizes=[2 * rate for rate in CONFIG.upsample_rates],
        resblock_kernel_sizes=list(CONFIG.resblock_kernels),
        resblock_dilation_sizes=[list(CONFIG.resblock_dilations)] * 3,
    )  # fmt: skip
    network = SpeechT5HifiGan(config).eval()
    mel = torch.randn(frames, CONFIG.mels)

    def speak() -> object:
        with torch.inference_mode():
            return network(mel)

    return speak


def median_s(jobs: dict[str, Callable[[], object]], repeat: int, device: str) -> dict[str, float]:
    """In turn, round after round, the first for nothing."""
    took: dict[str, list[float]] = {name: [] for name in jobs}
    for round_ in range(repeat + 1):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            if round_:
                took[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in took.items()}


def measure(pack: Pack, options: argparse.Namespace) -> bool:
    contenders = {name: Contender(pack, options.device, name) for name in ("auto", "float32")}
    jobs = {
        f"{name} {stage}": job
        for name, contender in contenders.items()
        for stage, job in contender.stages().items()
    }
    frames, audio_s = contenders["auto"].plan.frames, contenders["auto"].plan.duration_s
    if options.device == "cpu":
        jobs["peer"] = peer(frames)
    took, good = median_s(jobs, options.repeat, options.device), True
    print(
        f"a line of {audio_s:.1f} s on {options.device}, {options.threads} thread(s); work for a second of it"
    )
    for name, contender in contenders.items():
        plan, mel, vocoder, first, pieces = (took[f"{name} {stage}"] for stage in contender.stages())
        whole = plan + mel + vocoder
        print(f"{name} ({contender.engine.precision}):")
        print(
            f"  plan {plan / audio_s:.4f}, mel {mel / audio_s:.4f}, vocoder {vocoder / audio_s:.4f}, ", end=""
        )
        print(f"whole {whole / audio_s:.3f} (bar {MOST_REAL_TIME} on one thread)")
        if "peer" in took:
            print(f"  vocoder {vocoder / took['peer']:.2f} x transformers' HiFi-GAN in float32")
        share = (plan + first) / whole
        print(f"  first piece after {share:.2f} of the whole (bar {LEAST_FIRST}), ", end="")
        print(f"streamed costs {(plan + pieces) / whole:.2f} x")
        if name == "auto":
            good = share <= LEAST_FIRST and whole / audio_s <= MOST_REAL_TIME
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        files = write_full_size(Path(folder) / "files")
        pack = import_checkpoint(files, Home(Path(folder) / "home"), "full", "1.0.0", listen=False)
        return not measure(pack, options)


if __name__ == "__main__":
    sys.exit(main())
