"""Damaged clips through all that hears them: the decoder, and what measures its sound.

    python -m tests.fuzz.clips [--inputs N] [--seed N] [--only K]

Takes small good clips (every encoding of WAV that is read, FLAC, Vorbis, Opus; MP3 and AIFF, which are
refused by their first bytes, and GSM too) and damages fields of headers, chunk sizes, bits, blocks and whole
pages; lengths and checksums are mostly set right afterwards, so that the damage gets past them. Whatever
comes must be refused with `BadAudio` or give finite samples, and now and then those go on to be measured.

Runs in a child process with a bound on its memory, which makes way for another after as many clips as the
product's does, since Vorbis leaks. A crash, an answer that takes over `LIMIT_S`, more than `GROWTH_BYTES` of
memory or any other exception is a finding: its input is kept, and the exit code is 1.
Input K of a seed is the same whatever else is run; `--only` runs it alone, in this process. Linux only.
"""

import argparse
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import psutil

from sidecar.audio.clip import decoded
from sidecar.audio.decoder import CLIPS
from sidecar.children.inside import peak_memory_bytes
from sidecar.prosody.analysis import analysed
from sidecar.prosody.f0 import RATE_HZ
from sidecar.protocol.errors import BadAudio
from tests.fuzz.damage import mutant, seeds

LIMIT_S = 5
GROWTH_BYTES = 64 << 20
ROOM_BYTES = 1 << 30  # that an input may ask for before it is told that there is no more
MEASURED = 0.02  # of the clips that are accepted

CLIP, MEASURED_CLIP, REFUSAL = "clip", "measured clip", "refusal"


def outcome(body: bytes, chance: random.Random) -> str:
    """What became of it. Raises whatever is neither an answer nor a refusal."""
    try:
        clip = decoded(body)
        assert clip.samples.dtype == np.float32 and clip.samples.ndim == 1, clip.samples.shape
        assert np.isfinite(clip.samples).all() and np.isfinite(clip.peak_dbfs)
        assert 1 <= clip.duration_s <= 30, clip.duration_s
        if chance.random() >= MEASURED:
            return CLIP
        analysed(clip.at(RATE_HZ), clip.peak_dbfs)
    except BadAudio as error:
        assert error.message and "malloc" not in error.message, error.message
        return REFUSAL
    return MEASURED_CLIP


# The child.

SPAWN = multiprocessing.get_context("spawn")
Hear = Callable[[bytes, random.Random], str]


@dataclass(frozen=True)
class Record:
    """What became of one input, in how much processor time; `grown_bytes` since the child began."""

    outcome: str
    took_s: float
    grown_bytes: int


def work(pipe: Connection, hear: Hear, seed: int, first: int, end: int) -> None:
    """Sends a word when it begins and a record for each input; for a finding a line that says what it is,
    and that is the end."""
    warm_up()
    limit_self()
    unheard: list[str] = []  # what a callback of the decoder raises goes nowhere but to the log
    sys.unraisablehook = lambda it: unheard.append(f"in a callback, {it.exc_value!r}")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    base_bytes = peak_bytes()
    pipe.send("ready")
    for number in range(first, end):
        _, body, chance = mutant(seed, number)
        began_s = time.thread_time()
        try:
            what = hear(body, chance)
        except Exception as error:
            unheard.append(repr(error))
        took_s, grown_bytes = time.thread_time() - began_s, peak_bytes() - base_bytes
        if grown_bytes > GROWTH_BYTES:
            unheard.append(f"{grown_bytes >> 20} MiB more than at first")
        if unheard:
            return pipe.send("; ".join(unheard))
        pipe.send(Record(what, took_s, grown_bytes))


def warm_up() -> None:
    """What is loaded once is not an input's doing."""
    for origin in seeds():
        with suppress(BadAudio):
            clip = decoded(origin.body)
    analysed(clip.at(RATE_HZ), clip.peak_dbfs)


def limit_self() -> None:
    room_bytes = psutil.Process().memory_info().data + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (room_bytes, room_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def peak_bytes() -> int:
    return peak_memory_bytes() or 0


# The parent.


@dataclass
class Tally:
    """Of all inputs; `findings` by input."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    grown_bytes: int = 0
    findings: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, record: Record) -> None:
        self.outcomes[record.outcome] += 1
        self.slowest = max(self.slowest, (record.took_s, number))
        self.grown_bytes = max(self.grown_bytes, record.grown_bytes)


def fuzz(seed: int, inputs: int, hear: Hear = outcome) -> Tally:
    """A child does one input after another; after `CLIPS` or a finding the next goes on behind it."""
    tally, number, folder = Tally(), 0, None
    while number < inputs:
        for said in one_child(hear, seed, number, min(number + CLIPS, inputs)):
            if isinstance(said, Record):
                tally.add(number, said)
            else:
                tally.findings[number] = said
                folder = folder or Path(tempfile.mkdtemp(prefix="clips-"))
                keep(folder, seed, number, said)
            number += 1
            if number % 100_000 == 0:
                print(f"{number} inputs", flush=True)
    return tally


def one_child(hear: Hear, seed: int, first: int, end: int) -> Iterator[Record | str]:
    """What it says of its inputs; of the one that it ends at before its time, what it died of."""
    ours, its = SPAWN.Pipe(duplex=False)
    child = SPAWN.Process(target=work, args=(its, hear, seed, first, end))
    child.start()
    its.close()
    try:
        assert ours.recv() == "ready"
        said: Record | str = Record("", 0, 0)
        for _ in range(first, end):
            if not isinstance(said, Record):
                break
            said = ours.recv() if ours.poll(LIMIT_S) else f"no answer in {LIMIT_S} s"
            yield said
    except EOFError:
        child.join()
        yield f"ended with code {child.exitcode}"
    finally:
        child.kill()
        child.join()


def keep(folder: Path, seed: int, number: int, what: str) -> None:
    origin, body, _ = mutant(seed, number)
    file = folder / f"{seed}-{number}"
    file.write_bytes(body)
    print(f"FINDING {what}: input {number}, made of {origin}, is in {file}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="number of one input")
    options = parser.parse_args(arguments)
    if options.only is not None:
        origin, body, chance = mutant(options.seed, options.only)
        print(f"{len(body)} bytes made of {origin}: {outcome(body, chance)}")
        return 0
    began_s = time.monotonic()
    tally = fuzz(options.seed, options.inputs)
    took_s, (slowest_s, slowest) = time.monotonic() - began_s, tally.slowest
    print(
        f"{options.inputs} inputs, {tally.outcomes[CLIP] + tally.outcomes[MEASURED_CLIP]} clips "
        f"({tally.outcomes[MEASURED_CLIP]} measured), {tally.outcomes[REFUSAL]} refusals, "
        f"{len(tally.findings)} findings; slowest {slowest_s * 1e3:.0f} ms (input {slowest}), "
        f"memory grew by {tally.grown_bytes / 2**20:.1f} MiB; {took_s:.0f} s, "
        f"{options.inputs / took_s:.0f} inputs a second"
    )
    return bool(tally.findings)


if __name__ == "__main__":
    sys.exit(main())
