"""What becomes of a line that is asked for: asked before, known, being made, or one for the queue.

Everything here runs on the server's thread. A line may have to wait for its clip and for the disk.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from sidecar.prosody.change import NONE
from sidecar.prosody.clip_memory import Clips
from sidecar.protocol.errors import InternalError, NpcVoiceError, ShuttingDown, Unsupported
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.clip_listener import ClipListener, Compared
from sidecar.server.lines.clip_voices import ClipVoices
from sidecar.server.lines.delivery import Delivery
from sidecar.server.lines.flight import Caller, Waiter
from sidecar.server.lines.queue import LineQueue, Stores
from sidecar.server.lines.refusals import Refusals, too_late
from sidecar.server.lines.retries import Asked, Retries
from sidecar.server.lines.scheduling import Admission
from sidecar.server.lines.takes import Referring, Take, TakeKey, as_line
from sidecar.server.live_voices import Description, LiveVoices

MAX_WAITERS, MAX_OWN_WAITERS = 4096, 512  #: in all, and of one client


class Intake:
    """`is_away` tells of a connection that is closed, whose session may come back."""

    def __init__(
        self, voices: LiveVoices, stores: Stores, clip_listener: ClipListener, retries: Retries,
        refusals: Refusals, delivery: Delivery, queue: LineQueue, is_away: Callable[[bytes], bool],
        clip_voices: ClipVoices | None = None,
    ) -> None:  # fmt: skip
        self._voices, self._stores, self._clip_listener = voices, stores, clip_listener
        self._retries, self._refusals, self._delivery, self._queue = retries, refusals, delivery, queue
        self._is_away, self._clip_voices = is_away, clip_voices
        self._on_disk: dict[TakeKey, list[Waiter]] = {}
        self._on_clip: dict[tuple[str, ...], list[Waiter]] = {}
        self._clips: dict[tuple[str, ...], Clips] = {}  # those that are listened to
        self.closed = False

    def ask(self, caller: Caller, request: Synthesize, clips: Clips | None) -> None:
        """Answer now, or wait. `clips` come with a reference and never without.

        Raises what is wrong with the request.
        """
        if clips is None:
            self._consider(caller, request, self.closed)
            return
        if request.reference != "emotion":
            self._voices_of_clips(request).check(request, caller.session)
        if (heard := self._clip_listener.known(clips)) is not None:
            self._consider(caller, self._referring(caller, request, heard, clips), self.closed)
        else:
            self._ask_listener(clips, Waiter.of(caller, request))

    def found_on_disk(self, key: TakeKey, take: Take | None) -> None:
        """The answer to a look-up."""
        waiters = self._on_disk.pop(key, [])
        if take is not None:
            self._stores.memory.put(key, take)
        for waiter in waiters:
            with self._refusals.refusing(waiter):
                if take is not None:
                    self._delivery.take(waiter.caller, waiter.request, take.model, take)
                else:
                    self._enqueue(waiter)

    def heard(self, names: tuple[str, ...], heard: Compared | InternalError) -> None:
        """What was heard in the clips of those names."""
        clips = self._clips.pop(names, None)
        for waiter in self._on_clip.pop(names, []):
            with self._refusals.refusing(waiter):
                request = self._referring(waiter.caller, waiter.request, heard, clips)
                self._consider(waiter.caller, request, is_closed=False)

    def resume(self, name: str) -> None:
        """What was paused is taken in as if it came now, with whoever speaks for `name`."""
        for waiter in self._queue.paused.end(name):
            with self._refusals.refusing(waiter):
                self._consider(waiter.caller, waiter.request, is_closed=False)

    def waiters(self) -> Iterator[Waiter]:
        """Everybody who waits for the disk or for a clip."""
        for waiters in (*self._on_disk.values(), *self._on_clip.values()):
            yield from waiters

    def drop_waiters(self, is_meant: Callable[[Waiter], bool], error: NpcVoiceError) -> bool:
        """Refuse those who wait here; True if there were any."""
        found = False
        for waiters in [*self._on_disk.values(), *self._on_clip.values()]:
            for waiter in [w for w in waiters if is_meant(w)]:
                waiters.remove(waiter)
                self._refusals.refuse(waiter, error)
                found = True
        return found

    def expire(self, now_s: float) -> None:
        """Refuse what can no longer be in time."""
        self.drop_waiters(lambda w: w.due_s is not None and now_s > w.due_s, too_late())

    def forget(self) -> None:
        """What disk and clips tell from now on is for nobody."""
        self._on_disk.clear()
        self._on_clip.clear()
        self._clips.clear()

    def _consider(self, caller: Caller, request: Synthesize, is_closed: bool) -> None:
        """A request whose clip, if it has one, has been heard. Raises what is wrong with it."""
        if (asked := self._retries.find(caller, request)) is not None:
            self._again(caller, request, asked)
            return
        if is_closed:
            raise ShuttingDown("the sidecar is stopping")
        self._take_in(Waiter.of(caller, request))

    def _again(self, caller: Caller, request: Synthesize, asked: Asked) -> None:
        """A retry: whatever the first request got or is going to get."""
        if asked.stream is not None and self._delivery.streams.is_open(asked.stream):
            self._delivery.streams.repeat_first(caller, asked.stream)
        elif (take := asked.recording.take) is not None:
            self._delivery.take(caller, request, asked.model, take, cached=False)
        else:
            self._check_crowd(caller)
            flight = next(f for f in self._queue.flights.values() if f.recording is asked.recording)
            flight.waiters = [w for w in flight.waiters if not self._has_come_back(w, caller)]
            flight.waiters.append(Waiter.of(caller, request))

    def _has_come_back(self, waiter: Waiter, caller: Caller) -> bool:
        """Whether one who waits on a connection that is closed now asks on another."""
        return waiter.caller.asked == caller.asked and self._is_away(waiter.caller.route)

    def _take_in(self, waiter: Waiter) -> None:
        """A line that was not asked for before. Raises what is wrong with it."""
        caller, request = waiter.caller, waiter.request
        if request.stream:
            self._check_streams(caller)
        known = self._voices.describe(request.model, caller.session)
        key = key_of(known, request)
        if (take := self._stores.memory.get(key)) is not None:
            self._delivery.take(caller, request, known.name, take)
            return
        if (flight := self._queue.joinable(key)) is not None:
            self._check_crowd(caller)
            self._queue.join(flight, waiter)
            return
        if self._queue.hold(waiter):
            return
        self._voices.find(request.model, caller.session).synthesizer.check(as_line(request))
        if self._stores.disk is None or not self._ask_disk(key, waiter):
            self._enqueue(waiter)

    def _enqueue(self, waiter: Waiter) -> None:
        """Join who makes the same sound, or wait for the device. Raises as `LineQueue.add`."""
        if self._queue.hold(waiter):  # its voice went while the disk was asked
            return
        voice = self._voices.find(waiter.request.model, waiter.caller.session)
        key = key_of(voice.description, waiter.request)
        if (flight := self._queue.joinable(key)) is not None:
            self._check_crowd(waiter.caller)
            self._queue.join(flight, waiter)
        else:
            self._queue.add(waiter, key, voice)

    def _ask_disk(self, key: TakeKey, waiter: Waiter) -> bool:
        """Wait for the disk's answer; False when it cannot be asked now."""
        assert self._stores.disk is not None
        if self._is_crowded(waiter.caller):
            return False
        if key not in self._on_disk and not self._stores.disk.look_up(key):
            return False
        self._on_disk.setdefault(key, []).append(waiter)
        return True

    def _ask_listener(self, clips: Clips, waiter: Waiter) -> None:
        """Wait until the clips have been heard. Raises `ShuttingDown` or `Overloaded`."""
        if self.closed:
            raise ShuttingDown("the sidecar is stopping")
        self._check_crowd(waiter.caller)
        if clips.names not in self._on_clip and not self._clip_listener.listen(clips):
            raise self._refusals.overloaded(Admission(False, retry_after_s=1.0))
        self._clips[clips.names] = clips
        self._on_clip.setdefault(clips.names, []).append(waiter)

    def _voices_of_clips(self, request: Synthesize) -> ClipVoices:
        """Raises `Unsupported` where no voices are fitted."""
        if self._clip_voices is None:
            raise Unsupported(
                f"use is {request.reference!r}: this sidecar takes over a clip's 'emotion' only",
                field="reference",
            )
        return self._clip_voices

    def _referring(
        self, caller: Caller, request: Synthesize, heard: Compared | InternalError, clips: Clips | None
    ) -> Referring:
        """The request with what was heard in its clips: emotion, voice or both. Raises what was wrong with
        those, or what came of fitting the voice."""
        if isinstance(heard, NpcVoiceError):
            raise heard
        if request.reference == "emotion" or clips is None:
            return Referring.to(heard, request)
        traits = self._clip_listener.traits(clips.names[0])
        if traits is None:
            raise InternalError("the clip was forgotten: ask again")
        voices = self._voices_of_clips(request)
        speaker = voices.speaker(request, caller.session, clips.reference, clips.names[0], traits)
        change = heard if request.reference == "both" else NONE
        return Referring.to(change, replace(request, speaker=speaker), (request, clips.names))

    def _check_crowd(self, caller: Caller) -> None:
        """Raises `Overloaded` when too many wait for lines that are made already, or asked for elsewhere."""
        if self._is_crowded(caller):
            raise self._refusals.overloaded(Admission(False, retry_after_s=1.0))

    def _is_crowded(self, caller: Caller) -> bool:
        """The last places are for clients that have nothing waiting."""
        waiting = [waiter.caller.session for waiter in self._everybody()]
        own = waiting.count(caller.session)
        return own >= MAX_OWN_WAITERS or len(waiting) >= MAX_WAITERS - (MAX_OWN_WAITERS if own else 0)

    def _check_streams(self, caller: Caller) -> None:
        """Raises `Overloaded` unless one more stream could be opened when its first chunk is there."""
        streams = self._delivery.streams
        promised = [waiter.caller.session for waiter in self._everybody() if waiter.request.stream]
        if streams.full(len(promised), caller.session in promised or streams.has(caller.session)):
            raise self._refusals.overloaded(Admission(False, retry_after_s=1.0))

    def _everybody(self) -> Iterator[Waiter]:
        yield from self.waiters()
        yield from self._queue.waiters()


def key_of(voice: Description, request: Synthesize) -> TakeKey:
    in_pieces = voice.engine.capabilities.streams_pieces
    return TakeKey.of(voice.fingerprint, request, in_pieces, voice.added_of(request))
