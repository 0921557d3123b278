"""Name, version and checksum of a checkpoint that comes without a manifest."""

import sys
from pathlib import Path

import pytest

from sidecar.checks.bare import checksum_of, identity
from sidecar.models.manifest import check_identity
from sidecar.protocol.errors import ModelRejected

HASH = "ab" * 32


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("mine", ("mine", "0.0.0")),
        ("mine-1.2.0", ("mine", "1.2.0")),
        ("My Voice-1.2.0-rc.1", ("my-voice", "1.2.0-rc.1")),
        ("kokoro-v1_0", ("kokoro-v1_0", "0.0.0")),
        ("a-b-c-2.0.0+x", ("a-b-c", "2.0.0+x")),
        ("☃", ("voice", "0.0.0")),
        ("..", ("voice", "0.0.0")),
        ("-1.0.0", ("voice", "1.0.0")),
        ("x" * 300, ("x" * 64, "0.0.0")),
    ],
)
def test_a_files_name_gives_a_sound_identity(stem: str, expected: tuple[str, str]):
    assert identity(stem) == expected
    check_identity(*expected)


@pytest.mark.parametrize(
    "text", [HASH, HASH.upper(), f"{HASH}\n", f"{HASH}  x.safetensors\n", f"{HASH} *x.safetensors\r\n"]
)
@pytest.mark.parametrize("name", ["x.safetensors.sha256", "x.sha256"])
def test_a_checksum_is_read_in_every_usual_form(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_bytes(text.encode())
    assert checksum_of(tmp_path / "x.safetensors") == HASH


@pytest.mark.parametrize("text", ["", "no hash", HASH[:-1], HASH + "0", HASH * 100])
def test_a_checksum_that_is_none_is_refused(tmp_path: Path, text: str):
    (tmp_path / "x.sha256").write_text(text)
    with pytest.raises(ModelRejected) as refusal:
        checksum_of(tmp_path / "x.safetensors")
    assert refusal.value.reason == "checksum_missing"


CERTUTIL = (
    "SHA256-Hash von x.safetensors:\r\n{}\r\nCertUtil: -hashfile-Befehl wurde erfolgreich ausgeführt.\r\n"
)


@pytest.mark.parametrize(
    "content",
    [
        f"{HASH.upper()}\r\n".encode("utf-16"),  # PowerShell's >
        f"{HASH.upper()}\r\n".encode("utf-8-sig"),  # Notepad
        CERTUTIL.format(HASH).encode("cp1252"),
        CERTUTIL.format(HASH).encode("utf-16"),
        CERTUTIL.format(" ".join(HASH[i : i + 2] for i in range(0, 64, 2))).encode(
            "cp1252"
        ),  # before Windows 10
    ],
)
def test_a_checksum_is_read_as_windows_programs_write_it(tmp_path: Path, content: bytes):
    (tmp_path / "x.sha256").write_bytes(content)
    assert checksum_of(tmp_path / "x.safetensors") == HASH


@pytest.mark.parametrize(
    ("platform", "program"), [("win32", "Get-FileHash"), ("darwin", "shasum -a 256"), ("linux", "sha256sum")]
)
def test_the_tip_names_a_program_that_is_there(tmp_path: Path, monkeypatch, platform: str, program: str):
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(ModelRejected) as refusal:
        checksum_of(tmp_path / "x.safetensors")
    assert program in str(refusal.value.tip)
