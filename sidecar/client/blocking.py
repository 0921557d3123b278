"""The client without asyncio."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from pathlib import Path
from typing import Any, TypeVar

from sidecar.client.asynchronous import AsyncClient, Line
from sidecar.client.finding import ClientOptions, made_elsewhere
from sidecar.protocol.errors import Unreachable
from sidecar.protocol.events import Event
from sidecar.protocol.replies import (
    EmotionsReply,
    HelloReply,
    ModelsReply,
    ShutdownReply,
    SpeakersReply,
    StatsReply,
)

T = TypeVar("T")


class Client:
    """The same without asyncio; safe to share between threads. `close` it, or use it in a `with`.

    In a forked process its calls raise `Unreachable`: each process needs a client of its own.
    An `AsyncClient` on a thread and an event loop of its own does the work.
    """

    def __init__(self, connection_file: Path | str | None = None, **options: Any) -> None:
        """`options` are those of `ClientOptions`."""
        self._loop = asyncio.SelectorEventLoop()  # ZeroMQ needs this kind, on Windows too
        self._thread = threading.Thread(target=self._loop.run_forever, name="npc-voice client", daemon=True)
        self._thread.start()
        self._pid = os.getpid()
        self._client = AsyncClient(connection_file, **options)

    @property
    def options(self) -> ClientOptions:
        return self._client.options

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connections; stop the sidecar if it is ours; end the thread."""
        if self._loop.is_closed() or self._pid != os.getpid():
            return
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def say(self, text: str, *, session: str | None = None, id: str | None = None, **options: Any) -> Line:
        """One line, whole. `options` are the fields of `synthesize`. Raises what the sidecar answers."""
        return self._run(self._client.say(text, session=session, id=id, **options))

    def stream(
        self, text: str, *, session: str | None = None, id: str | None = None, **options: Any
    ) -> Generator[Line, None, None]:
        """One line chunk by chunk. Leaving the loop early cancels the rest."""
        return self._each(self._client.stream(text, session=session, id=id, **options), None)

    def cancel(self, target: str, *, session: str | None = None) -> bool:
        """End a line of this session; False when it was over or never there."""
        return self._run(self._client.cancel(target, session=session))

    def hello(self) -> HelloReply:
        return self._run(self._client.hello())

    def ping(self) -> None:
        self._run(self._client.ping())

    def speakers(self) -> SpeakersReply:
        return self._run(self._client.speakers())

    def emotions(self) -> EmotionsReply:
        return self._run(self._client.emotions())

    def models(self) -> ModelsReply:
        return self._run(self._client.models())

    def activate(self, model: str) -> ModelsReply:
        return self._run(self._client.activate(model))

    def rollback(self, model: str) -> ModelsReply:
        return self._run(self._client.rollback(model))

    def remove(self, model: str) -> ModelsReply:
        return self._run(self._client.remove(model))

    def canary(self, model: str, share: float) -> ModelsReply:
        return self._run(self._client.canary(model, share))

    def rescan(self) -> ModelsReply:
        return self._run(self._client.rescan())

    def stats(self) -> StatsReply:
        return self._run(self._client.stats())

    def shutdown(self) -> ShutdownReply:
        return self._run(self._client.shutdown())

    def events(self, topic: str = "", timeout_s: float | None = None) -> Generator[Event, None, None]:
        """Events whose topic starts so, until none has come for `timeout_s`. Listening begins with the
        first step of the iterator."""
        return self._each(self._client.events(topic), timeout_s)

    def _each(self, items: AsyncGenerator[T, None], timeout_s: float | None) -> Generator[T, None, None]:
        try:
            while True:
                try:
                    yield self._run(asyncio.wait_for(anext(items), timeout_s))
                except (StopAsyncIteration, asyncio.TimeoutError):
                    return
        finally:
            self._run(items.aclose())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            work.close()
            raise Unreachable("the client is closed")
        if self._pid != os.getpid():
            work.close()
            raise made_elsewhere(self._pid)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _end(self) -> None:
        """Cancel what other threads still wait for, then close."""
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.close()
        await self._loop.shutdown_default_executor()
