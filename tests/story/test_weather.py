"""Stripe on bad days, by dice that fall the same each time: the story ends in the same books."""

from __future__ import annotations

import pytest

from tests.story.short_story import play

ROADS = {
    "duplicated": {"duplicate": 1.0},
    "reordered": {"reorder": 0.5},
    "delayed": {"delay": 0.5, "delay_seconds": 4_000},
    "lost": {"drop": 1.0},
    "all_of_it": {"drop": 0.3, "duplicate": 0.3, "reorder": 0.3, "delay": 0.3},
}


@pytest.mark.parametrize("road", ROADS)
def test_webhooks_on_a_bad_road(house, road):
    house.peer.webhooks(seed=7, **ROADS[road])
    play(house)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_call_and_any_webhook_may_fail(house, seed):
    """Half of the calls that fail are carried out, and half are not."""
    for kind in ("cut_before_effect", "cut_after_effect"):
        house.peer.fault(kind, path="/v1/(?!.*confirm).*", count=None, probability=0.15, seed=seed)
    house.peer.webhooks(seed=seed, **ROADS["all_of_it"])
    play(house)
