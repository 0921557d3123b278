"""The process that speaks some of a bake's lines, which `speakers` starts. It ends when its input does."""

import os
import sys
from pathlib import Path

from sidecar.baking.differences import Wanted
from sidecar.baking.messages import Task, order_of, task_of, write_answer
from sidecar.baking.speakers import OwnSpeaker
from sidecar.home import Home
from sidecar.voice import Voice


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    task = sys.stdin.buffer.readline()
    if not task:
        return
    speaker = OwnSpeaker(_voice(task_of(task)).synthesizer)
    write_answer(answers, None)
    while line := sys.stdin.buffer.readline():
        write_answer(answers, speaker.clip(Wanted(*order_of(line))))


def _voice(task: Task) -> Voice:
    return Voice.load(
        task.pack or None, device="cpu", precision=task.precision, runtime=task.runtime, threads=1,
        home=Home(Path(task.home)),
    )  # fmt: skip


if __name__ == "__main__":
    main()
