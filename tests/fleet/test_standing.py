"""What a node does about a wish is what a person would do: drop a file, and pin a version."""

from pathlib import Path

import pytest

from sidecar.fleet.fetch import drop_name
from sidecar.fleet.recent import RecentFigures
from sidecar.fleet.spec import Target
from sidecar.fleet.standing import standing
from sidecar.reload.policy import SHIPPED, Side
from sidecar.reload.states import Entry, State

NEW = Target("1.1.0", "a" * 64, "share:guard.npcvoice")
DROP = drop_name("guard", NEW)
PIN, NEW_PIN = {"guard": "1.0.0"}, {"guard": "1.1.0"}


def entry(version: str, state: State, source: str = "x", name: str = "guard", **more: str) -> Entry:
    return Entry(source, "s", state, Path("copy"), name, version, **more)


OLD = entry("1.0.0", State.LIVE, "old", signer=SHIPPED)


@pytest.mark.parametrize(
    ("entries", "pins", "expected"),
    [
        ([OLD], {}, ("1.0.0", "fetching", "", "1.0.0", False)),
        ([OLD], PIN, ("1.0.0", "fetching", "", None, True)),
        ([], {}, ("", "fetching", "", None, True)),
        ([OLD, Entry(DROP, "s", State.FOUND)], PIN, ("1.0.0", "found", "", None, False)),
        ([OLD, entry("1.1.0", State.READY, DROP)], PIN, ("1.0.0", "ready", "", "1.1.0", False)),
        ([OLD, entry("1.1.0", State.LOADING, DROP)], NEW_PIN, ("1.0.0", "loading", "", None, False)),
        ([entry("1.1.0", State.LIVE, DROP)], NEW_PIN, ("1.1.0", "live", "", None, False)),
        (
            [OLD, Entry(DROP, "s", State.REJECTED, reason="unsigned")],
            PIN, ("1.0.0", "rejected", "unsigned", None, False),
        ),
        (
            [OLD, entry("1.1.0", State.READY, DROP, "witch")], PIN,
            ("1.0.0", "rejected", "another_pack", None, False),
        ),
        (
            [entry("1.1.0", State.LIVE, "by hand"), entry("1.1.0", State.READY, DROP)], {},
            ("1.1.0", "rejected", "version_taken", None, False),
        ),
        (
            [entry("1.1.0", State.READY, "by hand"), OLD], PIN,
            ("1.0.0", "fetching", "", None, True),
        ),
    ],
)  # fmt: skip
def test_a_node_stands_and_acts(entries: list[Entry], pins: dict[str, str], expected: tuple):
    found = standing("guard", NEW, entries, pins)
    assert (found.live, found.state, found.reason, found.pin, found.fetch) == expected


def test_a_version_without_a_source_must_be_there_already():
    found = standing("guard", Target("1.1.0"), [OLD], {})
    assert (found.state, found.reason, found.fetch) == ("absent", "no_source", False)
    ready = standing("guard", Target("1.1.0"), [OLD, entry("1.1.0", State.READY, "by hand")], {})
    assert (ready.state, ready.pin) == ("ready", "1.1.0")


def test_figures_are_of_the_window_and_begin_anew_with_a_new_voice():
    figures, key = RecentFigures(), ("guard", "1.0.0")
    for second in range(20):
        figures.add({key: Side(10 * second, second, 1.0 * second, 5.0 * second)}, float(second))
    assert figures.recent(*key, 5.0) == Side(50, 5, 5.0, 25.0)
    assert figures.recent(*key, 1000.0).requests == 190
    figures.add({key: Side(3, 0, 0.1, 1.0)}, 20.0)
    assert figures.recent(*key, 5.0) == Side(3, 0, 0.1, 1.0)
    figures.add({}, 21.0)
    assert figures.recent(*key, 5.0) == Side() and figures.versions("guard") == ()
