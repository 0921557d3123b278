"""Both clients on Windows's own event loop, with and without keys."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.client import AsyncClient, Client
from sidecar.protocol.connection import Connection
from sidecar.protocol.errors import Unreachable
from sidecar.server.door.door import Endpoints
from sidecar.server.door.keys import make_keys, read_keys
from sidecar.server.server import Server
from tests.fakes import tone_voices


@pytest.fixture(params=[False, True], ids=["loopback", "keys"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Path]]:
    """How to reach a server of tones in this process."""
    keys, curve, found = tmp_path / "keys", None, {}
    if request.param:
        found["keys"] = make_keys(keys)
        curve = read_keys(keys)
    file = tmp_path / "connection.json"
    server = Server(tone_voices(), "t", endpoints=Endpoints(curve=curve))
    commands, events = server.bind()
    key = curve.public_key.decode() if curve else None
    Connection(os.getpid(), commands, events, "t", time.time(), None, key).write(file)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield {"connection_file": file, **found}
    server.stop()
    thread.join(30)
    assert not thread.is_alive()


def test_the_client_for_asyncio_works_on_the_usual_loop(options: dict[str, Path]):
    async def all_ways() -> tuple[float, int, str]:
        assert isinstance(asyncio.get_running_loop(), asyncio.ProactorEventLoop)
        async with AsyncClient(**options, timeout_s=20) as client:
            line = await client.say("Halt! Who goes there?")
            parts = [part async for part in client.stream("A long speech. It goes on. And on.")]
            heard = client.events("line.")
            first = asyncio.ensure_future(anext(heard))
            await asyncio.sleep(0.3)
            await client.say("Another.")
            topic = type(await asyncio.wait_for(first, 20)).__name__
            await heard.aclose()
            return line.duration_s, len(parts), topic

    duration_s, parts, topic = asyncio.run(all_ways())
    assert duration_s > 0.5 and parts >= 1 and topic.startswith("Line")


def test_the_other_client_too(options: dict[str, Path]):
    with Client(**options, timeout_s=20) as client:
        assert client.say("Halt!").audio


def test_a_key_that_is_not_known_is_kept_out(options: dict[str, Path], tmp_path: Path):
    if "keys" not in options:
        pytest.skip("nobody is asked for keys")
    stranger = {**options, "keys": make_keys(tmp_path / "others")}
    with Client(**stranger, timeout_s=0.5, attempts=1) as client, pytest.raises(Unreachable):
        client.ping()
