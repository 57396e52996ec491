"""Stripe on bad days, by dice that fall the same each time: the story ends in the same books."""

from __future__ import annotations

import pytest

from tests.story.agreement import check_agreement
from tests.story.plot import cast
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


@pytest.mark.parametrize("seed", [1, 2])
def test_any_call_and_any_webhook_may_fail(house, seed):
    """Half of the calls that fail are carried out, and half are not."""
    for kind in ("cut_before_effect", "cut_after_effect"):
        house.peer.fault(kind, path="/v1/(?!.*confirm).*", count=None, probability=0.15, seed=seed)
    house.peer.webhooks(seed=seed, **ROADS["all_of_it"])
    play(house)


def test_stripe_is_away_for_a_day(house):
    people = cast(house)
    people.set_up_payouts()
    paid, given_back, waiting = people.agree("100.00", "60.00", "30.00")
    people.fund(paid)
    people.fund(given_back)
    sheet = people.client.post(f"/v1/milestones/{waiting}/checkout")
    house.peer.pay(sheet["paymentIntent"])
    house.peer.fault("status", status=503, count=None)
    people.submit(paid)
    people.refund(given_back)
    for _ in range(13):
        house.pass_time(hours=2)
    assert people.state(waiting) == "funding"
    assert people.where(given_back) == {"refunding": "63.00"}
    house.peer.clear_faults()
    house.pass_time(hours=47)
    assert people.state(waiting) == "funded"
    assert people.wallet() == {"available": "90.00"}
    assert people.where(given_back) == {"refunded": "63.00"}
    check_agreement(house.peer)
