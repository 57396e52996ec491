"""A withdrawal whose answer is lost is never taken for a refusal: what was sent first may have been paid out."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("status", [400, 401])
def test_a_withdrawal_that_was_cut_off_and_then_refused_is_paid_out_once(world, clock, status):
    world.onboard()
    world.earn()
    world.settle()
    clock.advance(days=3)
    world.settle()
    world.peer.webhooks(drop=1.0)
    world.peer.fault("cut_after_effect", method="POST", path="/v1/payouts", count=1)
    # A second try within the same call would meet this, and say nothing of the first.
    refused = world.peer.fault("status", method="POST", path="/v1/payouts", status=status, nth=2, count=1)
    asked = world.withdraw("90.00")
    world.settle()
    assert world.payout(asked.json["id"])["state"] == "unknown"
    assert world.balance()["available"] == "0.00"
    assert refused in [rule["id"] for rule in world.peer.faults()]
    clock.advance(minutes=10)
    world.settle()
    assert [payout["amount"] for payout in world.made("payout")] == [9000]
    assert world.payout(asked.json["id"])["state"] != "failed"
    assert world.balance()["available"] == "0.00"
