"""A client's own sidecar: a start that fails is said, one that ends after it has served is started again."""

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.client import Client
from sidecar.client.finding import ClientOptions, OwnSidecar
from sidecar.protocol.errors import Unreachable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script cannot stand in for Python there")

#: In place of Python with our command line: it notes every start, and does what its last argument says.
STAND_IN = f"""#!{sys.executable}
import json, os, signal, sys, threading, msgpack, zmq

file, what = sys.argv[sys.argv.index("--connection-file") + 1], sys.argv[-1]
with open(file + ".starts", "a+") as starts:
    starts.write("x")
    starts.seek(0)
    is_first = starts.read() == "x"
if what == "fails":
    sys.exit(print("ERROR there is no such device", file=sys.stderr) or 2)
if what == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "comes second" and is_first:
    words = "ERROR cannot start serving: another sidecar, which is just starting, serves already"
    sys.exit(print(words, file=sys.stderr) or 4)
threading.Thread(target=lambda: sys.stdin.read() or os._exit(0)).start()
router = zmq.Context().socket(zmq.ROUTER)
router.bind("tcp://127.0.0.1:*")
endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT)
with open(file + ".new", "w") as new:
    json.dump(dict(protocol=1, pid=1, commands=endpoint, events=endpoint, token="t", started=0), new)
os.replace(new.name, file)
for served in range(2):
    route, _, frame = router.recv_multipart()
    if what == "crashes" and is_first and served:
        os._exit(15)
    pong = msgpack.packb(dict(v=1, id=msgpack.unpackb(frame)["id"], ok=True))
    router.send_multipart([route, b"", pong])
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in = tmp_path / "python"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    return tmp_path / "c.json"


def starts(file: Path) -> int:
    return len(file.with_name("c.json.starts").read_text())


def own(file: Path, what: str) -> Client:
    return Client(file, start=True, start_s=20, arguments=(what,))


def test_one_that_crashes_after_it_has_served_is_started_again(file: Path):
    """Whatever code it ends with: on Windows every code is positive."""
    with own(file, "crashes") as client:
        client.ping()
        client.ping()
    assert starts(file) == 2


@pytest.mark.parametrize(("what", "words"), [("fails", "no such device"), ("dies", "code -9")])
def test_one_that_ends_before_it_serves_is_an_error_and_is_not_tried_again(file: Path, what: str, words: str):
    with own(file, what) as client:
        for _ in range(2):
            with pytest.raises(Unreachable, match=words):
                client.ping()
    assert starts(file) == 1


def test_one_that_comes_second_to_anothers_has_not_failed(file: Path):
    with own(file, "comes second") as client:
        client.ping()
    assert starts(file) == 2


def test_none_is_started_after_the_end(file: Path, monkeypatch: pytest.MonkeyPatch):
    """A start that another thread was about to make when the client was closed."""
    sidecar = OwnSidecar(ClientOptions(file, start=True))
    sidecar.stop()
    monkeypatch.setattr(subprocess, "Popen", None)
    sidecar.start()
