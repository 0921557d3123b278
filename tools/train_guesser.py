"""Train the network that reads words no dictionary has, and write it into the package.

    PYTHONPATH=. python tools/train_guesser.py --checkpoint guesser.pt

Reads the US dictionaries of misaki 0.9.4 and nothing else. Spellings are split by a
hash: about 2,000 gold words are held out for `tests/data/held_out_en.tsv`, 1,000 to
choose settings by, and the rest is trained on, as is the silver dictionary.

The weights in the package took 41 minutes and about 3,780 steps on one core with
AVX-512 bfloat16 (AMD Zen 4). They read 70.9 % of the development words and 71.2 % of
the held-out words exactly as the dictionary does, 75.7 % but for stress; what
espeak-ng reaches on the same words, `tests/benchmarks/pronunciation.py` prints.

The recipe: letters are aligned with phonemes once (`align_letters.py`), so that the
network takes one step a letter; all words of a batch have one length; matrices are
updated with Muon; silver words have letters of their own, which are thrown away after
training, so that the noisier dictionary teaches spelling but not its own conventions.

Tried and left out: rules that read a regular derivation ("unslain") from the stem's
dictionary entry, in front of the network. Where they applied to development words they
were right on 226 of 276, the network on 235. Compounds of two entries fared worse.
"""

import argparse
import hashlib
import importlib.util
import json
import logging
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from align_letters import align
from guesser_training import Network, save
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sidecar.text.guesser import WEIGHTS, Guesser
from sidecar.text.guesser_network import Shape

log = logging.getLogger("train_guesser")

ROOT = Path(__file__).parent.parent
HELD_OUT = ROOT / "tests" / "data" / "held_out_en.tsv"

ALPHABET = "abcdefghijklmnopqrstuvwxyz'"
LONGEST_WORD = 30
RAREST_CHUNK = 3  # words with a rarer one are left out: they teach nothing general

FOLDS = 84
TEST_FOLDS, DEVELOPMENT_FOLDS = (0, 1), (2,)

BATCH_WORDS = 320
SILVER_SHARE = 0.5  # of the silver dictionary, in each pass over the gold one
DROPOUT = 0.15
SMOOTHING = 0.05
MATRIX_RATE = 8e-3
MATRIX_DECAY = 0.05
OTHER_RATE = 3e-3
WARM_UP_STEPS = 100
AVERAGE_DECAY = 0.997
LOG_EVERY = 50
SAVE_EVERY = 250


# --- data


@dataclass(frozen=True, slots=True)
class Readings:
    """Casefolded spelling -> phonemes, by dictionary. No spelling is in both."""

    gold: dict[str, str]
    silver: dict[str, str]


def _load(name: str) -> dict[str, str]:
    """`DEFAULT` readings of alphabetic entries. Abbreviations, all capitals, are not read from letters.

    Where "Polish" and "polish" differ, the lower-case word wins: it sorts last.
    """
    found = importlib.util.find_spec("misaki")
    if found is None or found.origin is None:
        raise SystemExit("misaki is not installed: pip install misaki==0.9.4")
    path = Path(found.origin).parent / "data" / name
    readings = {}
    for spelling, entry in sorted(json.loads(path.read_text(encoding="utf-8")).items()):
        phonemes = entry if isinstance(entry, str) else entry.get("DEFAULT")
        folded = spelling.casefold()
        shouted = len(spelling) > 1 and spelling.isupper()
        if phonemes and not shouted and set(folded) <= set(ALPHABET) and len(folded) <= LONGEST_WORD:
            readings[folded] = phonemes
    return readings


def load_readings() -> Readings:
    """Both of misaki's US dictionaries; gold wins."""
    gold, silver = _load("us_gold.json"), _load("us_silver.json")
    return Readings(gold, {word: spoken for word, spoken in silver.items() if word not in gold})


def fold_of(word: str) -> int:
    """The part of the data a spelling belongs to. Spellings that differ by "'" stay together."""
    digest = hashlib.sha256(word.replace("'", "").encode()).hexdigest()
    return int(digest[:8], 16) % FOLDS


def held_out(readings: Readings, folds: Sequence[int]) -> dict[str, str]:
    """Gold words of these folds, in an order that looks random and is always the same."""
    words = [word for word in readings.gold if fold_of(word) in folds]
    words.sort(key=lambda word: hashlib.sha256(word.encode()).digest())
    return {word: readings.gold[word] for word in words}


@dataclass(frozen=True, slots=True)
class Example:
    """A word as numbers."""

    letters: tuple[int, ...]
    chunks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is trained on. Letter i of a silver word is number i + len(ALPHABET)."""

    gold: list[Example]
    silver: list[Example]
    chunks: tuple[str, ...]


def prepare(readings: Readings) -> Lessons:
    """Align all words that are not held out; takes half a minute."""
    kept = set(range(FOLDS)) - {*TEST_FOLDS, *DEVELOPMENT_FOLDS}
    everything = readings.silver | readings.gold
    aligned = align({word: spoken for word, spoken in everything.items() if fold_of(word) in kept})
    tally = Counter(chunk for chunks in aligned.values() for chunk in chunks)
    names = tuple(sorted(chunk for chunk, count in tally.items() if count >= RAREST_CHUNK))
    ids = {chunk: number for number, chunk in enumerate(names)}
    gold: list[Example] = []
    silver: list[Example] = []
    for word, chunks in aligned.items():
        if all(chunk in ids for chunk in chunks):
            examples, shift = (gold, 0) if word in readings.gold else (silver, len(ALPHABET))
            letters = tuple(ALPHABET.index(letter) + shift for letter in word)
            examples.append(Example(letters, tuple(ids[chunk] for chunk in chunks)))
    log.info("%d gold and %d silver words, %d chunks", len(gold), len(silver), len(names))
    return Lessons(gold, silver, names)


def batches(lessons: Lessons, chance: random.Random) -> Iterator[list[Example]]:
    """Batches of words of one length, for ever; each pass has all of gold and a share of silver."""
    while True:
        by_length: dict[int, list[Example]] = defaultdict(list)
        some = chance.sample(lessons.silver, int(len(lessons.silver) * SILVER_SHARE))
        for example in lessons.gold + some:
            by_length[len(example.letters)].append(example)
        whole = []
        for examples in by_length.values():
            chance.shuffle(examples)
            whole += [examples[at : at + BATCH_WORDS] for at in range(0, len(examples), BATCH_WORDS)]
        chance.shuffle(whole)
        yield from whole


# --- optimisation


def _orthogonal(matrices: Tensor) -> Tensor:
    """About the nearest semi-orthogonal matrices [N, R, K]: five Newton-Schulz steps in bfloat16."""
    wide = matrices.bfloat16()
    wide = wide / (wide.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = wide.shape[-2] > wide.shape[-1]
    wide = wide.mT if tall else wide
    for _ in range(5):
        square = wide @ wide.mT
        wide = 3.4445 * wide + (-4.7750 * square + 2.0315 * square @ square) @ wide
    restored: Tensor = wide.mT if tall else wide
    return restored.float()


class GateMuon:
    """Muon (Jordan et al. 2024) for LSTM matrices, each of the four gates on its own.

    After 100 seconds of training it read 41 % of development words right, AdamW 17 %.
    """

    def __init__(self, weights: Sequence[nn.Parameter]) -> None:
        self._weights = weights
        self._momenta = [torch.zeros_like(weight) for weight in weights]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every weight by its orthogonalised momentum, scaled to the size of an Adam step."""
        for weight, momentum in zip(self._weights, self._momenta, strict=True):
            assert weight.grad is not None
            momentum.lerp_(weight.grad, 0.05)
            gates = weight.grad.lerp(momentum, 0.95).view(4, -1, weight.shape[1])
            update = _orthogonal(gates) * 0.2 * max(gates.shape[1:]) ** 0.5
            weight.mul_(1 - rate * MATRIX_DECAY).sub_(update.view_as(weight), alpha=rate)


class Trainer:
    """A network, its two optimisers and the moving average of its weights."""

    def __init__(self, network: Network) -> None:
        self.network = network
        matrices = [weight for name, weight in network.named_parameters() if ".weight_" in name]
        chosen = {id(weight) for weight in matrices}
        self._others = [weight for weight in network.parameters() if id(weight) not in chosen]
        self._muon = GateMuon(matrices)
        self._adam = torch.optim.AdamW(self._others, betas=(0.9, 0.98), weight_decay=0.0)
        blend = get_ema_multi_avg_fn(AVERAGE_DECAY)  # type: ignore[no-untyped-call]
        self._average = AveragedModel(network, multi_avg_fn=blend)

    def step(self, examples: list[Example], rate: float) -> float:
        """Learn from one batch at a share `rate` of the full learning rates; the loss."""
        letters = torch.tensor([example.letters for example in examples])  # [B, T]
        chunks = torch.tensor([example.chunks for example in examples])  # [B, T]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.network(letters, chunks)  # [B, T, C]
        loss = functional.cross_entropy(
            logits.float().flatten(0, 1), chunks.flatten(), label_smoothing=SMOOTHING
        )
        self.network.zero_grad()
        # A batch of a single rare, long word has a gradient fifteen times the usual: weigh it by its size.
        (loss * len(examples) / BATCH_WORDS).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._others, 1.0)
        for group in self._adam.param_groups:
            group["lr"] = OTHER_RATE * rate
        self._adam.step()
        self._muon.step(MATRIX_RATE * rate)
        self._average.update_parameters(self.network)
        return loss.item()

    def save(self, path: Path) -> None:
        """Write the averaged weights."""
        torch.save(self._average.module.state_dict(), path)


def rate_at(step: int, progress: float) -> float:
    """Share of the full rate: a short rise, then a line down to nothing."""
    return min((step + 1) / WARM_UP_STEPS, 1 - progress)


def train(trainer: Trainer, lessons: Lessons, steps: int, minutes: float, checkpoint: Path) -> None:
    """Train until `steps` or `minutes` are used up. The checkpoint is good at any time, best at the end."""
    stream = batches(lessons, random.Random(1))
    began, losses = time.monotonic(), [0.0]
    for step in range(steps):
        progress = max(step / steps, (time.monotonic() - began) / (60 * minutes))
        if progress >= 1:
            break
        losses.append(trainer.step(next(stream), rate_at(step, progress)))
        if (step + 1) % LOG_EVERY == 0:
            loss = sum(losses[-LOG_EVERY:]) / LOG_EVERY
            log.info("step %d of %d, progress %.3f, loss %.4f", step + 1, steps, progress, loss)
        if (step + 1) % SAVE_EVERY == 0:
            trainer.save(checkpoint)
    trainer.save(checkpoint)


# --- the whole


def _shape(lessons: Lessons) -> Shape:
    return Shape(
        letters=2 * len(ALPHABET),
        chunks=len(lessons.chunks),
        letter_width=128,
        chunk_width=64,
        encoder_width=224,
        encoder_layers=2,
        decoder_width=384,
    )


def export(checkpoint: Path, lessons: Lessons) -> None:
    """Write the checkpoint, without the letters of silver words, into the package."""
    weights = torch.load(checkpoint, weights_only=True)
    weights["letters.weight"] = weights["letters.weight"][: len(ALPHABET)].clone()
    shape = replace(_shape(lessons), letters=len(ALPHABET))
    network = Network(shape)
    network.load_state_dict(weights)
    save(WEIGHTS, network, shape, ALPHABET, lessons.chunks)


def write_held_out(words: dict[str, str]) -> None:
    """One line a word: spelling, tab, phonemes."""
    lines = "".join(f"{word}\t{phonemes}\n" for word, phonemes in words.items())
    HELD_OUT.write_text(lines, encoding="utf-8")


def judge(words: dict[str, str]) -> float:
    """The share of words that the network in the package reads exactly right."""
    read = Guesser.load().read_all(list(words))
    return sum(guess == truth for guess, truth in zip(read, words.values(), strict=True)) / len(words)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the reader of unknown words.")
    parser.add_argument("--steps", type=int, default=3800)
    parser.add_argument("--minutes", type=float, default=90.0, help="the schedule ends by then at the latest")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--export-only", action="store_true", help="no training: use the checkpoint as it is")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(1)
    torch.set_num_threads(1)
    readings = load_readings()
    lessons = prepare(readings)
    if not options.export_only:
        network = Network(_shape(lessons), DROPOUT)
        with torch.no_grad():
            network.letters.weight[len(ALPHABET) :] = network.letters.weight[: len(ALPHABET)]
        train(Trainer(network), lessons, options.steps, options.minutes, options.checkpoint)
    export(options.checkpoint, lessons)
    write_held_out(held_out(readings, TEST_FOLDS))
    log.info("right on development words: %.4f", judge(held_out(readings, DEVELOPMENT_FOLDS)))


if __name__ == "__main__":
    main()
