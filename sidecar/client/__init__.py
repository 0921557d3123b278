"""The Python client: speak lines through a sidecar, from threads or from asyncio.

    with Client() as voice:
        line = voice.say("Halt! Who goes there?", speaker="am_michael")
        for chunk in voice.stream("A very long speech. It goes on. And on."):
            play(chunk.audio)

Needs no PyTorch.
"""

from sidecar.client.asynchronous import AsyncClient, Line
from sidecar.client.blocking import Client
from sidecar.client.finding import ClientOptions

__all__ = ["AsyncClient", "Client", "ClientOptions", "Line"]
