"""The money path from the card to the bank, over HTTP, with Stripe's peer in the place of Stripe."""

from __future__ import annotations

import pytest

from sandbox.people import Refused
from tests.drain import drain
from tests.story.agreement import check_agreement
from tests.story.plot import cast


def test_a_client_funds_72_hours_pass_and_the_worker_is_paid(house):
    house.work = drain
    people = cast(house)
    people.set_up_payouts()
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    check_agreement(house.peer)
    people.submit(milestone)
    house.pass_time(hours=71.9)
    assert people.state(milestone) == "submitted"
    house.pass_time(hours=0.2)
    assert people.state(milestone) == "released"
    assert people.wallet() == {"available": "90.00"}
    check_agreement(house.peer)
    payout = people.withdraw("90.00")
    assert people.payout(payout)["state"] == "sent"
    assert people.wallet() == {"in_transit": "90.00"}
    check_agreement(house.peer)
    house.pass_time(hours=72)
    assert people.payout(payout)["state"] == "paid"
    assert people.where(milestone) == {"bank": "90.00", "worker_fee": "10.00", "client_fee": "5.00"}
    assert people.where(milestone, people.client) == {"paid_to_worker": "100.00", "client_fee": "5.00"}
    assert people.where(milestone, people.worker) == {"bank": "90.00", "worker_fee": "10.00"}
    assert people.wallet() == {}
    assert people.books() == {
        "assets:gateway:stripe:available": "11.65",
        "expenses:gateway_fees": "3.35",
        "income:fees:client": "-5.00",
        "income:fees:worker": "-10.00",
    }
    check_agreement(house.peer)


def test_h1_three_parts_cost_the_worker_what_the_whole_would(people):
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    fees = []
    for amount in ("33.35", "33.35", None):
        people.release(milestone, amount)
        fees.append(people.where(milestone)["worker_fee"])
        check_agreement(people.house.peer)
    assert fees == ["3.34", "6.67", "10.00"]
    assert people.state(milestone) == "released"
    assert people.wallet() == {"pending": "90.00"}
    people.house.pass_time(hours=48)
    assert people.wallet() == {"available": "90.00"}
    check_agreement(people.house.peer)


def test_d4_d5_money_that_settles_cannot_be_withdrawn_yet(people):
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    people.release(milestone)
    with pytest.raises(Refused, match="not_enough_available") as refused:
        people.withdraw("90.00")
    assert refused.value.problem["details"]["pending"] == {"amount": "90.00", "currency": "USD"}
    check_agreement(people.house.peer)


def test_what_is_released_to_a_worker_without_an_account_follows_when_there_is_one(house):
    people = cast(house)
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    people.release(milestone)
    assert people.wallet() == {"pending": "90.00"}
    assert people.where(milestone) == {"settling": "90.00", "worker_fee": "10.00", "client_fee": "5.00"}
    house.pass_time(hours=72)
    people.set_up_payouts()
    assert people.wallet() == {"available": "90.00"}
    check_agreement(house.peer)


def test_h2_yen_have_no_cents(people):
    (milestone,) = people.agree("10001", currency="JPY")
    people.fund(milestone)
    people.release(milestone, "3334", "JPY")
    people.release(milestone)
    people.house.pass_time(hours=48)
    assert people.wallet("JPY") == {"available": "9001"}
    assert people.where(milestone) == {"wallet": "9001", "worker_fee": "1000", "client_fee": "500"}
    # The worker's bank account takes dollars.
    payout = people.withdraw("9001", "JPY")
    assert people.payout(payout)["state"] == "failed"
    assert people.wallet("JPY") == {"available": "9001"}
    check_agreement(people.house.peer)


def test_c5_changes_requested_stop_the_clock_and_the_next_submission_starts_another(people):
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    people.submit(milestone)
    people.house.pass_time(hours=71)
    people.client.post(f"/v1/milestones/{milestone}/request-changes", {"what": "The blue is too dark."})
    people.house.pass_time(hours=80)
    assert people.state(milestone) == "funded"
    people.submit(milestone)
    people.house.pass_time(hours=71)
    assert people.state(milestone) == "submitted"
    people.house.pass_time(hours=2)
    assert people.state(milestone) == "released"
    check_agreement(people.house.peer)


def test_c1_a_click_after_the_deadline_does_not_release_twice(people):
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    people.submit(milestone)
    people.house.pass_time(hours=73)
    with pytest.raises(Refused, match="act_not_possible"):
        people.release(milestone, "100.00")
    assert people.wallet() == {"available": "90.00"}
    check_agreement(people.house.peer)


def test_h2_dinars_are_moved_to_the_last_ten_fils(people):
    other, milestone = people.agree("100.000", "10.010", currency="KWD")
    people.fund(other)
    people.fund(milestone)
    people.house.pass_time(hours=49)
    for act, amount in ((people.release, "1.001"), (people.refund, "3.335")):
        with pytest.raises(Refused) as refused:
            act(milestone, amount, "KWD")
        assert (refused.value.problem["code"], refused.value.problem["field"]) == (
            "amount_not_movable",
            "/amount",
        )
    people.release(milestone, "1.010", "KWD")
    people.refund(milestone, "3.330", "KWD")
    people.release(milestone, currency="KWD")
    people.house.pass_time(hours=100)
    assert people.where(milestone) == {
        "wallet": "6.010",
        "worker_fee": "0.670",
        "client_fee": "0.340",
        "refunded": "3.490",
    }
    assert {transfer["state"] for transfer in people.finance.get("/v1/transfers")["data"]} == {"sent"}
    with pytest.raises(Refused) as refused:
        people.withdraw("6.005", "KWD")
    assert refused.value.problem["code"] == "amount_not_movable"
    check_agreement(people.house.peer)
