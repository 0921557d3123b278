"""What docs/FLEET.md and its samples say is what the code takes."""

import re
from pathlib import Path

import pytest
import typer

from sidecar.cli import app
from sidecar.fleet.spec import Gate, Spec
from sidecar.server.metrics import HEALTH

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "FLEET.md").read_text("utf-8")
YAML = (ROOT / "samples" / "fleet" / "kubernetes.yaml").read_text("utf-8")


def options() -> set[str]:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    fleet = commands["fleet"].commands
    every = [commands["serve"], *fleet["rollout"].commands.values(), fleet["nodes"], fleet["get"]]
    return {name for command in every for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("text", [PAGE, YAML], ids=["page", "kubernetes"])
def test_every_option_that_is_named_is_one(text: str):
    named = set(re.findall(r"(--[a-z][a-z-]+)", re.sub(r"kubectl.*", "", text)))
    assert named and named <= options() | {"--pack"}


def test_the_defaults_that_the_page_gives_are_those_of_the_code():
    usual = Gate()
    for words in (
        f"`interval` ({usual.interval_s:g}s)", f"`count` ({usual.count})",
        f"`leastLines` ({usual.least_lines})",
        f"`maxErrorRate` ({usual.max_error_rate:g})", f"`maxCostRatio` ({usual.max_cost_ratio:g})",
        f"`failureLimit` ({usual.failure_limit})", f"`inconclusiveLimit` ({usual.inconclusive_limit})",
        f"({Spec.progress_deadline_s / 60:g}m)",
    ):  # fmt: skip
        assert words in PAGE, words


def test_the_probes_ask_for_what_is_answered():
    assert set(re.findall(r"path: (/\w+)", YAML)) == set(HEALTH)


def test_the_sample_is_yaml():
    yaml = pytest.importorskip("yaml")
    kinds = [document["kind"] for document in yaml.safe_load_all(YAML)]
    assert kinds == ["ConfigMap", "Service", "StatefulSet"]
