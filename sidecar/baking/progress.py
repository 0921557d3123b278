"""How a bake goes: a bar on a terminal, and lines of a log where there is none."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LOG_EVERY_S = 5.0
Step = Callable[[str], None]  #: one line is done: what is to be said of it, or nothing


@contextmanager
def progress_of(total: int, console: Console) -> Iterator[Step]:
    """To be called once a line. Shows lines a second and the time that is left."""
    if console.is_terminal:
        with _bar(total, console) as step:
            yield step
    else:
        yield _log(total, console)


@contextmanager
def _bar(total: int, console: Console) -> Iterator[Step]:
    rate = TextColumn("{task.fields[rate]}")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        rate,
        TimeRemainingColumn(),
    )
    began_s = time.monotonic()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("baking", total=total, rate="")

        def step(said: str) -> None:
            done = bar.tasks[0].completed + 1
            if said:
                bar.console.print(said, highlight=False)
            bar.update(task, advance=1, rate=f"{done / (time.monotonic() - began_s):.2f} lines/s")

        yield step


def _log(total: int, console: Console) -> Step:
    began_s = last_s = time.monotonic()
    done = 0

    def step(said: str) -> None:
        nonlocal last_s, done
        done += 1
        now_s = time.monotonic()
        if said:
            console.print(said, highlight=False, soft_wrap=True)
        if now_s - last_s >= LOG_EVERY_S or done == total:
            last_s = now_s
            console.print(summary(done, total, now_s - began_s), highlight=False, soft_wrap=True)

    return step


def summary(done: int, total: int, elapsed_s: float) -> str:
    rate = done / max(elapsed_s, 1e-3)
    return f"{done} of {total}, {rate:.2f} lines/s, {(total - done) / rate:.0f} s left"
