"""Clients that ask for what can be had, and check every answer. A process of its own:

    python -m tests.faults.polite CONNECTION_FILE LINES_JSON REQUESTS CLIENTS SEED

LINES_JSON maps texts to the sha256 of the sound that a direct synthesis has. Prints what was found as JSON.
"""

import asyncio
import hashlib
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.client import AsyncClient
from sidecar.protocol.errors import Cancelled, NpcVoiceError

REFUSED = {
    "empty_text": {"text": ""},
    "unknown_speaker": {"text": "Hi.", "speaker": "nobody"},
    "unknown_emotion": {"text": "Hi.", "emotion": "angy"},
    "unknown_model": {"text": "Hi.", "model": "none"},
    "bad_request": {"text": "Hi.", "speed": 99.0},
}


@dataclass
class Found:
    """`asked` and `right` must be equal in the end; `wrong` says what was not."""

    asked: int = 0
    right: int = 0
    kinds: "Counter[str]" = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Asker:
    def __init__(self, file: Path, lines: dict[str, str], seed: int, found: Found) -> None:
        self._client = AsyncClient(file, timeout_s=60, attempts=12)
        self._lines, self._random, self._found = lines, random.Random(seed), found

    async def run(self, requests: int) -> None:
        async with self._client:
            for _ in range(requests):
                kind = self._random.choices(
                    (self.line, self.stream, self.ping, self.list, self.refusal, self.cancelled),
                    (50, 10, 20, 5, 10, 5),
                )[0]
                self._found.asked += 1
                self._found.kinds[kind.__name__] += 1
                try:
                    problem = await kind()
                except Exception as error:
                    problem = f"{kind.__name__}: {error!r}"
                if problem is None:
                    self._found.right += 1
                else:
                    self._found.wrong.append(problem)

    async def line(self) -> str | None:
        text, expected = self._chosen()
        line = await self._client.say(text, priority=self._random.choice(["bark", "dialogue", "ambient"]))
        return None if hashlib.sha256(line.audio).hexdigest() == expected else f"wrong sound for {text!r}"

    async def stream(self) -> str | None:
        text, expected = self._chosen()
        sound = hashlib.sha256()
        async for chunk in self._client.stream(text):
            sound.update(chunk.audio)
        return None if sound.hexdigest() == expected else f"wrong stream for {text!r}"

    async def ping(self) -> None:
        await self._client.ping()

    async def list(self) -> str | None:
        rows = await self._client.speakers()
        return None if len(rows.speakers) == 54 else "wrong speakers"

    async def refusal(self) -> str | None:
        code, fields = self._random.choice(list(REFUSED.items()))
        try:
            await self._client.say(**fields)
        except NpcVoiceError as error:
            return None if error.code == code else f"{error.code} for {code}"
        return f"no {code}"

    async def cancelled(self) -> str | None:
        """Either the line, or word that it was cancelled."""
        text, expected = self._chosen()
        name = f"c{self._random.getrandbits(60):x}"
        asked = asyncio.create_task(self._client.say(text, id=name))
        await asyncio.sleep(0)
        await self._client.cancel(name)
        try:
            line = await asked
        except Cancelled:
            return None
        return None if hashlib.sha256(line.audio).hexdigest() == expected else f"wrong sound for {text!r}"

    def _chosen(self) -> tuple[str, str]:
        return self._random.choice(list(self._lines.items()))


async def main(file: Path, lines: dict[str, str], requests: int, clients: int, seed: int) -> Found:
    found = Found()
    askers = [Asker(file, lines, seed + number, found) for number in range(clients)]
    await asyncio.gather(*(asker.run(requests // clients) for asker in askers))
    return found


if __name__ == "__main__":
    where, lines_file, *numbers = sys.argv[1:]
    known = json.loads(Path(lines_file).read_text("utf-8"))
    print(json.dumps(vars(asyncio.run(main(Path(where), known, *map(int, numbers))))))
