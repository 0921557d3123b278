"""A sidecar on one machine and its clients on another: keys, a copied connection file, and nothing else."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zmq

from sidecar.protocol.connection import Connection
from sidecar.server.door.keys import make_keys
from tests.networks import Machine, two_machines
from tests.processes import TIMEOUT_S, command, serves, wait_for

pytestmark = pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq has no CURVE")

SAY = """
import sys, threading
from sidecar.client import Client
with Client(sys.argv[1], keys=sys.argv[2], timeout_s=float(sys.argv[3]), attempts=1) as client:
    print(len(client.say("Halt! Who goes there?").audio))
    events = client.events("line.done", timeout_s=20)
    over = threading.Event()
    def speak():
        while not over.wait(0.05):
            client.say("Halt!")
    speaker = threading.Thread(target=speak)
    speaker.start()
    print(next(events).topic)
    events.close()
    over.set()
    speaker.join()
"""
ASK_WITHOUT_KEYS = """
import json, sys, zmq
socket = zmq.Context().socket(zmq.REQ)
socket.setsockopt(zmq.LINGER, 0)
with open(sys.argv[1]) as file:
    socket.connect(json.load(file)["commands"])
socket.send(b"hello")
print(socket.poll(1_000))
"""


@dataclass(frozen=True)
class Remote:
    """A sidecar on `server`, the file and key that were carried to `client`, and a stranger's key."""

    process: "subprocess.Popen[str]"
    server: Machine
    client: Machine
    original: Path
    copy: Path
    key: Path
    strangers: Path

    def run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        python = ("unshare", "--pid", "--fork", sys.executable)  # process numbers of its own, too
        line = self.client.command(*python, "-c", program, str(self.copy), *arguments)
        return subprocess.run(line, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    there, here = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("client")
    make_keys(there / "keys")
    make_keys(there / "other")
    file, key, strangers = there / "connection.json", here / "secret", here / "stranger"
    shutil.copy(there / "keys" / "client.key_secret", key)
    shutil.copy(there / "other" / "client.key_secret", strangers)
    with two_machines() as (server, client):
        arguments = ("--address", "0.0.0.0", "--advertise", server.address, "--keys", str(there / "keys"))
        line = server.command(*command(file, *arguments, module="tests.tone_sidecar"))
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: serves(file, process), process)
            copy = here / "connection.json"
            shutil.copy(file, copy)
            yield Remote(process, server, client, file, copy, key, strangers)
        finally:
            process.kill()
            process.communicate()


def test_the_file_names_an_address_that_the_other_machine_can_connect_to(remote: Remote):
    connection = Connection.read(remote.copy)
    for endpoint in (connection.commands, connection.events):
        assert endpoint.startswith(f"tcp://{remote.server.address}:")


def test_a_line_and_events_come_over_the_network(remote: Remote):
    done = remote.run(SAY, str(remote.key), "20")
    assert done.stderr == ""
    size, topic = done.stdout.split()
    assert int(size) > 1_000 and topic == "line.done"


def test_wrong_keys_and_none_get_no_answer(remote: Remote):
    wrong = remote.run(SAY, str(remote.strangers), "1")
    assert "Unreachable: the sidecar did not answer, 1 times" in wrong.stderr and wrong.stdout == ""
    assert remote.run(ASK_WITHOUT_KEYS).stdout == "0\n"


def test_it_ends_regularly_and_its_client_says_where_it_was(remote: Remote):
    """The last test here."""
    remote.process.terminate()
    assert remote.process.wait(TIMEOUT_S) == 0
    assert not remote.original.exists()
    gone = remote.run(SAY, str(remote.key), "1")
    assert f"nobody answers at tcp://{remote.server.address}:" in gone.stderr
