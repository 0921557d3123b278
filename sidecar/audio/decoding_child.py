"""The child process that decodes strangers' clips, which `decoder` starts.

Gets clips on standard input, each a `REQUEST` and its bytes; says `READY`, and then answers each with an
`ANSWER` and what that announces. Ends when standard input does, in the midst of a clip too.
"""

import math
import os
import struct
import sys
import threading
import time
from queue import SimpleQueue

from sidecar.audio.clip import decoded
from sidecar.children.inside import limit_self
from sidecar.protocol.errors import BadAudio

#: The bytes of a clip.
REQUEST = struct.Struct("<Q")
#: Which of the three below, samples a second, the peak in dB of full scale, the bytes that follow.
ANSWER = struct.Struct("<BIdQ")
READY, CLIP, REFUSAL = range(3)  # nothing follows; float32 samples; words in UTF-8

MEMORY_BYTES = 300 << 20  # the longest clip at the highest rate takes 240
CPU_S = 4  # for one clip; 30 s of the slowest coding take 0.5


def main() -> None:
    clips: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(clips,), daemon=True).start()
    try:
        _say(READY)
        while True:
            _answer(clips.get())
    finally:
        os._exit(1)  # without waiting for the thread, which holds the input's lock


def _receive(clips: "SimpleQueue[bytes]") -> None:
    while len(head := sys.stdin.buffer.read(REQUEST.size)) == REQUEST.size:
        clips.put(sys.stdin.buffer.read(*REQUEST.unpack(head)))
    os._exit(0)


def _answer(body: bytes) -> None:
    limit_self(MEMORY_BYTES, math.ceil(time.process_time()) + CPU_S)
    try:
        clip = decoded(body)
    except BadAudio as error:
        _say(REFUSAL, error.message.encode())
    else:
        _say(CLIP, clip.samples.data.cast("B"), clip.sample_rate_hz, clip.peak_dbfs)


def _say(
    kind: int, content: bytes | memoryview = b"", sample_rate_hz: int = 0, peak_dbfs: float = 0.0
) -> None:
    sys.stdout.buffer.write(ANSWER.pack(kind, sample_rate_hz, peak_dbfs, len(content)))
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
