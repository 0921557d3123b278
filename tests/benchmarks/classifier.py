"""A plain linear classifier of emotions, always tried on voices that it has not been trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.benchmarks.takes import Row

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Guesses:
    """What each row was meant to be and what it was taken for."""

    labels: tuple[str, ...]
    rows: tuple[Row, ...]
    guessed: tuple[str, ...]

    def accuracy(self) -> float:
        right = [row.take.label == guess for row, guess in zip(self.rows, self.guessed, strict=True)]
        return float(np.mean(right))

    def by_voice(self) -> dict[str, float]:
        """Accuracy on each voice, when trained on all others."""
        right: dict[str, list[bool]] = {}
        for row, guess in zip(self.rows, self.guessed, strict=True):
            right.setdefault(row.take.voice, []).append(row.take.label == guess)
        return {voice: float(np.mean(found)) for voice, found in right.items()}

    def __str__(self) -> str:
        """With the standard error over voices, as lines of one voice fail together, and the worst voice."""
        shares = self.by_voice()
        error = np.std(list(shares.values())) / np.sqrt(max(len(shares) - 1, 1))
        worst = min(shares, key=lambda voice: shares[voice])
        return (
            f"{100 * self.accuracy():5.1f} ± {100 * error:.1f} % of {len(self.rows)} "
            f"(chance {100 / len(self.labels):.1f} %, {worst} {100 * shares[worst]:.0f} %)"
        )

    def confusion(self) -> npt.NDArray[np.int64]:
        """[meant, taken for] counts."""
        table = np.zeros((len(self.labels), len(self.labels)), np.int64)
        for row, guess in zip(self.rows, self.guessed, strict=True):
            table[self.labels.index(row.take.label), self.labels.index(guess)] += 1
        return table


def relative(rows: Sequence[Row], neutral: Sequence[Row]) -> Matrix:
    """Features against how the same voice sounds on other neutral lines.

    The mean over the voice's neutral lines, because a listener knows the voice and not this line said
    neutrally; without the line itself, because a neutral row would else be a part of its own measure.
    The spread is pooled over voices: ten lines are too few for 88 spreads of a voice.
    """
    spread = pooled_spread(neutral)
    return np.array([(row.features - _others(row, neutral).mean(0)) / spread for row in rows])


def _others(row: Row, neutral: Sequence[Row]) -> Matrix:
    same = [r for r in neutral if r.take.voice == row.take.voice and r.take.text != row.take.text]
    return np.array([r.features for r in same], np.float64)


def pooled_spread(neutral: Sequence[Row]) -> Matrix:
    """Root mean square distance of neutral lines from their voice's mean, feature by feature."""
    voices = {row.take.voice for row in neutral}
    own = [np.array([r.features for r in neutral if r.take.voice == voice], np.float64) for voice in voices]
    centred = np.concatenate([features - features.mean(0) for features in own])
    return np.sqrt(np.square(centred).mean(0)) + 1e-9


def absolute(rows: Sequence[Row]) -> Matrix:
    return np.array([row.features for row in rows], np.float64)


def guesses(rows: Sequence[Row], features: Matrix, labels: Sequence[str]) -> Guesses:
    """Leave one voice out: train on all other voices, guess this one's rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=3000))
    meant = [row.take.label for row in rows]
    voices = [row.take.voice for row in rows]
    found = cross_val_predict(model, features, meant, groups=voices, cv=LeaveOneGroupOut())
    return Guesses(tuple(labels), tuple(rows), tuple(map(str, found)))


def draw(found: Sequence[tuple[str, Guesses]], path: Path) -> None:
    """Confusion matrices side by side, in per cent of the rows of a label."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, places = pyplot.subplots(1, len(found), figsize=(6.5 * len(found), 6), squeeze=False)
    for (title, guess), axes in zip(found, places[0], strict=True):
        table = guess.confusion()
        shares = 100 * table / np.maximum(table.sum(1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
        for (y, x), share in np.ndenumerate(shares):
            if share >= 0.5:
                axes.text(x, y, f"{share:.0f}", ha="center", va="center", fontsize=8,
                          color="white" if share > 50 else "black")  # fmt: skip
        axes.set_xticks(range(len(guess.labels)), guess.labels, rotation=60, ha="right")
        axes.set_yticks(range(len(guess.labels)), guess.labels)
        axes.set(xlabel="taken for", ylabel="meant", title=f"{title}: {100 * guess.accuracy():.1f} %")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
