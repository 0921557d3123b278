"""A small soak with every test run; the long one is `python -m tests.faults.soak`."""

import sys

import pytest

from sidecar.models.pack import Pack
from tests.faults import soak


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_lost_with_rude_company_and_a_sidecar_that_is_killed(pack: Pack):
    assert soak.main(
        ["--requests", "900", "--clients", "12", "--rude", "4", "--kills", "1", "--growth", "0.1"]
    )
