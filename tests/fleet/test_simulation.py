"""Two hundred fleets with random faults end where they should (`tests/fleet/simulation.py`)."""

import pytest

from tests.fleet.simulation import KINDS, Simulation


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_rollouts_end_where_they_should_whatever_dies(first: int):
    ended = [Simulation(seed).run() for seed in range(first, first + 20)]
    assert set(ended) <= set(KINDS)
