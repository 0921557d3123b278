"""What a bake of a game's script takes, and whether it holds what it promises.

    python -m tests.benchmarks.baking [--lines 1000] [--peer-lines 200] [--parts speed,lexicon,kill,slope]
    python -m tests.benchmarks.baking --lines 200          # the short form, a fifth of the time

Lines are those of `samples/dialogue.csv`, each said by several speakers of its language. One part after the
other, on two workers:

    speed    the bake, against one `synthesize` after another through the client of a sidecar on as many
             cores; a second bake, which makes nothing; how many clean clips alarm the check (bar: 2 %)
    lexicon  one more word in the cast's lexicon: what is made again are the lines that have it
    kill     a bake that is killed (-9) five times at random and gone on with: the same bytes
    slope    1,000 and 10,000 lines of a voice of tones in two processes, one of which is killed on the way:
             memory and time a line
"""

import argparse
import csv
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

from sidecar.baking import speakers
from sidecar.baking.bake import Choice, baked, planned
from sidecar.baking.cast import Cast
from sidecar.baking.messages import Task
from sidecar.baking.orders import Output
from sidecar.baking.script import read_script
from sidecar.client import Client
from sidecar.demo import sample_lines
from sidecar.prosody.change import NONE
from sidecar.protocol.fields import blend
from tests.fakes import tone_voice
from tests.processes import sidecar

PARTS = ("speed", "lexicon", "kill", "slope")
WORKERS = 2
KILLS = 5
WORD, PHONEMES = "something", "sˈʌmfɪŋ"
#: Who says the lines besides those whose they are, by language.
OTHERS = {
    "en-US": ("af_heart", "am_michael", "af_bella", "am_puck", "am_onyx", "af_nicole", "am_adam", "af_sky",
              "am_fenrir", "af_sarah"),
    "en-GB": ("bf_emma", "bm_george", "bf_isabella", "bm_lewis", "bf_alice", "bm_fable", "bf_lily",
              "bm_daniel", "bf_emma:0.5,bm_george:0.5", "bf_lily:0.5,bf_alice:0.5"),
    "zh-CN": ("zf_xiaobei", "zm_yunxi", "zf_xiaoni", "zm_yunjian", "zf_xiaoxiao", "zm_yunxia", "zf_xiaoyi",
              "zm_yunyang", "zf_xiaobei:0.5,zf_xiaoni:0.5", "zm_yunxi:0.5,zm_yunjian:0.5"),
}  # fmt: skip


def lines() -> Iterator[dict[str, str]]:
    """Rows of a script, no text twice by the same speaker."""
    for turn in range(10):
        for number, line in enumerate(sample_lines()):
            others = OTHERS[line.language]
            yield {
                "id": f"{line.id}-{turn}", "character": f"{line.speaker} {turn}",
                "speaker": others[(number + turn) % len(others)], "emotion": line.mood, "intensity": "0.5",
                "text": line.text,
            }  # fmt: skip


def write_script(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def command(script: Path, out: Path, *more: str) -> list[str]:
    told = ["bake", str(script), "--out", str(out), "--format", "ogg", "--workers", str(WORKERS), "--json"]
    return [sys.executable, "-m", "sidecar", *told, *more]


def bake(script: Path, out: Path, *more: str) -> tuple[dict, float]:
    """What it says, and how many seconds it took from start to end."""
    began = time.monotonic()
    done = subprocess.run(command(script, out, *more), stdout=subprocess.PIPE, check=False)
    took_s = time.monotonic() - began
    return json.loads(done.stdout), took_s


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def audio_s(folder: Path) -> float:
    return sum(row["length_s"] for row in json.loads((folder / "lengths.json").read_text("utf-8"))["lines"])


def speed(script: Path, out: Path, rows: list[dict[str, str]], peers: int) -> None:
    said, took_s = bake(script, out)
    sound_s = audio_s(out)
    print(f"bake: {said['made']} made, {len(said['failed'])} failed in {took_s:.0f} s from start to end: "
          f"{said['made'] / took_s:.2f} lines/s, {sound_s / took_s:.2f} s of speech a second")  # fmt: skip
    alarmed = said["suspicious"]
    print(f"clean clips that alarmed the check: {len(alarmed)} of {said['made']} "
          f"({len(alarmed) / said['made']:.1%})")  # fmt: skip
    for one in alarmed:
        print(f"    {one['id']}: {one['findings'][0]['kind']}, {one['findings'][0]['detail']}")
    again, again_s = bake(script, out)
    print(f"second bake: {again['made']} made, {again['kept']} kept in {again_s:.1f} s")
    with (
        tempfile.TemporaryDirectory() as folder,
        sidecar(file := Path(folder) / "sidecar.json", "--normal-priority"),
    ):
        lines_s, sounds_s = one_after_another(file, rows[:peers])
    print(f"peer, one synthesize after another: {lines_s:.2f} lines/s, {sounds_s:.2f} s of speech a second; "
          f"the bake is {sound_s / took_s / sounds_s:.2f} times as fast")  # fmt: skip


def one_after_another(file: Path, rows: list[dict[str, str]]) -> tuple[float, float]:
    """Lines, and seconds of speech, a second."""
    with Client(file) as client:
        began, sound_s = time.monotonic(), 0.0
        for row in rows:
            speaker = blend(row["speaker"], "speaker")
            said = client.say(
                row["text"], speaker=speaker, emotion=row["emotion"], intensity=0.5, format="ogg"
            )
            sound_s += said.duration_s
        took_s = time.monotonic() - began
    return len(rows) / took_s, sound_s / took_s


def lexicon(script: Path, out: Path, rows: list[dict[str, str]], folder: Path) -> None:
    cast = folder / "cast.json"
    cast.write_text(json.dumps({"characters": {}, "lexicon": {WORD: PHONEMES}}), "utf-8")
    expected = {row["id"] for row in rows if re.search(rf"\b{WORD}\b", row["text"], re.IGNORECASE)}
    before = {name: file.stat().st_mtime_ns for name, file in made_files(out)}
    said, took_s = bake(script, out, "--cast", str(cast))
    now = {name: file.stat().st_mtime_ns for name, file in made_files(out)}
    touched = {name.partition(".")[0] for name in now if now[name] != before.get(name)}
    print(f"one word in the lexicon: {said['made']} made in {took_s:.1f} s, {len(expected)} lines have it, "
          f"{'exactly those' if touched == expected else f'OTHERS: {touched ^ expected}'}")  # fmt: skip


def made_files(out: Path) -> list[tuple[str, Path]]:
    return [(file.name, file) for file in out.iterdir() if file.name.startswith("line-")]


def kill(script: Path, out: Path, again: Path, count: int) -> None:
    """`again` is filled by a bake that is killed; `out` was by one that was not."""
    lots = random.Random(9)
    targets = sorted(lots.sample(range(1, count), min(KILLS, count - 1)))
    for target in targets:
        process = subprocess.Popen(
            command(script, again), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and len(list(again.glob("*.ogg"))) < target:
            time.sleep(lots.uniform(0.01, 0.2))
        process.kill()
        process.wait()
    said, _ = bake(script, again)
    same = "the same bytes" if files_in(out) == files_in(again) else "OTHER BYTES"
    print(f"killed {len(targets)} times at {targets} clips: {said['kept']} kept, {said['made']} made at the "
          f"end; {same} in {len(files_in(again))} files")  # fmt: skip


def slope(sizes: tuple[int, int]) -> None:
    """Each size in a process of its own, so that its peak is its own."""
    found = []
    for size in sizes:
        measured = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.baking", "--stub", str(size)],
            stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
        found.append(json.loads(measured.stdout))
        print(f"{size:,} lines of tones, a process killed at half: {found[-1]}")
    few, many = found
    more = sizes[1] - sizes[0]
    print(f"a line more: {(many['peak_kib'] - few['peak_kib']) / more:.2f} KiB, "
          f"{(many['took_s'] - few['took_s']) / more * 1000:.1f} ms "
          f"({few['took_s'] / sizes[0] * 1000:.1f} ms of the first {sizes[0]:,})")  # fmt: skip


def stub(size: int) -> dict[str, float]:
    speakers.MODULE = "tests.baking.tone_child"
    voice, done = tone_voice().synthesizer, 0
    workers = [speakers.OtherSpeaker(Task("", "", "float32", "auto")) for _ in range(WORKERS)]

    def told(_: object) -> None:
        nonlocal done
        done += 1
        if done == size // 2 and (process := workers[0]._process) is not None:
            process.kill()

    with tempfile.TemporaryDirectory() as folder:
        rows = [{"id": f"a-{n}", "speaker": "bass", "text": f"Number {n}."} for n in range(size)]
        script = write_script(Path(folder) / "script.csv", rows)
        began = time.monotonic()
        plans = planned(
            read_script(script), Cast(), Output("ogg"), Choice(), Path(folder), lambda *_: NONE, voice
        )
        planned_s = time.monotonic() - began
        result = baked(plans, Choice(), Path(folder) / "out", lambda _: workers, lambda _: nullcontext(told))
        took_s = time.monotonic() - began
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return dict(
        made=len(result.made), failed=len(result.failed), peak_kib=peak_kib, planned_s=round(planned_s, 2),
        took_s=round(took_s, 2),
    )  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--lines", type=int, default=1000)
    options.add_argument("--peer-lines", type=int, default=200)
    options.add_argument("--parts", default=",".join(PARTS))
    options.add_argument("--sizes", default="1000,10000", help="Lines of tones, fewer and more.")
    options.add_argument("--stub", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.stub:
        print(json.dumps(stub(given.stub)))
        return
    folder = Path(tempfile.mkdtemp(prefix="npc-voice-bake-"))
    try:
        few, many = map(int, given.sizes.split(","))
        measure(given.parts.split(","), given.lines, given.peer_lines, (few, many), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(parts: list[str], count: int, peers: int, sizes: tuple[int, int], folder: Path) -> None:
    rows = list(islice(lines(), count))
    script, out = write_script(folder / "script.csv", rows), folder / "out"
    if "speed" in parts:
        speed(script, out, rows, peers)
    elif set(parts) & {"lexicon", "kill"}:
        bake(script, out)
    if "kill" in parts:
        kill(script, out, folder / "again", count)
    if "lexicon" in parts:
        lexicon(script, out, rows, folder)
    if "slope" in parts:
        slope(sizes)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
