"""The error tree: every class has a code of the protocol, and near names are found."""

import pytest

from sidecar.protocol.errors import NpcVoiceError, did_you_mean
from tests.timing import least_cpu_s

CODES = {
    "bad_request", "unauthorized", "unknown_op", "unsupported_version", "too_large",
    "text_too_long", "empty_text", "unknown_speaker", "unknown_emotion", "unknown_language",
    "unknown_model", "unsupported", "bad_audio", "no_model", "overloaded", "deadline_exceeded",
    "cancelled", "insufficient_memory", "model_rejected", "shutting_down", "internal",
}  # fmt: skip


def tree(kind: type[NpcVoiceError]) -> list[type[NpcVoiceError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


def test_every_error_has_a_code_of_the_protocol_and_every_code_an_error():
    assert {kind.code for kind in tree(NpcVoiceError)} == CODES


@pytest.mark.parametrize(
    ("asked", "tail"),
    [
        ("angy", ": did you mean 'angry'?"),
        ("ANGRY", ": did you mean 'angry'?"),
        ("zzz", ": known are angry, sad"),
    ],
)
def test_the_nearest_name_is_offered(asked: str, tail: str):
    assert did_you_mean(asked, ["angry", "sad"]) == tail


def test_a_long_list_is_cut_short():
    assert did_you_mean("?", [f"n{i}" for i in range(9)]).endswith("n5, …")


def test_the_nearest_of_thousands_is_offered_at_once():
    names = [f"alias {i} {j}".ljust(40, "z") for i in range(200) for j in range(32)]
    mistyped, meant = "alias 100 3".ljust(39, "z"), "alias 100 3".ljust(40, "z")
    assert did_you_mean(mistyped, names) == f": did you mean {meant!r}?"
    # over a second when each was compared in full
    assert least_cpu_s(lambda: did_you_mean(mistyped, names)) < 0.4
    assert did_you_mean("8052x", map(str, range(6000, 9000))) == ": did you mean '8052'?"
