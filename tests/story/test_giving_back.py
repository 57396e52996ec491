"""Held money goes back to the card, at once, days later, or not at all."""

from __future__ import annotations

import pytest

from identity.permissions import Role
from tests.story.agreement import check_agreement
from tests.story.plot import hired


@pytest.fixture
def milestone(people):
    (agreed,) = people.agree("100.00")
    return agreed


def test_e5_what_has_settled_goes_back_at_once(people, milestone):
    other, _ = people.agree("500.00", "1.00")
    people.fund(other)
    people.fund(milestone)
    people.house.pass_time(hours=49)
    people.refund(milestone)
    assert people.where(milestone) == {"refunded": "105.00"}
    assert people.where(milestone, people.worker) == {"refunded": "100.00"}
    assert people.state(milestone) == "refunded"
    check_agreement(people.house.peer)


def test_e3_what_has_not_settled_goes_back_when_stripe_has_it(people, milestone):
    other, _ = people.agree("500.00", "1.00")
    people.fund(other)
    people.fund(milestone)
    people.refund(milestone)
    assert people.where(milestone) == {"refunding": "105.00"}
    check_agreement(people.house.peer)
    people.house.pass_time(hours=49)
    assert people.where(milestone) == {"refunded": "105.00"}
    check_agreement(people.house.peer)


def test_h1_parts_given_back_return_the_fee_with_the_last_cent(people, milestone):
    other, _ = people.agree("500.00", "1.00")
    people.fund(other)
    people.fund(milestone)
    people.house.pass_time(hours=49)
    shown = []
    for amount in ("33.33", "33.33", None):
        people.refund(milestone, amount)
        shown.append(people.where(milestone)["refunded"])
        check_agreement(people.house.peer)
    assert shown == ["34.99", "69.99", "105.00"]


def test_the_client_asks_and_the_worker_agrees(people, milestone):
    people.fund(milestone)
    people.house.pass_time(hours=49)
    asked = people.client.post(
        f"/v1/milestones/{milestone}/refund-requests",
        {"amount": {"amount": "40.00", "currency": "USD"}, "reason": "Half of it is missing."},
    )
    people.worker.post(f"/v1/refund-requests/{asked['id']}/agree")
    people.house.settle()
    people.release(milestone)
    assert people.where(milestone) == {
        "refunded": "42.00",
        "wallet": "54.00",
        "worker_fee": "6.00",
        "client_fee": "3.00",
    }
    check_agreement(people.house.peer)


def test_e4_a_refund_that_the_bank_sends_back_is_owed_to_the_client_and_sent_again(people, milestone):
    other, _ = people.agree("500.00", "1.00")
    people.fund(other)
    people.fund(milestone, "pm_card_refundFail")
    people.house.pass_time(hours=49)
    people.refund(milestone)
    assert people.where(milestone) == {"refunded": "105.00"}
    check_agreement(people.house.peer)
    people.house.pass_time(hours=25)
    assert people.state(milestone) == "refunded"
    assert people.where(milestone) == {"owed": "105.00"}
    assert people.where(milestone, people.client) == {"owed": "105.00"}
    assert people.where(milestone, people.worker) == {"owed": "100.00"}
    seen = people.client.get(f"/v1/milestones/{milestone}")
    assert seen["owed"]["amount"] == "105.00"
    check_agreement(people.house.peer)
    (failed,) = seen["refunds"]
    again = people.client.post(f"/v1/refunds/{failed['id']}/order-again")["refund"]
    people.house.settle()
    assert people.where(milestone) == {"refunded": "105.00"}
    assert [refund["state"] for refund in people.client.get(f"/v1/milestones/{milestone}")["refunds"]] == [
        "repeated",
        "succeeded",
    ]
    assert again["id"] != failed["id"]
    assert people.wallet() == {}
    check_agreement(people.house.peer)


def test_what_the_bank_sends_back_is_not_reached_by_the_72_hours(people, milestone):
    other, _ = people.agree("500.00", "1.00")
    people.fund(other)
    people.fund(milestone, "pm_card_refundFail")
    people.house.pass_time(hours=49)
    people.refund(milestone, "40.00")
    people.submit(milestone)
    people.house.pass_time(hours=25)
    assert people.where(milestone) == {"held": "60.00", "owed": "42.00", "client_fee": "3.00"}
    people.house.pass_time(hours=48)
    assert people.state(milestone) == "released"
    assert people.where(milestone) == {
        "wallet": "54.00",
        "worker_fee": "6.00",
        "owed": "42.00",
        "client_fee": "3.00",
    }
    check_agreement(people.house.peer)


def test_e3_a_refund_that_the_bank_thinks_about_is_shown_as_under_way(people, milestone):
    other, _ = people.agree("500.00", "1.00")
    people.fund(other)
    people.fund(milestone, "pm_card_pendingRefund")
    people.house.pass_time(hours=49)
    people.refund(milestone)
    assert people.where(milestone) == {"refunding": "105.00"}
    people.house.pass_time(hours=25)
    assert people.where(milestone) == {"refunded": "105.00"}
    check_agreement(people.house.peer)


def test_a_mediator_splits_what_is_held(people, milestone):
    mediator = hired(people.house, Role.MEDIATOR)
    people.fund(milestone)
    people.submit(milestone)
    people.client.post(f"/v1/milestones/{milestone}/dispute", {"reason": "This is not a logo."})
    people.house.pass_time(hours=100)
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    mediator.post(
        f"/v1/milestones/{milestone}/settle",
        {
            "to_worker": {"amount": "70.00", "currency": "USD"},
            "to_client": {"amount": "30.00", "currency": "USD"},
            "decision": "Most of it is there.",
        },
    )
    people.house.settle()
    assert people.state(milestone) == "split"
    assert people.where(milestone) == {
        "wallet": "63.00",
        "worker_fee": "7.00",
        "client_fee": "3.50",
        "refunded": "31.50",
    }
    check_agreement(people.house.peer)
