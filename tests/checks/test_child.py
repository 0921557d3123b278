"""What a check's child says last, by what became of the check."""

import errno

import pytest

from sidecar.checks.child import Findings, told
from sidecar.protocol.errors import BadRequest, InsufficientMemory, ModelRejected

ENDS = {
    "no primitive": (RuntimeError("could not create a primitive"), {"kind": "memory"}),
    "no memory": (MemoryError(), {"kind": "memory"}),
    "no memory for a line": (InsufficientMemory("there is no memory left for this line"), {"kind": "memory"}),
    "no memory for a file": (OSError(errno.ENOMEM, "Cannot allocate memory"), {"kind": "memory"}),
    "full disk": (OSError(errno.ENOSPC, "No space left"), {"kind": "storage", "message": "No space left"}),
    "refused": (
        ModelRejected("no", reason="pickle"),
        {"kind": "rejected", "reason": "pickle", "message": "no", "tip": None},
    ),
    "unspeakable": (
        BadRequest("what", tip="so"),
        {"kind": "rejected", "reason": "probe_refused", "message": "what", "tip": "so"},
    ),
}


@pytest.mark.parametrize(("error", "said"), ENDS.values(), ids=ENDS)
def test_a_check_that_fails_says_whose_fault_it_is(error: Exception, said: Findings):
    def run() -> Findings:
        raise error

    assert told(run) == said


def test_a_bug_is_not_explained_away():
    def run() -> Findings:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="differ"):
        told(run)
