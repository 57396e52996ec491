"""A worker's way to their money, over HTTP and against the gateway's peer."""

from __future__ import annotations


def test_money_waits_for_the_account_and_then_goes_to_the_bank(world, clock):
    milestone = world.earn()
    world.settle()
    assert world.balance() == {
        "available": "0.00",
        "pending": "90.00",
        "reserved": "0.00",
        "in_transit": "0.00",
    }
    waiting = world.get("/v1/payouts/balance").json["balances"][0]["waiting"]
    assert waiting[0]["reason"] == "Finish your payout account to move $90.00 to it."
    assert world.made("transfer") == []
    world.onboard()
    account = world.get("/v1/payouts/account").json
    assert (account["state"], account["next_step"]["action"]) == ("ready", "none")
    assert [transfer["amount"] for transfer in world.made("transfer")] == [9_000]
    # The client's payment has not settled yet.
    assert world.withdraw("90.00").json["code"] == "not_enough_available"
    clock.advance(days=3)
    world.settle()
    asked = world.withdraw("90.00")
    assert asked.status_code == 201
    world.settle()
    sent = world.payout(asked.json["id"])
    assert (sent["state"], sent["parts"][0]["milestone_id"]) == ("sent", milestone)
    clock.advance(days=3)
    world.settle()
    paid = world.payout(asked.json["id"])
    assert (paid["state"], paid["bank_last4"]) == ("paid", account["bank_last4"])
    assert paid["trace_id"] == world.made("payout")[0]["trace_id"]["value"]
    assert world.balance() == {
        "available": "0.00",
        "pending": "0.00",
        "reserved": "0.00",
        "in_transit": "0.00",
    }
