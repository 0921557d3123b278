"""How soon a line is heard: first chunk against the whole line, by stage, alone and in company.

    python -m tests.benchmarks.latency [--repeat N] [--device cpu] [--batching]

The sidecar runs as a process of its own with the real voice and no cache. Every line is said once (a
number in it differs), so nothing is found ready. Bar: the first chunk of a 40-word line within 0.35 of its
whole-line time. `--batching` compares passes of one and of four lines on the engine itself.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from sidecar.client import AsyncClient, Client
from sidecar.protocol.replies import LineTiming
from tests.benchmarks.figures import percentile
from tests.processes import sidecar

LINES = {
    8: "Take {} coins, and leave my shop now.",
    16: (
        "Halt there, stranger, nobody passes this gate after dark without {} good reasons and the captain's "
        "word."
    ),
    40: (
        "The old mine has been sealed for {} years, traveler, and nobody who went in ever came back out, "
        "so if you are really set on going down there tonight, take a lantern, a rope, and somebody "
        "who can sing."
    ),
}
NUMBERS = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
]
CLIENTS = (1, 4, 16)


class Script:
    """Lines that are alike in length and never the same."""

    def __init__(self) -> None:
        self._said = 0

    def line(self, words: int) -> tuple[str, int]:
        """A text, and a seed that makes it new."""
        self._said += 1
        return LINES[words].format(NUMBERS[self._said % len(NUMBERS)]), self._said


def first_and_whole(client: Client, script: Script, words: int) -> tuple[float, float, LineTiming, float]:
    """Milliseconds to the first chunk and to the last, the first chunk's stages, seconds of sound."""
    text, seed = script.line(words)
    began = time.perf_counter()
    first_ms, audio_s, stages = 0.0, 0.0, LineTiming()
    for chunk in client.stream(text, seed=seed):
        if not first_ms:
            first_ms, stages = 1000 * (time.perf_counter() - began), chunk.reply.timing
        audio_s += chunk.duration_s
    return first_ms, 1000 * (time.perf_counter() - began), stages, audio_s


def alone(file: Path, repeat: int) -> None:
    print("\none client: time to the first chunk, to the last, and their ratio")
    script = Script()
    with Client(file, timeout_s=60) as client:
        for words in LINES:
            first_and_whole(client, script, words)
            found = [first_and_whole(client, script, words) for _ in range(repeat)]
            first, whole = ([row[column] for row in found] for column in (0, 1))
            ratio = statistics.median(f / w for f, w in zip(first, whole, strict=True))
            stages = {
                name: statistics.median(getattr(row[2], name) for row in found)
                for name in ("queue_ms", "text_ms", "infer_ms", "encode_ms")
            }
            audio_s = statistics.median(row[3] for row in found)
            print(
                f"  {words:2} words, {audio_s:4.1f} s of sound: first {percentile(first, 50):6.0f} ms, "
                f"whole {percentile(whole, 50):6.0f} ms, ratio {ratio:.2f}"
            )
            print(
                "      first chunk: "
                + ", ".join(f"{name[:-3]} {value:.1f} ms" for name, value in stages.items())
            )


async def company(file: Path, clients: int, lines: int) -> None:
    """Everybody streams 16-word lines, one after the other."""
    script, firsts, wholes, audio = Script(), [], [], []

    async def one(client: AsyncClient) -> None:
        for _ in range(lines):
            text, seed = script.line(16)
            began, first_ms = time.perf_counter(), 0.0
            async for chunk in client.stream(text, seed=seed + 1000 * clients):
                first_ms = first_ms or 1000 * (time.perf_counter() - began)
                audio.append(chunk.duration_s)
            firsts.append(first_ms)
            wholes.append(1000 * (time.perf_counter() - began))

    everybody = [AsyncClient(file, timeout_s=120) for _ in range(clients)]
    began = time.perf_counter()
    await asyncio.gather(*(one(client) for client in everybody))
    took_s = time.perf_counter() - began
    for client in everybody:
        await client.close()
    times = [
        f"{name} p50 {percentile(found, 50):6.0f} p99 {percentile(found, 99):6.0f} ms"
        for name, found in (("first", firsts), ("whole", wholes))
    ]
    print(f"  {clients:2} clients: {', '.join(times)}, {sum(audio) / took_s:.2f} s of speech a second")


def batching(device: str) -> None:
    """Speech a second with one and with four lines in a pass, on the engine itself."""
    from sidecar.engines.kokoro.engine import KokoroEngine
    from sidecar.engines.runtimes import place
    from sidecar.home import Home
    from sidecar.line import Line
    from sidecar.models.default_voice import ensure_default_voice
    from sidecar.models.loader import load_model
    from sidecar.synthesis import Synthesizer

    model = load_model(ensure_default_voice(Home.from_environment()), place(device))
    synthesizer, engine = Synthesizer(model), model.engine
    assert isinstance(engine, KokoroEngine)
    lines = [synthesizer.prepare(Line(LINES[8].format(number))) for number in NUMBERS[:8]]
    print("\nthroughput, eight 8-word lines")
    for rows in (1, 4, 8):
        engine.rows_at_once = rows
        times = []
        for _ in range(4):
            began = time.perf_counter()
            speeches = synthesizer.render([(line, 0) for line in lines])
            times.append(time.perf_counter() - began)
        audio_s = sum(speech.duration_s for speech in speeches)
        print(f"  {rows} lines a pass: {audio_s / min(times[1:]):.2f} s of speech a second")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batching", action="store_true")
    options = parser.parse_args()
    if options.batching:
        batching(options.device)
        return
    file = Path(tempfile.mkdtemp()) / "connection.json"
    with sidecar(file, "--cache", "0", "--device", options.device):
        alone(file, options.repeat)
        print("\n16-word lines, streamed, closed loop")
        for clients in CLIENTS:
            asyncio.run(company(file, clients, max(2, 16 // clients)))


if __name__ == "__main__":
    main()
