"""Whoever has no token decides neither how much is held nor how long others wait."""

import sys

import pytest

from tests.attacks import peers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="resident memory as Linux counts it")
WAIT_MS = 1_000  #: a machine may be busy; `python -m tests.attacks.peers` has the bar
TO_COMMANDS = (
    peers.a_page_posts_endless_parts, peers.endless_large_parts, peers.eight_million_empty_parts,
    peers.unfinished_bodies, peers.unfinished_headers, peers.half_greetings,
    peers.a_flood_of_intricate_headers,
)  # fmt: skip
TO_EVENTS = (
    peers.a_page_posts_a_subscription,
    peers.an_endless_event_frame,
    peers.endless_parts_to_the_events,
    peers.a_large_subscription,
    peers.fifty_thousand_subscriptions,
    peers.nine_hundred_idle_listeners,
)


@pytest.mark.parametrize("attacks", [TO_COMMANDS, TO_EVENTS], ids=["commands", "events"])
def test_memory_and_waiting_stay_bounded_under_attacks_on(attacks: tuple[peers.Attack, ...]):
    def one_after_another(target: peers.Target) -> None:
        for attack in attacks:
            attack(target)

    peers.allow_descriptors()
    seen = peers.stand(one_after_another, seconds=0.6, most_bytes=128 * peers.MEBI)
    assert seen.growth_mib <= peers.GROWTH_MIB
    assert seen.ping_ms <= WAIT_MS and seen.newcomer_ms <= WAIT_MS
