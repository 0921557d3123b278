"""The training of the fast renderer, on seconds of made-up speech."""

import json
import math
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sidecar.synthesis import Line
from sidecar.voice import Voice
from tools.train_renderer import texts
from tools.train_renderer.balance import balance
from tools.train_renderer.batches import MARGIN, Lessons
from tools.train_renderer.corpus import (
    Origin,
    Utterance,
    read_shard,
    shard_path,
    shards,
    size_mib,
    write_shard,
)
from tools.train_renderer.judging import distances, powers_db, rendered, sounds
from tools.train_renderer.losses import share_loss, spectral_loss
from tools.train_renderer.renderer import HOP, RATE_HZ, FastConfig, FastRenderer
from tools.train_renderer.run import CHECKPOINT, CURVE, WEIGHTS, Limits, Run, rows
from tools.train_renderer.shares import harmonic_share
from tools.train_renderer.spectra import BANDS
from tools.train_renderer.teacher import Teacher, any_line, write_speech
from tools.train_renderer.training import Recipe, Trainer, fresh

SMALL = FastConfig(features=6, style=4, channels=8, blocks=1, expansion=1, condition=4)
CPU = torch.device("cpu")
PLAIN = Recipe(batch=2, excerpt_steps=40, adversary_channels=2)
CONTESTED = replace(PLAIN, adversary_from=0.0, adversary_alone_steps=1)


def tone(steps: int, f0_hz: float = 200.0) -> torch.Tensor:
    """[300 * steps] the first twenty harmonics, in the generator's phase."""
    at = torch.arange(steps * HOP) / RATE_HZ
    return sum(torch.cos(2 * math.pi * k * f0_hz * at) for k in range(1, 21)) / 100


def utterance(steps: int, seed: int) -> Utterance:
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(steps, SMALL.features, generator=chance)
    origin = Origin("known", seed, "Halt!", "af_heart", "neutral", 0.5)
    s, curve = torch.randn(SMALL.style, generator=chance), torch.zeros(steps)
    return Utterance(x, s, curve + 200, curve, tone(steps).half(), origin)


@pytest.fixture
def said() -> list[Utterance]:
    return [utterance(steps, seed) for seed, steps in enumerate((90, 120, 15))]


def trainer(said: list[Utterance], recipe: Recipe = PLAIN) -> Trainer:
    """The same at first, whatever the recipe's seed."""
    torch.manual_seed(5)
    lessons = Lessons(said)
    return Trainer(fresh(lessons, SMALL), lessons, recipe, CPU)


def weights(trained: Trainer) -> torch.Tensor:
    return torch.cat([value.flatten() for value in trained.renderer.state_dict().values()])


# --- data


def test_shard_comes_back_as_it_was_written(said: list[Utterance], tmp_path: Path):
    write_shard(said, shard_path(tmp_path, 3))
    (path,) = shards(tmp_path)
    for before, after in zip(said, read_shard(path), strict=True):
        assert after.origin == before.origin
        assert torch.equal(after.audio, before.audio)
        assert torch.equal(after.f0_hz, before.f0_hz)
        torch.testing.assert_close(after.x.float(), before.x, rtol=0, atol=0.02)


def test_unfinished_shard_is_not_there(said: list[Utterance], tmp_path: Path):
    write_shard(said, shard_path(tmp_path, 0))
    shard_path(tmp_path, 0).rename(shard_path(tmp_path, 0).with_suffix(".part"))
    assert not shards(tmp_path)


class Parrot:
    """A teacher that says the same to everything: seconds of it."""

    names, emotions = ("af_heart", "zf_xiaobei"), ("neutral", "happy")

    def __init__(self) -> None:
        self.asked: list[Line] = []

    def say(self, line: Line, kind: str, number: int, most: int | None = None) -> list[Utterance]:
        self.asked.append(line)
        return [utterance(2000, number)]


def test_shards_follow_from_seed_and_number_and_are_made_once(tmp_path: Path):
    first, again, more = Parrot(), Parrot(), Parrot()
    write_speech(first, tmp_path, seed=1, minutes=1, most_mib=7)
    write_speech(again, tmp_path, seed=1, minutes=1, most_mib=7)
    shard_path(tmp_path, 0).unlink()
    write_speech(more, tmp_path, seed=1, minutes=1, most_mib=7)
    assert len(first.asked) == 3 * len(shards(tmp_path))
    assert not again.asked
    assert more.asked == first.asked[:3]
    assert size_mib(tmp_path) < 7


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_sentences_follow_from_chance_and_have_no_gaps(language: str):
    draw = getattr(texts, language)
    first, again = ([draw(random.Random(seed)) for seed in range(200)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 180
    assert not any(re.search(r"[{}]|\s\s", text) for text in first)


def test_teacher_tells_what_its_generator_heard(voice: Voice):
    teacher = Teacher(voice)
    line = replace(any_line(teacher, random.Random(1)), text="Halt!", language="en-US")
    (said,) = teacher.say(line, "training", 7)
    assert said.x.shape == (said.steps, 512)
    assert said.s.shape == (128,)
    assert said.audio.shape == (HOP * said.steps,)
    (again,) = teacher.say(line, "training", 7)
    assert torch.equal(again.audio, said.audio)


# --- what is asked for


def test_a_tone_is_all_harmonic_and_noise_hardly():
    steps = 80
    f0_hz = torch.full((steps,), 200.0)
    low = slice(2, 18)  # bands with harmonics of the tone
    inner = harmonic_share(tone(steps), f0_hz)[10:-10]
    assert inner.shape == (2 * steps - 20, BANDS)
    assert inner[:, low].mean() > 0.95
    noise = torch.randn(steps * HOP, generator=torch.Generator().manual_seed(1))
    assert harmonic_share(noise, f0_hz)[10:-10].mean() < 0.15


def test_nothing_unvoiced_is_harmonic():
    assert not harmonic_share(tone(40), torch.zeros(40)).any()


def test_noise_of_the_right_power_is_nearest():
    chance = torch.Generator().manual_seed(2)
    theirs, one, two = torch.randn(3, 1, 48_000, generator=chance) / 10
    loss = {gain: float(spectral_loss(theirs, gain * one, gain * two, 512)) for gain in (0.8, 1.0, 1.2)}
    assert loss[1.0] < min(loss[0.8], loss[1.2])


def test_share_is_met_by_the_right_split_only():
    steps = 60
    pulsed = tone(steps)[None]
    hiss = torch.randn(1, steps * HOP, generator=torch.Generator().manual_seed(3)) / 100
    share = torch.full((1, 2 * steps, BANDS), 0.5)
    met = share_loss(2**0.5 * hiss, hiss, hiss, share)
    assert met < 0.05
    assert share_loss(pulsed + hiss, 0.1 * pulsed, hiss, share) > 10 * met


# --- batches


def test_batches_have_the_phrases_edges_and_their_silence(said: list[Utterance]):
    lessons, chance = Lessons(said), random.Random(2)
    batches = [lessons.batch(3, 40, chance) for _ in range(300)]
    assert {(b.left, b.right) for b in batches} == {(0, MARGIN), (MARGIN, 0), (MARGIN, MARGIN)}
    for batch in batches:
        assert batch.audio.shape == (3, 40 * HOP)
        assert batch.share.shape == (3, 80, BANDS)
        frames = (batch.judged(batch.audio).shape[1] - 720) // 150 + 1
        assert batch.judged_share().shape[1] >= frames
    short = next(b for b in batches if min(b.lengths) == 15)
    row = short.lengths.index(15)
    assert not short.audio[row, 15 * HOP :].any()
    assert not short.x[row, 15:].any()


def test_excerpts_keep_the_phase_of_their_phrase(said: list[Utterance]):
    lesson = Lessons(said).all[1]
    assert torch.equal(lesson.excerpt(37, 40)["turns"], lesson.heard.turns[0, 37:77])


# --- training


@pytest.mark.parametrize("recipe", [PLAIN, CONTESTED], ids=["plain", "contested"])
def test_resumed_run_ends_where_an_uninterrupted_one_does(
    said: list[Utterance], tmp_path: Path, recipe: Recipe
):
    whole, first = trainer(said, recipe), trainer(said, recipe)
    for step in range(6):
        whole.step(step / 6)
    for step in range(3):
        first.step(step / 6)
    first.save(tmp_path / "checkpoint.pt")
    second = trainer(said, recipe)
    second.resume(tmp_path / "checkpoint.pt")
    for step in range(3, 6):
        second.step(step / 6)
    assert torch.equal(weights(second), weights(whole))
    assert all(torch.equal(second.average[name], whole.average[name]) for name in whole.average)


def test_seed_decides_the_weights(said: list[Utterance]):
    one, same, other = (trainer(said, replace(PLAIN, seed=seed)) for seed in (1, 1, 2))
    for each in (one, same, other):
        each.step(0.0)
    assert torch.equal(weights(one), weights(same))
    assert not torch.equal(weights(one), weights(other))


def test_it_learns(said: list[Utterance]):
    """The distance that judges falls, and harmonics are where the teacher's are."""
    student = trainer(said, replace(PLAIN, rate=1e-2))
    before = distances(student.averaged(), said)["all"]
    for _ in range(60):
        student.step(0.0)
    assert distances(student.averaged(), said)["all"] < 0.7 * before


def test_run_leaves_curve_and_weights_and_is_not_run_twice(said: list[Utterance], tmp_path: Path):
    limits = Limits(steps=3, judge_minutes=0.0)
    Run(tmp_path, trainer(said), said, limits).train()
    curve = rows(tmp_path / CURVE)
    assert [row["step"] for row in curve] == [0, 1, 2, 3]
    assert {"spectral", "phase", "share", "held", "minutes"} <= curve[-1].keys()
    FastRenderer.load(tmp_path / WEIGHTS, SMALL)
    again = Run(tmp_path, trainer(said), said, limits)
    again.resume()
    assert again.trainer.step_number == 3
    assert json.dumps(curve) == json.dumps(rows(tmp_path / CURVE))
    assert not (tmp_path / CHECKPOINT).with_suffix(".unfinished").exists()


def test_balance_moves_voiced_power_only(said: list[Utterance]):
    renderer, balanced = trainer(said).averaged(), trainer(said).averaged()
    balance(balanced, noise_nepers=0.5, pulse_nepers=0.3)
    before, after = (powers_db(each, said)["2000-4000"] for each in (renderer, balanced))
    assert after[0] - before[0] == pytest.approx(8.686 * 0.3, abs=0.2)
    assert after[1] - before[1] == pytest.approx(-8.686 * 0.5, abs=0.3)
    hushed = replace(said[0], f0_hz=torch.zeros_like(said[0].f0_hz))
    one, two = (rendered(each, hushed).whole for each in (renderer, balanced))
    torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)


def test_judged_powers_are_the_teachers_own(said: list[Utterance]):
    renderer = trainer(said).averaged()
    assert set(powers_db(renderer, said)) >= {"0-300", "2000-4000"}
    (_, theirs), *_ = sounds(said, None)
    assert len(theirs) == len(said[0].audio)
