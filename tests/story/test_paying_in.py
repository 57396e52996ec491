"""Cards that are declined, banks that ask, payers who click twice: one hold, made when the money is there."""

from __future__ import annotations

import pytest

from sandbox.people import Refused
from tests.story.agreement import check_agreement

HELD = {"held": "100.00", "client_fee": "5.00"}


@pytest.fixture
def milestone(people):
    (agreed,) = people.agree("100.00")
    return agreed


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
def test_a_declined_card_holds_nothing_and_the_next_one_pays(people, milestone, card, code):
    assert people.fund(milestone, card)["error"]["type"] == "card_error"
    assert people.state(milestone) == "funding"
    assert payment_of(people, milestone)["decline_code"] == code
    assert people.books() == {}
    check_agreement(people.house.peer)
    people.fund(milestone)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_bank_that_asks_is_answered_before_anything_is_held(people, milestone):
    intent = people.fund(milestone, "pm_card_threeDSecure2Required")
    assert intent["status"] == "requires_action"
    assert payment_of(people, milestone)["gateway_state"] == "needs_action"
    assert people.books() == {}
    people.house.peer.authenticate(intent["id"])
    people.house.settle()
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_challenge_that_is_failed_holds_nothing(people, milestone):
    intent = people.fund(milestone, "pm_card_threeDSecure2Required")
    people.house.peer.authenticate(intent["id"], succeeds=False)
    people.house.settle()
    assert people.state(milestone) == "funding"
    assert people.books() == {}
    people.fund(milestone)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_declined_confirmation_token_leaves_the_payment_open_for_another_card(people, milestone):
    people.fund_with_token(milestone, "pm_card_chargeDeclined")
    assert people.state(milestone) == "funding"
    assert people.books() == {}
    people.fund(milestone)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


@pytest.mark.parametrize("fault", ["cut_before_effect", "cut_after_effect"])
def test_an_answer_that_was_lost_is_no_obstacle_to_another_card(people, milestone, fault):
    # Twice: the SDK tries again by itself once.
    people.house.peer.fault(fault, method="POST", path="/v1/payment_intents", count=2)
    orders = [
        {"milestone_id": milestone, "confirmation_token": people.house.peer.confirmation_token()}
        for _ in range(2)
    ]
    with pytest.raises(Refused) as lost:
        people.client.post("/v1/checkout/confirm", orders[0])
    assert lost.value.status == 503
    assert people.client.post("/v1/checkout/confirm", orders[1])["payment_id"]
    people.house.settle()
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_bank_debit_holds_nothing_until_the_bank_has_paid(people, milestone):
    people.fund(milestone, "pm_usBankAccount_success")
    people.house.pass_time(hours=48)
    assert people.state(milestone) == "funding"
    assert payment_of(people, milestone)["gateway_state"] == "processing"
    assert people.books() == {}
    people.house.pass_time(hours=49)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_two_clicks_are_one_payment(people, milestone):
    first = people.client.post(f"/v1/milestones/{milestone}/checkout")
    second = people.client.post(f"/v1/milestones/{milestone}/checkout")
    assert first["paymentIntent"] == second["paymentIntent"]
    people.fund(milestone)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_payment_that_is_given_up_can_be_begun_again(people, milestone):
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout")
    people.client.post(f"/v1/milestones/{milestone}/give-up-funding")
    assert people.state(milestone) == "draft"
    assert "error" in people.house.peer.pay(sheet["paymentIntent"])
    people.fund(milestone)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_payment_that_succeeded_cannot_be_given_up(people, milestone):
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout")
    people.house.peer.pay(sheet["paymentIntent"])
    people.client.post(f"/v1/milestones/{milestone}/give-up-funding")
    assert people.where(milestone) == HELD
    people.house.settle()
    with pytest.raises(Refused, match="act_not_possible"):
        people.client.post(f"/v1/milestones/{milestone}/give-up-funding")
    check_agreement(people.house.peer)


def payment_of(people, milestone):
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout")
    return people.client.get(f"/v1/payments/{sheet['payment_id']}")
