"""A spec is read strictly, in the words that people know; what is wrong is named with what would do."""

import json

import pytest

from sidecar.fleet.documents import NodeStatus, Recent, VoiceStatus, read_state, read_status, written
from sidecar.fleet.rollout import Decision, State
from sidecar.fleet.spec import Gate, Pause, Target, Weight, read_spec
from sidecar.protocol.errors import BadRequest
from sidecar.reload.policy import Side

SHA256 = "0" * 64
ELSEWHERE = {"version": "1.0.0", "sha256": SHA256, "source": "share:../x.npcvoice"}
GOOD = {
    "rollout": "5f0c9a1e", "name": "guard", "version": "2.1.0", "sha256": SHA256,
    "source": "https://packs.example.org/guard-2.1.0.npcvoice",
    "steps": [{"weight": 10}, {"pause": {"duration": "5m"}}, {"weight": 50, "analysis": None}, {"pause": {}}],
    "analysis": {"interval": "30s", "count": 4, "failureLimit": 1},
    "progressDeadline": "10m", "rollbackWindow": 2,
}  # fmt: skip


def test_a_spec_says_what_people_mean():
    spec = read_spec(json.dumps(GOOD), "guard")
    gate = Gate(30.0, 4, 1, initial_delay_s=30.0)
    assert spec.target == Target("2.1.0", SHA256, str(GOOD["source"]))
    assert spec.steps == (Weight(10, gate), Pause(300.0), Weight(50, None), Pause())
    assert (spec.progress_deadline_s, spec.rollback_window, gate.promised_s) == (600.0, 2, 60.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "witch"}, "it lies under 'guard'"),
        ({"version": "2.1"}, "version must be a semantic version"),
        ({"sha256": "00"}, "sha256 must be 64 hexadecimal digits"),
        ({"source": "ftp://x/y"}, "expected https://HOST"),
        ({"source": "https://user:secret@host/x"}, "without a user"),
        ({"source": "share:a/../b.npcvoice"}, "without a path"),
        ({"steps": [{"weight": 101}]}, r"steps\[0\]\.weight is 101, expected 0 to 100, the nearest is 100"),
        ({"steps": [{"wait": 1}]}, r"steps\[0\] must be a map with a weight or a pause"),
        ({"steps": [{"weight": True}]}, "must be a whole number"),
        ({"steps": [{"pause": {"duration": "5 minutes"}}]}, "expected a duration such as 30s"),
        ({"analysis": {"failurelimit": 1}}, "did you mean 'failureLimit'"),
        ({"analysis": {"figures": "prometeus"}}, "did you mean 'prometheus'"),
        ({"analysis": {"maxErrorRate": 2}}, "expected 0 to 1, the nearest is 1"),
        ({"rollout": "../x"}, "rollout must be 4 to 32"),
        ({"progressDeadline": -1}, "the nearest is 0"),
        ({"rollbackwindow": 1}, "did you mean 'rollbackWindow'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_spec_is_named(changes: dict[str, object], words: str):
    with pytest.raises(BadRequest, match=words):
        read_spec(json.dumps({**GOOD, **changes}), "guard")


def test_what_a_judge_writes_is_read_again():
    state = State(
        "abcd", Target("1.1.0", SHA256, "share:x.npcvoice"), stable=Target("1.0.0"),
        earlier=(Target("0.9.0"),),
        usual_cost=0.1, history=(Decision(1.5, "one", "Paused", 10, "asked to"),),
    )  # fmt: skip
    assert read_state(written(state)) == state
    voice = VoiceStatus(
        "guard", "1.0.0", "1.1.0", "fetching", recent=(Recent("1.0.0", 5.0, Side(3, 1, 0.5, 2.0)),)
    )
    status = NodeStatus("one", "host", "0.1.0", 2.5, (voice,))
    assert read_status(written(status), "one") == status


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phase": "Done"}, "expected one of Progressing"),
        ({"weight": 1000}, "expected 0 to 100"),
        ({"stable": {**ELSEWHERE}}, "without a path"),
        ({"history": [{}] * 1000}, "missing|remembered"),
        ({"target": None}, "target"),
    ],
)  # fmt: skip
def test_a_state_that_somebody_else_has_written_is_not_believed(changes: dict[str, object], words: str):
    data = json.loads(written(State("abcd", Target("1.1.0"))))
    with pytest.raises(BadRequest, match=words):
        read_state(json.dumps({**data, **changes}))
