"""The client for asyncio.

A request that is not answered in time is sent again with the same id over a new connection
("Lazy Pirate"), after another look at the connection file: it survives a sidecar that is killed and
started again, and is never synthesised twice by the same one. While the sidecar speaks, a line that takes
longer is waited for.
"""

import asyncio
import itertools
import os
import sys
import time
import uuid
import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import zmq
import zmq.asyncio

from sidecar.client.finding import (
    LOOK_S,
    ClientOptions,
    OwnSidecar,
    find_sidecar,
    is_current,
    made_elsewhere,
    prepared,
    read_own_keys,
)
from sidecar.home import local_path
from sidecar.protocol import wire
from sidecar.protocol.connection import Connection
from sidecar.protocol.errors import BadRequest, NpcVoiceError, Unreachable, Unsupported
from sidecar.protocol.events import Event, is_known, parse_event
from sidecar.protocol.limits import Limits
from sidecar.protocol.replies import (
    REPLY_TO,
    Answer,
    CancelReply,
    EmotionsReply,
    ErrorReply,
    HelloReply,
    ModelsReply,
    PingReply,
    ShutdownReply,
    SpeakersReply,
    SpokenReply,
    StatsReply,
    parse_reply,
)
from sidecar.protocol.requests import (
    Activate,
    Canary,
    Cancel,
    Emotions,
    Envelope,
    Hello,
    Models,
    Next,
    Ping,
    Remove,
    Request,
    Rescan,
    Rollback,
    Shutdown,
    Speakers,
    Stats,
    Synthesize,
    later_fields,
    request_header,
)

if sys.platform == "win32":  # its usual loop cannot wait for ZeroMQ: pyzmq has tornado do that, and says so
    warnings.filterwarnings("ignore", "Proactor event loop does not implement", RuntimeWarning)

R = TypeVar("R")
LOOK_EVERY_S = 0.5  #: how often a waiting client looks whether the sidecar that owes it an answer is there
#: Errors after which another sidecar may be there, or this one soon not: look at the connection file again.
DEAD_ENDS = ("unauthorized", "shutting_down")
#: Replies come from our own sidecar; audio lies outside the header, so this is plenty.
REPLY_LIMITS = Limits(header_bytes=4 << 20)


@dataclass(frozen=True)
class Line:
    """Speech: `audio` in the format asked for, and what the sidecar says of it."""

    audio: bytes = field(repr=False)
    reply: SpokenReply

    @property
    def duration_s(self) -> float:
        return self.reply.audio.frames / self.reply.audio.sample_rate


@dataclass(frozen=True)
class _Sent:
    """A request, and how often it has been tried."""

    id: str
    request: Request
    session: str
    bodies: tuple[bytes, ...] = ()

    @property
    def is_speech(self) -> bool:
        """Whether it is answered once something has been spoken, which takes its time."""
        return isinstance(self.request, Synthesize | Next)

    def frames(self, token: str) -> list[bytes]:
        envelope = Envelope(self.id, self.request.op, token, self.session)
        header = wire.encode(request_header(envelope, self.request))
        return [header, *self.bodies]

    def answer(self, frames: Sequence[bytes]) -> Answer | None:
        """The answer in `frames`; None when it is another request's. Raises `BadRequest` for garbage."""
        header = wire.decode(frames[0], REPLY_LIMITS)
        body = bytes(frames[1]) if len(frames) > 1 else None
        answer = parse_reply(REPLY_TO[type(self.request)], header, body)
        return answer if answer.id == self.id else None


def pause_before_retry_s(error: ErrorReply, attempt: int) -> float | None:
    """How long to wait before asking again; None when that is no use.

    A token is wrong at the first attempt when the sidecar was started again on the same port.
    """
    if error.code == "unauthorized" and attempt == 0:
        return 0.0
    if not error.retryable:
        return None
    if error.retry_after_ms is not None:
        return error.retry_after_ms / 1000
    return min(2.0, float(0.05 * 2**attempt))


@dataclass(frozen=True)
class _Link:
    """A connected REQ socket, and which sidecar it leads to."""

    socket: zmq.asyncio.Socket
    connection: Connection


def synthesize_request(
    text: str, options: Mapping[str, Any], clip: bytes | None = None, baseline: bytes | None = None
) -> Synthesize:
    """The request with the fields of `Synthesize` as keywords. Raises `BadRequest` for others.

    A clip is a reference for its emotion unless `reference` says otherwise.
    """
    if clip is not None:
        options = {"reference": "emotion", **options}
    if baseline is not None:
        options = {"baseline": True, **options}
    try:
        request = Synthesize(text, **options)
    except TypeError as error:
        raise BadRequest(f"synthesize: {error}") from error
    return replace(request, timings=tuple(request.timings))


def unread(hello: HelloReply, fields: Sequence[str]) -> Unsupported | None:
    """Why a sidecar that says so of itself cannot be sent those fields; None where it can."""
    missing = [name for name in fields if name not in hello.fields]
    if not missing:
        return None
    return Unsupported(f"{hello.server} does not know {missing[0]}: start a newer one", field=missing[0])


def spoken(answer: Answer) -> Line:
    assert isinstance(answer.reply, SpokenReply)
    return Line(answer.body or b"", answer.reply)


class AsyncClient:
    """For asyncio; any number of tasks may share one. `await close()`, or use `async with`.

    Every request under way has a connection of its own out of a pool, so none waits behind another.
    """

    def __init__(self, connection_file: Path | str | None = None, **options: Any) -> None:
        """`options` are those of `ClientOptions`. Raises `BadRequest` for a path that only Wine knows."""
        if connection_file is not None:
            options["connection_file"] = connection_file
        for name in ("connection_file", "keys"):
            if options.get(name) is not None:
                options[name] = local_path(options[name], name)
        self.options = ClientOptions(**options)
        self._sidecar = OwnSidecar(self.options)
        self._context = zmq.asyncio.Context()
        self._idle: list[_Link] = []
        self._pid = os.getpid()
        self._greeted: dict[str, HelloReply] = {}  # by its token, what the last sidecar that was greeted said

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop the connections; stop the sidecar if it is ours. In a forked process both are its parent's."""
        if self._pid != os.getpid():
            return
        self._context.destroy(linger=0)
        self._idle.clear()
        await asyncio.to_thread(self._sidecar.stop)

    async def say(
        self, text: str, *, session: str | None = None, id: str | None = None, clip: bytes | None = None,
        baseline: bytes | None = None, **options: Any,
    ) -> Line:  # fmt: skip
        """One line, whole. `options` are the fields of `synthesize`; `clip` is what `reference` refers to,
        `baseline` a neutral clip of the same person. Raises what the sidecar answers, and `Unsupported` for
        a field that it is too old for.

        A task that is cancelled here cancels the line.
        """
        sent = self._line(text, options, session, id, clip, baseline)
        try:
            return spoken(await self._ask(sent))
        except asyncio.CancelledError:
            await asyncio.shield(self.cancel(sent.id, session=session))
            raise

    async def stream(
        self, text: str, *, session: str | None = None, id: str | None = None, clip: bytes | None = None,
        baseline: bytes | None = None, **options: Any,
    ) -> AsyncGenerator[Line, None]:  # fmt: skip
        """One line chunk by chunk. Closing the iterator early cancels the rest.

        It survives a sidecar that is started again: the next one is asked from the start, and what was heard
        already is passed over.
        """
        sent = self._line(text, {**options, "stream": True}, session, id, clip, baseline)
        line = spoken(await self._ask(sent))
        last, heard = False, 0
        try:
            while True:
                assert line.reply.chunk is not None and line.reply.stream is not None
                last = line.reply.chunk.last
                if line.reply.chunk.index >= heard:
                    heard += 1
                    yield line
                if last:
                    return
                line = await self._following(line.reply.stream, sent, session)
        finally:
            if not last:
                await self.cancel(sent.id, session=session)

    async def _following(self, stream: str, sent: _Sent, session: str | None) -> Line:
        """The next chunk, or the first once more, where a sidecar answers that does not know the stream."""
        try:
            return spoken(await self._ask(self._sent(Next(stream), session)))
        except BadRequest as error:
            if error.field != "stream":
                raise
            return spoken(await self._ask(sent))

    async def cancel(self, target: str, *, session: str | None = None) -> bool:
        """End a line of this session; False when it was over or never there."""
        return (await self._get(Cancel(target), CancelReply, session)).cancelled

    async def hello(self) -> HelloReply:
        return await self._get(Hello(), HelloReply)

    async def ping(self) -> None:
        await self._get(Ping(), PingReply)

    async def speakers(self) -> SpeakersReply:
        return await self._get(Speakers(), SpeakersReply)

    async def emotions(self) -> EmotionsReply:
        return await self._get(Emotions(), EmotionsReply)

    async def models(self) -> ModelsReply:
        return await self._get(Models(), ModelsReply)

    async def activate(self, model: str) -> ModelsReply:
        return await self._get(Activate(model), ModelsReply)

    async def rollback(self, model: str) -> ModelsReply:
        return await self._get(Rollback(model), ModelsReply)

    async def remove(self, model: str) -> ModelsReply:
        return await self._get(Remove(model), ModelsReply)

    async def canary(self, model: str, share: float) -> ModelsReply:
        return await self._get(Canary(model, share), ModelsReply)

    async def rescan(self) -> ModelsReply:
        return await self._get(Rescan(), ModelsReply)

    async def stats(self) -> StatsReply:
        return await self._get(Stats(), StatsReply)

    async def shutdown(self) -> ShutdownReply:
        return await self._get(Shutdown(), ShutdownReply)

    async def events(self, topic: str = "") -> AsyncGenerator[Event, None]:
        """Events whose topic starts so. Listening begins with the first step of the iterator. Those of a
        sidecar that is newer than this client are passed over."""
        link = await self._connected(zmq.SUB, topic)
        try:
            while True:
                name, data = await link.socket.recv_multipart()
                if is_known(name.decode()):
                    yield parse_event(name.decode(), wire.decode(data, REPLY_LIMITS))
        finally:
            link.socket.close()

    def _line(
        self, text: str, options: Mapping[str, Any], session: str | None, id: str | None,
        clip: bytes | None, baseline: bytes | None,
    ) -> _Sent:  # fmt: skip
        bodies = tuple(body for body in (clip, baseline) if body is not None)
        return self._sent(synthesize_request(text, options, clip, baseline), session, id, bodies)

    def _sent(
        self, request: Request, session: str | None = None, request_id: str | None = None,
        bodies: tuple[bytes, ...] = (),
    ) -> _Sent:  # fmt: skip
        return _Sent(request_id or uuid.uuid4().hex, request, session or self.options.session, bodies)

    async def _get(self, request: Request, kind: type[R], session: str | None = None) -> R:
        answer = await self._ask(self._sent(request, session))
        assert isinstance(answer.reply, kind)
        return answer.reply

    async def _ask(self, sent: _Sent) -> Answer:
        """Send until it is answered. Raises the answer's error, or `Unreachable`."""
        if self._pid != os.getpid():
            raise made_elsewhere(self._pid)
        problem: NpcVoiceError = Unreachable("nothing was tried")
        attempt = 0
        while attempt < self.options.attempts:
            answer = await self._try(sent)
            if answer is None:
                if not (sent.is_speech and await self._is_speaking()):
                    attempt += 1
                    problem = Unreachable(f"the sidecar did not answer, {attempt} times", tip=self._tip())
                continue
            if not isinstance(answer.reply, ErrorReply):
                return answer
            problem = answer.reply.exception()
            pause_s = pause_before_retry_s(answer.reply, attempt)
            if pause_s is None:
                break
            attempt += 1
            await asyncio.sleep(pause_s)
        raise problem

    async def _is_speaking(self) -> bool:
        """Whether the sidecar, asked on the side, has lines under way: then one may take longer than our
        patience, and is worth being asked for again."""
        try:
            answer = await asyncio.wait_for(
                self._try(self._sent(Stats())), min(LOOK_S, self.options.timeout_s)
            )
        except (Unreachable, asyncio.TimeoutError):
            return False
        if answer is None or not isinstance(answer.reply, StatsReply):
            return False
        return answer.reply.lines_running + answer.reply.lines_waiting > 0

    async def _try(self, sent: _Sent) -> Answer | None:
        """One attempt over an idle connection or a new one; None when no answer came.

        A connection that owes an answer is dropped: it would come as the next request's.
        """
        link = await self._linked()
        try:
            answer = await self._told(link, sent)
        except BaseException:
            link.socket.close()
            raise
        if answer is None:
            link.socket.close()
        elif isinstance(answer.reply, ErrorReply) and answer.reply.code in DEAD_ENDS:
            self._forget_idle()
            link.socket.close()
        else:
            self._idle.append(link)
        return answer

    async def _exchanged(self, link: _Link, sent: _Sent) -> Answer | None:
        await link.socket.send_multipart(sent.frames(link.connection.token))
        answered = await self._answered(link) or (sent.is_speech and await self._answered_late(link))
        return sent.answer(await link.socket.recv_multipart()) if answered else None

    async def _answered_late(self, link: _Link) -> bool:
        """Wait on, for as long as all attempts, while the sidecar speaks: it drops the lines of a connection
        that closes, and would begin again."""
        for _ in range(self.options.attempts - 1):
            if not await is_current(link.connection, self.options.connection_file):
                return False
            if not await self._is_speaking():
                return False
            if await self._answered(link):
                return True
        return False

    async def _told(self, link: _Link, sent: _Sent) -> Answer | None:
        """What comes over this connection. A sidecar that might pass over a field is greeted first."""
        fields, token = later_fields(sent.request), link.connection.token
        if fields and token not in self._greeted:
            hello = await self._exchanged(link, self._sent(Hello()))
            if hello is None or not isinstance(hello.reply, HelloReply):
                return hello
            self._greeted = {token: hello.reply}
        if fields and (refusal := unread(self._greeted[token], fields)) is not None:
            return Answer(sent.id, ErrorReply.of(refusal))
        return await self._exchanged(link, sent)

    async def _answered(self, link: _Link) -> bool:
        """Wait for an answer, as long as the sidecar that owes it is there.

        Raises `Unreachable` when another task closes the client.
        """
        answer = asyncio.ensure_future(link.socket.poll(round(1000 * self.options.timeout_s)))
        gone = asyncio.ensure_future(self._gone(link.connection))
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            answer.cancel()
            gone.cancel()
        if self._context.closed:
            raise Unreachable("the client is closed")
        if await link.socket.poll(0):
            return True
        self._forget_idle()
        return False

    async def _gone(self, connection: Connection) -> None:
        """Returns when the sidecar is no longer there."""
        await asyncio.sleep(LOOK_EVERY_S)
        while await is_current(connection, self.options.connection_file):
            await asyncio.sleep(LOOK_EVERY_S)

    def _forget_idle(self) -> None:
        """Other connections lead to the same sidecar, and that has failed us."""
        for link in self._idle:
            link.socket.close()
        self._idle.clear()

    async def _linked(self) -> _Link:
        return self._idle.pop() if self._idle else await self._connected(zmq.REQ)

    async def _connected(self, kind: int, topic: str = "") -> _Link:
        """A new socket to the sidecar: for requests, or for events whose topic starts so."""
        connection = await self._found()
        keys = await asyncio.to_thread(read_own_keys, self.options, connection)
        socket = self._context.socket(kind)
        try:
            prepared(socket, connection, keys)
            if kind == zmq.SUB:
                socket.setsockopt_string(zmq.SUBSCRIBE, topic)
            socket.connect(connection.events if kind == zmq.SUB else connection.commands)
        except BaseException:
            socket.close()
            raise
        return _Link(socket, connection)

    async def _found(self) -> Connection:
        """Where the sidecar is, waiting for one that is being started (by us, if asked to)."""
        patience_s = self.options.start_s if self.options.start else self.options.timeout_s
        until_s = time.monotonic() + patience_s
        for attempt in itertools.count():
            try:
                left_s = until_s - time.monotonic()
                connection = await find_sidecar(self.options.connection_file, min(LOOK_S, left_s))
            except Unreachable:
                if time.monotonic() >= until_s:
                    raise
            else:
                self._sidecar.mark_served()
                return connection
            if self.options.start:
                await asyncio.to_thread(self._sidecar.start)
            await asyncio.sleep(min(1.0, 0.05 * 2**attempt, max(0.0, until_s - time.monotonic())))
        raise AssertionError("unreachable")

    def _tip(self) -> str | None:
        """Why a sidecar that is there may leave us without an answer."""
        return "does its folder of keys hold ours?" if self.options.keys is not None else None
