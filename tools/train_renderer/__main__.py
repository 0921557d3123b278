"""Distil Kokoro's generator into the small renderer.

    python -m tools.train_renderer data DATA --minutes 30
    python -m tools.train_renderer train DATA RUN --minutes 60 --start renderer.safetensors
    python -m tools.train_renderer balance RUN/renderer.safetensors balanced.safetensors
    python -m tools.train_renderer judge DATA renderer.safetensors --words

`data` needs the default voice, `judge` the `bench` extra; `train` needs neither, nor a network.
"""

import argparse
import json
import logging
import random
from dataclasses import fields
from pathlib import Path

import torch

from sidecar.engines.tensors import write_tensors
from tools.train_renderer.balance import balance
from tools.train_renderer.batches import Lessons
from tools.train_renderer.corpus import held_path, read_shard, shards
from tools.train_renderer.judging import Listener, distances, powers_db, sounds
from tools.train_renderer.renderer import FastConfig, FastRenderer
from tools.train_renderer.run import Limits, Run
from tools.train_renderer.training import Recipe, Trainer, fresh

HELD_PHRASES = 24  #: that the learning curve is judged by


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.train_renderer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    add_data(commands.add_parser("data", help="let the teacher speak into a folder"))
    add_train(commands.add_parser("train", help="learn from the folder; run again to go on"))
    add_judge(commands.add_parser("judge", help="compare a renderer with its teacher on held-out lines"))
    add_balance(commands.add_parser("balance", help="make a renderer less hoarse, without training"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    options.work(options)


def add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument("data", type=Path)
    command.add_argument("--minutes", type=float, default=30.0)
    command.add_argument("--mebibytes", type=float, default=4096.0, help="at most, in all")
    command.add_argument("--held-lines", type=int, default=1000, help="at most, to judge by")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--device", default="cpu")
    command.add_argument("--threads", type=int, default=1)
    command.set_defaults(work=speak)


def add_train(command: argparse.ArgumentParser) -> None:
    command.add_argument("data", type=Path)
    command.add_argument("run", type=Path)
    command.add_argument("--minutes", type=float, default=60.0)
    command.add_argument("--judge-minutes", type=float, default=3.0)
    command.add_argument("--start", type=Path, help="weights to begin with")
    command.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    command.add_argument("--threads", type=int, default=1)
    for field in fields(Recipe):
        name = f"--{field.name.replace('_', '-')}"
        command.add_argument(name, type=type(field.default), default=field.default)
    command.set_defaults(work=train)


def add_judge(command: argparse.ArgumentParser) -> None:
    command.add_argument("data", type=Path)
    command.add_argument("weights", type=Path, nargs="+")
    command.add_argument("--words", action="store_true", help="count word errors too")
    command.add_argument("--teacher", action="store_true", help="judge the teacher too")
    command.add_argument("--every", type=int, default=1, help="only every so many-th line")
    command.add_argument("--threads", type=int, default=1)
    command.set_defaults(work=judge)


def add_balance(command: argparse.ArgumentParser) -> None:
    command.add_argument("weights", type=Path)
    command.add_argument("out", type=Path)
    command.add_argument("--noise-nepers", type=float, default=0.2, help="taken from noise of voiced steps")
    command.add_argument("--pulse-nepers", type=float, default=0.2, help="given to harmonics")
    command.add_argument("--threads", type=int, default=1)
    command.set_defaults(work=rebalance)


def speak(options: argparse.Namespace) -> None:
    from sidecar.voice import Voice
    from tools.train_renderer.teacher import Teacher, write_held, write_speech

    options.data.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(Voice.load(device=options.device, threads=options.threads))
    write_held(teacher, options.data, options.held_lines)
    write_speech(teacher, options.data, options.seed, options.minutes, options.mebibytes)


def train(options: argparse.Namespace) -> None:
    lessons = Lessons([said for path in shards(options.data) for said in read_shard(path)])
    logging.info("%d phrases, %.0f s", len(lessons.all), lessons.duration_s)
    recipe = Recipe(**{field.name: getattr(options, field.name) for field in fields(Recipe)})
    torch.manual_seed(recipe.seed)
    renderer = FastRenderer.load(options.start) if options.start else fresh(lessons, FastConfig())
    held = read_shard(held_path(options.data))
    trainer = Trainer(renderer, lessons, recipe, torch.device(options.device))
    limits = Limits(minutes=options.minutes, judge_minutes=options.judge_minutes)
    some = random.Random(0).sample(held, min(HELD_PHRASES, len(held)))
    run = Run(options.run, trainer, some, limits)
    run.resume()
    run.train()


def judge(options: argparse.Namespace) -> None:
    held = [said for said in read_shard(held_path(options.data)) if said.origin.line % options.every == 0]
    listener = Listener()
    if options.teacher:
        print(json.dumps({"teacher": listener.hear(sounds(held, None), options.words)}), flush=True)
    for path in options.weights:
        renderer = FastRenderer.load(path)
        found = {
            "log_mel": distances(renderer, held),
            "powers_db": powers_db(renderer, held),
            "heard": listener.hear(sounds(held, renderer), options.words),
        }
        print(json.dumps({str(path): found}), flush=True)


def rebalance(options: argparse.Namespace) -> None:
    renderer = FastRenderer.load(options.weights)
    balance(renderer, options.noise_nepers, options.pulse_nepers)
    write_tensors(renderer.state_dict(), options.out, torch.float16)


if __name__ == "__main__":
    main()
