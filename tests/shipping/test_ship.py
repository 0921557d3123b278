"""A shipped folder: what is in it."""

import hashlib
import re
import sys
from pathlib import Path

import pytest

from sidecar.home import Home
from sidecar.protocol.errors import BadRequest, Unsupported
from sidecar.shipping.folder import Shipment, ship

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="folders are made on Linux only")
MEGA = 1_000_000


@pytest.mark.parametrize(
    ("system", "languages", "error", "field"),
    [
        ("windows", ["en"], Unsupported, "for"),
        ("amiga", ["en"], Unsupported, "for"),
        ("linux", ["en", "tlh"], BadRequest, "languages"),
    ],
)
def test_what_cannot_be_made_is_refused_by_field_and_leaves_nothing(
    tmp_path: Path, home: Home, system: str, languages: list[str], error: type, field: str
):
    with pytest.raises(error) as refusal:
        ship(tmp_path / "out", system, ["kokoro-82m"], languages, home)
    assert refusal.value.field == field and not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path, home: Home):
    with pytest.raises(BadRequest, match="exists"):
        ship(tmp_path, "linux", ["kokoro-82m"], ["en"], home)


@pytest.mark.slow
def test_it_is_small_whole_and_holds_nothing_that_no_player_needs(shipment: Shipment):
    assert shipment.size_bytes <= 260 * MEGA
    names = [path.relative_to(shipment.folder).as_posix() for path in shipment.folder.rglob("*")]
    assert {"npc-voice", "VERSION", "NOTICES.txt", "SHA256SUMS", "voices", "licences"} <= set(names)
    unwanted = r"(^|/)(__pycache__|pip|pytest|torch|onnx|tests|jieba|pypinyin|idlelib)(/|$)|\.py$|\.lock$"
    assert [name for name in names if re.search(unwanted, name)] == []
    sums = dict(line.split("  ")[::-1] for line in (shipment.folder / "SHA256SUMS").read_text().splitlines())
    for path in shipment.folder.rglob("*"):
        if path.is_file() and path.name != "SHA256SUMS":
            name = path.relative_to(shipment.folder).as_posix()
            assert sums.pop(name) == hashlib.sha256(path.read_bytes()).hexdigest(), name
    assert not sums


@pytest.mark.slow
def test_a_notice_covers_every_file_and_nothing_is_gpl(shipment: Shipment):
    notices = (shipment.folder / "NOTICES.txt").read_text().splitlines()
    known = {re.sub(r"[-_.]+", "-", line.split()[0]).lower(): line for line in notices if ": " in line}
    packages = next((shipment.folder / "python" / "lib").glob("python*/site-packages"))
    owners = {info.name.split("-")[0].replace("_", "-").lower() for info in packages.glob("*.dist-info")} | {
        "misaki"
    }
    assert owners <= known.keys() | {"npc-voice"}
    for line in known.values():
        assert not re.search(r"(?<!L)\bA?GPL", line), line
    listed = {
        path.parent.name.lower().replace("_", "-")
        for path in (shipment.folder / "licences").rglob("*")
        if path.is_file()
    }
    assert "cpython" in listed and len(listed) >= len(known) - 8  # the rest have their text in the metadata
