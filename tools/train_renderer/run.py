"""A run of training: for so long, told as it goes, saved as it goes."""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from tools.train_renderer.corpus import Utterance
from tools.train_renderer.judging import distances
from tools.train_renderer.training import Trainer

log = logging.getLogger(__name__)

CHECKPOINT, CURVE, PLOT, WEIGHTS = "checkpoint.pt", "curve.jsonl", "curve.png", "renderer.safetensors"


@dataclass(frozen=True)
class Limits:
    """A run ends after so many minutes of training or so many steps, whichever comes first; it is judged and
    saved every `judge_minutes`."""

    minutes: float = float("inf")
    steps: float = float("inf")
    judge_minutes: float = 3.0

    def progress(self, minutes: float, steps: int) -> float:
        return max(minutes / self.minutes, steps / self.steps)


class Run:
    """One folder: the checkpoint, the learning curve and the weights as they are so far."""

    def __init__(self, folder: Path, trainer: Trainer, held: Sequence[Utterance], limits: Limits) -> None:
        self.folder, self.trainer, self.held, self.limits = folder, trainer, held, limits
        folder.mkdir(parents=True, exist_ok=True)
        self.minutes = 0.0
        self._losses: dict[str, list[float]] = defaultdict(list)

    def resume(self) -> None:
        """Go on where the folder's run was saved, if it was."""
        if (self.folder / CHECKPOINT).exists():
            self.trainer.resume(self.folder / CHECKPOINT)
            self.minutes = rows(self.folder / CURVE)[-1]["minutes"]
            log.info("resumed after step %d, %.1f minutes", self.trainer.step_number, self.minutes)

    def train(self) -> None:
        """To the end. Judging is not counted as training."""
        if not self.minutes:
            self._report()
        due = self.minutes + self.limits.judge_minutes
        while (progress := self._progress()) < 1:
            began = time.perf_counter()
            for name, value in self.trainer.step(progress).items():
                self._losses[name].append(value)
            self.minutes += (time.perf_counter() - began) / 60
            if self.minutes >= due and self._progress() < 1:
                self._report()
                due = self.minutes + self.limits.judge_minutes
        self._report()
        plot(self.folder)

    def _progress(self) -> float:
        return self.limits.progress(self.minutes, self.trainer.step_number)

    def _report(self) -> None:
        """Judge, save, and write a row of the curve, last, so that each row has its checkpoint."""
        row = {
            "step": self.trainer.step_number,
            "minutes": round(self.minutes, 3),
            **{name: round(fmean(values), 4) for name, values in self._losses.items()},
            "held": distances(self.trainer.averaged(), self.held),
        }
        self._losses.clear()
        self.trainer.export(self.folder / WEIGHTS)
        self.trainer.save(self.folder / CHECKPOINT)
        with (self.folder / CURVE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        log.info("%s", json.dumps(row))
        if 0 < (progress := self._progress()) < 1:
            log.info("%.0f %% done, %.1f minutes left", 100 * progress, self.minutes * (1 / progress - 1))


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def plot(folder: Path) -> None:
    """The learning curve as a picture, where matplotlib is there."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    curve = rows(folder / CURVE)
    figure = Figure(figsize=(8, 5))
    axes = figure.add_subplot(xlabel="minutes", ylabel="log-mel distance over an audible floor, nepers")
    for kind in (name for name in curve[0]["held"] if name != "signed"):
        axes.plot([row["minutes"] for row in curve], [row["held"][kind] for row in curve], label=kind)
    axes.legend()
    figure.savefig(folder / PLOT, dpi=100)
