"""An old processor is named before something dies of it."""

import platform
import sys
from pathlib import Path

import pytest

from sidecar import processor

NEHALEM = "processor\t: 0\nmodel name\t: old\nflags\t\t: fpu sse sse2 ssse3 sse4_1 sse4_2 popcnt\nbugs\t\t:\n"


@pytest.mark.parametrize(
    ("machine", "flags", "complains"),
    [
        ("x86_64", NEHALEM, True),
        ("x86_64", NEHALEM.replace("popcnt", "popcnt avx avx2"), False),
        ("x86_64", "", False),
        ("aarch64", NEHALEM, False),
    ],
)
def test_a_processor_without_avx_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: str, flags: str, complains: bool
):
    (tmp_path / "cpuinfo").write_text(flags)
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    said = processor.complaint()
    assert (said is not None and "AVX" in said) == complains
