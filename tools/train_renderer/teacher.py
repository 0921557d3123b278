"""The teacher: lines in, and out what its generator hears and answers, phrase by phrase."""

import logging
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from sidecar.demo import sample_lines
from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.prosody.emotions import NEUTRAL
from sidecar.synthesis import Line
from sidecar.voice import Voice
from tools.train_renderer.corpus import (
    Origin,
    Utterance,
    held_path,
    shard_path,
    size_mib,
    write_shard,
)
from tools.train_renderer.renderer import CURVE_HZ
from tools.train_renderer.texts import chinese, english

log = logging.getLogger(__name__)

SHARD_S, SHARD_MIB = 60.0, 6.0  #: of speech in each, and at most so large
PHRASES_A_LINE = 2  #: more would make a few long lines the bulk of the data
BLENDED, MANNERED, BENT, TRANSPOSED, HOME_TONGUE = 0.25, 0.1, 0.65, 0.5, 0.65
HELD_ENGLISH, HELD_CHINESE = 4, 6  #: every so many-th sample line is held out
HELD_INTENSITY = 0.9


class Teacher:
    """Kokoro, listened to in front of its generator."""

    def __init__(self, voice: Voice) -> None:
        engine = voice.synthesizer.model.engine
        if not isinstance(engine, KokoroEngine):
            raise TypeError("only Kokoro has a generator to learn from")
        self.synthesizer, self.engine = voice.synthesizer, engine
        self.names = engine.description.speakers
        self.emotions = tuple(voice.emotions.emotions)

    def say(self, line: Line, kind: str, number: int, most: int | None = None) -> Iterator[Utterance]:
        """The first `most` phrases of a line, bent as a user would hear them."""
        origin = Origin(kind, number, line.text, str(line.speaker), str(line.emotion), line.intensity)
        for at, plan in enumerate(self.synthesizer.plans(line)[:most]):
            with listening(self.engine.network.decoder.generator) as heard:
                (audio,) = self.engine.render([plan], [number + at])
            x, s, *_ = heard
            curves = torch.from_numpy(plan.f0_hz), torch.from_numpy(plan.energy)
            yield Utterance(x[0].float().cpu(), s[0].float().cpu(), *curves, torch.from_numpy(audio), origin)


@contextmanager
def listening(module: nn.Module) -> Iterator[list[Tensor]]:
    """What the module is given meanwhile."""
    heard: list[Tensor] = []
    hook = module.register_forward_pre_hook(lambda _, given: heard.extend(given))
    try:
        yield heard
    finally:
        hook.remove()


def any_line(teacher: Teacher, chance: random.Random) -> Line:
    """A line as it may be asked for: any voice or blend, in any mood, at any speed and pitch."""
    name = chance.choice(teacher.names)
    is_chinese = name.startswith("z") and chance.random() < HOME_TONGUE
    speaker: str | dict[str, float] = name
    if chance.random() < BLENDED:
        speaker = {name: chance.uniform(0.3, 0.8), chance.choice(teacher.names): chance.uniform(0.2, 0.7)}
    is_bent, is_transposed = chance.random() < BENT, chance.random() < TRANSPOSED
    return Line(
        chinese(chance) if is_chinese else english(chance),
        speaker,
        chance.choice(teacher.names) if chance.random() < MANNERED else None,
        chance.choice(teacher.emotions) if is_bent else NEUTRAL,
        chance.uniform(0.3, 1.0),
        speed=2 ** chance.uniform(-0.35, 0.35),
        pitch_semitones=chance.uniform(-4, 4) if is_transposed else 0.0,
        language="zh-CN" if is_chinese else chance.choice(("en-US", "en-US", "en-GB")),
    )


def held_lines(teacher: Teacher) -> Iterator[tuple[str, Line]]:
    """Sample lines that nothing is trained on, by kind: in a voice as it is, in a blend, bent, Chinese."""
    chance, emotions = random.Random(0), [e for e in teacher.emotions if e != NEUTRAL]
    rows = sample_lines()
    spoken = [row for row in rows if row.language.startswith("en")][::HELD_ENGLISH]
    for at, row in enumerate(spoken):
        yield "known", Line(row.text, row.voice)
        blend = {name: chance.uniform(0.3, 0.7) for name in chance.sample(teacher.names, 2)}
        yield "blend", Line(row.text, blend, language="en-US")
        mood = emotions[at % len(emotions)]
        yield "bent", Line(row.text, row.voice, emotion=mood, intensity=HELD_INTENSITY)
    for row in [row for row in rows if row.language.startswith("zh")][::HELD_CHINESE]:
        yield "chinese", Line(row.text, row.voice)


def write_held(teacher: Teacher, folder: Path, most: int) -> None:
    """The first `most` lines that judge, once."""
    if not held_path(folder).exists():
        lines = islice(enumerate(held_lines(teacher)), most)
        said = [u for at, (kind, line) in lines for u in teacher.say(line, kind, at)]
        write_shard(said, held_path(folder))
        log.info("held out: %d phrases, %.0f s of speech", len(said), sum(u.duration_s for u in said))


def write_speech(teacher: Teacher, folder: Path, seed: int, minutes: float, most_mib: float) -> None:
    """Shard after shard for so long, or as many as the folder may hold. Each follows from the seed and its
    number alone; those that are there are not made again."""
    began = time.monotonic()
    number = 0
    while time.monotonic() - began < 60 * minutes and size_mib(folder) + SHARD_MIB < most_mib:
        if not shard_path(folder, number).exists():
            said = shard(teacher, random.Random(f"{seed} {number}"), number)
            write_shard(said, shard_path(folder, number))
            log.info("shard %d: %d phrases, %.0f s", number, len(said), sum(u.duration_s for u in said))
        number += 1


def shard(teacher: Teacher, chance: random.Random, number: int) -> Sequence[Utterance]:
    said: list[Utterance] = []
    steps = 0
    while steps < SHARD_S * CURVE_HZ:
        line = any_line(teacher, chance)
        for utterance in teacher.say(line, "training", 1000 * number + len(said), PHRASES_A_LINE):
            said.append(utterance)
            steps += utterance.steps
    return said
