"""A child finds our code though it is isolated, and ends with its input; so does a frozen program's."""

import runpy
import sys

import pytest

from sidecar.children.starting import CHILDREN, be_child_if_told, child_command, start


def test_a_child_finds_our_code_and_ends_with_its_input():
    with start("sidecar.audio.decoding_child", [], heard=False) as child:
        assert child.stdin and child.stdout
        assert len(child.stdout.read(21)) == 21 and child.poll() is None
        child.stdin.close()
        assert child.wait(10) == 0


@pytest.mark.parametrize("module", CHILDREN)
def test_a_frozen_program_is_its_own_child(module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    command, ran = child_command(module, ["argument"]), []
    monkeypatch.setattr(runpy, "run_module", lambda name, run_name: ran.append((name, sys.argv)))
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit):
        be_child_if_told(sys.argv)
    assert ran == [(module, [module, "argument"])]


def test_a_frozen_program_is_no_other_module():
    assert be_child_if_told([sys.executable, "--as-child", "sidecar.cli"]) is None
