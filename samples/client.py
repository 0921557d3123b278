"""A whole client: speak one line through a running `npc-voice serve`. Needs pyzmq and msgpack only."""

import json
import sys
import uuid
import wave
from pathlib import Path

import msgpack
import zmq


def main(connection_file: str, text: str, output: str) -> None:
    connection = json.loads(Path(connection_file).read_text("utf-8"))
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, 120_000)
        socket.connect(connection["commands"])
        request = {"v": 1, "op": "synthesize", "id": uuid.uuid4().hex, "text": text}
        socket.send(msgpack.packb({**request, "token": connection["token"]}))
        header, *body = socket.recv_multipart()
    reply = msgpack.unpackb(header)
    if not reply["ok"]:
        sys.exit(f"{reply['error']['code']}: {reply['error']['message']}")
    with wave.open(output, "wb") as file:
        file.setparams((1, 2, reply["audio"]["sample_rate"], 0, "NONE", ""))
        file.writeframes(body[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
