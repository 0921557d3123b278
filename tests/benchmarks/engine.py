"""How fast the engine speaks, beside onnxruntime int8 and the reference package, in one run.

    python -m tests.benchmarks.engine [--threads N] [--repeat N] [--device cpu]

Every contender says the same phonemes in turn, round after round, so that a busy machine hurts all
alike; the median round counts. Peak memory and start-up are measured in processes of their own.
Ratios under 1 mean that ours is faster.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; read when torch is loaded

import numpy as np
import torch

from sidecar.engines.kokoro.voices import Voices
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.loader import load_model
from sidecar.prosody.plan import Phrase, Speaker

LINES = {
    "3 words": "hˈɔlt! hˌu ɡˈOz ðˈɛɹ?",
    "10 words": "ði ˈOld mˈIn hæz bˌɪn sˈild fɔɹ tˈɛn jˈɪɹz, tɹˈævələɹ.",
    "30 words": " ".join(
        [
            "ði ˈOld mˈIn hæz bˌɪn sˈild fɔɹ tˈɛn jˈɪɹz, tɹˈævələɹ.",
            "nˈObˌʌdi hˌu wˈɛnt ˈɪn ˈɛvəɹ kˌAm bˈæk ˈWt.",
            "ði ˈOld mˈIn hæz bˌɪn sˈild fɔɹ tˈɛn jˈɪɹz, tɹˈævələɹ.",
        ]
    ),
}
START = "Welcome to the Gilded Griffin, stranger, what will it be?"  # 10 words


def voice_of(name: str) -> Speaker:
    return Voices.load(ensure_default_voice(Home.from_environment()).path("voices.safetensors")).named(name)


def ours(precision: str, device: str) -> Callable[[str, Speaker], np.ndarray]:
    engine = load_model(ensure_default_voice(Home.from_environment()), place(device, precision)).engine

    def speak(phonemes: str, speaker: Speaker) -> np.ndarray:
        return engine.render(engine.plan([Phrase(phonemes, speaker, speaker)]), [1])[0]

    return speak


def reference() -> Callable[[str, Speaker], np.ndarray]:
    """PyPI kokoro 0.9.4 with the same weights."""
    from safetensors.torch import load_file

    from sidecar.engines.kokoro.vocabulary import VOCABULARY
    from tests.reference.kokoro_reference import Reference

    pack = ensure_default_voice(Home.from_environment())
    model = Reference({n: t.float() for n, t in load_file(pack.path("weights.safetensors")).items()})

    def speak(phonemes: str, speaker: Speaker) -> np.ndarray:
        ids = torch.tensor([[0, *(VOCABULARY[symbol] for symbol in phonemes), 0]])
        style = torch.from_numpy(speaker.row(len(phonemes)))[None]
        durations, f0, energy, alignment = model.plan(ids, style)
        noise = torch.randn(1, 600 * int(durations.sum()), 9)
        return model.render(ids, alignment, f0, energy, style, noise)

    return speak


def contender(name: str, threads: int, device: str) -> Callable[[str, Speaker], np.ndarray]:
    if name == "onnxruntime int8":
        from tests.benchmarks.onnx_peer import OnnxPeer

        return OnnxPeer(threads).speak
    return reference() if name == "kokoro 0.9.4" else ours(name.removeprefix("ours "), device)


def names(device: str) -> list[str]:
    own = ["ours auto", "ours bfloat16", "ours float32"]
    return own if device != "cpu" else [*own, "onnxruntime int8", "kokoro 0.9.4"]


def speeds(threads: int, repeat: int, device: str) -> None:
    """Seconds of work for a second of speech, and the ratio to onnxruntime."""
    torch.set_num_threads(threads)
    speaker = voice_of("af_heart")
    speakers = {name: contender(name, threads, device) for name in names(device)}
    for label, phonemes in LINES.items():
        took: dict[str, list[float]] = {name: [] for name in speakers}
        for round_ in range(repeat + 1):
            for name, speak in speakers.items():
                began = time.perf_counter()
                samples = speak(phonemes, speaker)
                if device.startswith("cuda"):
                    torch.cuda.synchronize()
                if round_:
                    took[name].append((time.perf_counter() - began) / (len(samples) / 24_000))
        report(label, {name: statistics.median(values) for name, values in took.items()})


def report(label: str, seconds: dict[str, float]) -> None:
    peer = seconds.get("onnxruntime int8")
    print(f"\n{label}")
    for name, value in seconds.items():
        ratio = f"{value / peer:6.2f} x onnxruntime int8" if peer else ""
        print(f"  {name:18} {value:7.3f} s per second of speech  {ratio}")


def peak_memory(name: str, threads: int) -> None:
    """In a child: load, speak the longest line once, tell the peak resident memory."""
    torch.set_num_threads(threads)
    contender(name, threads, "cpu")(LINES["30 words"], voice_of("af_heart"))
    print(json.dumps({"peak": peak_kib()}))


def peak_kib() -> int:
    """This process's own peak; `ru_maxrss` would start from the parent's on Linux."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def start_up(threads: int) -> None:
    """In a child: from process start to the first audio, by stage, as JSON."""
    import psutil

    marks = {"python and imports": time.time() - psutil.Process().create_time()}
    from sidecar import Voice

    began = time.perf_counter()
    voice = Voice.load(device="cpu", threads=threads)
    marks["load the pack"] = time.perf_counter() - began
    for which in ("first line", "second line"):
        began = time.perf_counter()
        speech = voice.synthesize(START)
        marks[f"{which}: text"] = speech.timing.text_ms / 1000
        marks[f"{which}: model and audio"] = time.perf_counter() - began - speech.timing.text_ms / 1000
    marks["process start to first audio"] = sum(list(marks.values())[:4])
    print(json.dumps(marks))


def child(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.engine", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    parser.add_argument("--start", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        peak_memory(options.peak, options.threads)
    elif options.start:
        start_up(options.threads)
    else:
        speeds(options.threads, options.repeat, options.device)
        print("\npeak resident memory, 30 words (torch is imported in every one)")
        for name in names("cpu"):
            peak = child("--threads", str(options.threads), "--peak", name)["peak"]
            print(f"  {name:18} {peak / 1024:6.0f} MiB")
        for which in ("cold", "warm"):
            if which == "cold":
                drop_caches()
            print(f"\nstart-up, {which}")
            for stage, value in child("--threads", str(options.threads), "--start").items():
                print(f"  {stage:30} {value:6.2f} s")


def drop_caches() -> None:
    """Make the next start read from disk, where we may (Linux, root); else say so."""
    try:
        subprocess.run(["sync"], check=True)
        with open("/proc/sys/vm/drop_caches", "w") as control:
            control.write("3\n")
    except OSError:
        print("\n(page cache could not be dropped: the cold start below is warm)")


if __name__ == "__main__":
    main()
