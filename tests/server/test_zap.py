"""At the door: known keys come in, others do not, whatever happened there before."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq
import zmq.auth

from sidecar.server.door.keys import make_keys, read_keys
from sidecar.server.door.zap import ENDPOINT, Authenticator
from tests.protocol.zmtp import RawPeer

needs_curve = pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq has no CURVE")
REFUSED_MS = 300
ADMITTED_MS = 10_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys")
    return tmp_path / "keys"


@contextmanager
def door(keys: Path | None) -> Iterator[str]:
    """A socket that echoes to those who are let in: by their keys, or all."""
    context = zmq.Context()
    guard = Authenticator(context, None if keys is None else read_keys(keys).clients)
    guard.start()
    router = context.socket(zmq.ROUTER)
    router.setsockopt_string(zmq.ZAP_DOMAIN, "tests")
    if keys is not None:
        router.setsockopt(zmq.CURVE_SERVER, 1)
        router.setsockopt(zmq.CURVE_SECRETKEY, read_keys(keys).secret_key)
    router.bind("tcp://127.0.0.1:*")
    over = threading.Event()

    def echo() -> None:
        while not over.is_set():
            if router.poll(50):
                router.send_multipart(router.recv_multipart())

    thread = threading.Thread(target=echo)
    thread.start()
    try:
        yield router.getsockopt_string(zmq.LAST_ENDPOINT)
    finally:
        over.set()
        thread.join()
        guard.stop()
        router.close(0)
        context.term()


@contextmanager
def guest(
    endpoint: str, server: Path | None = None, pair: tuple[bytes, bytes] = (b"", b"")
) -> Iterator[zmq.Socket]:
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        if server is not None:
            socket.setsockopt(zmq.CURVE_SERVERKEY, read_keys(server).public_key)
            socket.setsockopt(zmq.CURVE_PUBLICKEY, pair[0])
            socket.setsockopt(zmq.CURVE_SECRETKEY, pair[1])
        socket.connect(endpoint)
        yield socket


def is_let_in(endpoint: str, wait_ms: int, *keys) -> bool:
    with guest(endpoint, *keys) as socket:
        socket.send(b"knock")
        return bool(socket.poll(wait_ms)) and socket.recv() == b"knock"


def known(folder: Path) -> tuple[bytes, bytes]:
    return zmq.auth.load_certificate(folder / "client.key_secret")


def add(folder: Path, name: str) -> tuple[bytes, bytes]:
    """Drop another client's public key into the folder; its pair."""
    public, secret = (Path(path) for path in zmq.auth.create_certificates(folder, name))
    public.replace(folder / "clients" / public.name)
    return zmq.auth.load_certificate(secret)


@needs_curve
def test_a_known_key_comes_in_and_an_unknown_one_and_none_do_not(folder: Path):
    with door(folder) as endpoint:
        assert not is_let_in(endpoint, REFUSED_MS, folder, zmq.curve_keypair())
        assert not is_let_in(endpoint, REFUSED_MS)
        assert is_let_in(endpoint, ADMITTED_MS, folder, known(folder))


@needs_curve
def test_keys_come_and_go_while_it_serves(folder: Path):
    with door(folder) as endpoint:
        late = add(folder, "late")
        with guest(endpoint, folder, late) as inside:
            for _ in range(2):
                inside.send(b"knock")
                assert inside.poll(ADMITTED_MS) and inside.recv() == b"knock"
                (folder / "clients" / "late.key").unlink(missing_ok=True)  # who is inside stays
        assert not is_let_in(endpoint, REFUSED_MS, folder, late)
        assert is_let_in(endpoint, ADMITTED_MS, folder, known(folder))


@needs_curve
@pytest.mark.parametrize("content", [b"", b"public-key\n", b"\xff\x00", b'public-key = "short"'])
def test_a_damaged_key_file_keeps_nobody_out_and_lets_nobody_in(folder: Path, content: bytes):
    (folder / "clients" / "a.key").write_bytes(content)
    (folder / "clients" / "folder.key").mkdir()
    with door(folder) as endpoint:
        assert not is_let_in(endpoint, REFUSED_MS, folder, zmq.curve_keypair())
        assert is_let_in(endpoint, ADMITTED_MS, folder, known(folder))


@needs_curve
def test_without_a_folder_nobody_comes_in_until_there_is_one(folder: Path):
    os.rename(folder / "clients", folder / "elsewhere")
    with door(folder) as endpoint:
        assert not is_let_in(endpoint, REFUSED_MS, folder, known(folder))
        os.rename(folder / "elsewhere", folder / "clients")
        assert is_let_in(endpoint, ADMITTED_MS, folder, known(folder))


def test_without_keys_everybody_comes_in():
    with door(None) as endpoint:
        assert is_let_in(endpoint, ADMITTED_MS)


@pytest.mark.parametrize(
    "greeting", [b"\x01\x00", b"\xff" + bytes(7) + b"\x01\x7f\x01\x03\x00\x00"], ids=["1", "2"]
)
def test_peers_of_old_protocols_are_turned_away(greeting: bytes):
    with door(None) as endpoint:
        with RawPeer(endpoint) as peer:
            peer.send(greeting)
            with pytest.raises(ConnectionError):
                peer.receive(1_000)
        with RawPeer(endpoint) as peer:
            peer.handshake()
        assert is_let_in(endpoint, ADMITTED_MS)


@pytest.mark.parametrize(
    ("clients", "rest", "status"),
    [
        (None, [b"NULL"], b"200"),
        (None, [b"PLAIN", b"admin", b"secret"], b"400"),
        ("clients", [b"NULL"], b"400"),
        ("clients", [b"CURVE"], b"400"),
        ("clients", [b"CURVE", b"too short"], b"400"),
        ("clients", [], b"400"),
    ],
)
def test_every_question_has_an_answer(folder: Path, clients: str | None, rest: list[bytes], status: bytes):
    """Also one that ZeroMQ would never ask, and the next one too."""
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        guard = Authenticator(context, None if clients is None else folder / clients)
        guard.start()
        socket.connect(ENDPOINT)
        for number in (b"1", b"2"):
            socket.send_multipart([b"1.0", number, b"tests", b"127.0.0.1", b"", *rest])
            assert socket.poll(ADMITTED_MS)
            assert socket.recv_multipart()[:3] == [b"1.0", number, status]
        guard.stop()


def test_its_thread_ends_and_nothing_is_left(folder: Path):
    before = set(threading.enumerate())
    with zmq.Context() as context:
        guard = Authenticator(context, folder)
        guard.stop()
        guard.start()
        with pytest.raises(zmq.ZMQError, match="in use"):
            Authenticator(context).start()
        guard.stop()
        guard.stop()
        Authenticator(context).stop()
    assert set(threading.enumerate()) == before
