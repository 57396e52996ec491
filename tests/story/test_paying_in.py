"""Cards that are declined, banks that ask, payers who click twice: one hold, made when the money is there."""

from __future__ import annotations

import pytest

from escrow.prices import SMALLEST_MINOR
from kernel.money import Money
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


def at_stripe(people, kind):
    things = people.house.peer.state()["objects"].values()
    return [thing for thing in things if thing["object"] == kind]


def test_d1_work_may_take_longer_than_an_authorisation_lasts(people, milestone):
    people.fund(milestone)
    (intent,) = at_stripe(people, "payment_intent")
    # Taken at once: there is no authorisation that could lapse, after 7 days or after 4 days and 18 hours.
    assert (intent["capture_method"], intent["status"]) == ("automatic", "succeeded")
    people.house.pass_time(days=30)
    for who in (people.client, people.worker, people.finance):
        who.sign_in()
    assert people.where(milestone) == HELD
    people.release(milestone)
    assert people.state(milestone) == "released"
    check_agreement(people.house.peer)


def test_d2_a_payment_is_taken_whole_or_not_at_all(people):
    milestones = people.agree("1.00", "100.00", "99.99")
    for milestone in milestones:
        people.fund(milestone)
    taken = {(charge["amount"], charge["amount_captured"]) for charge in at_stripe(people, "charge")}
    assert len(taken) == 3
    assert all(whole == captured for whole, captured in taken)
    assert {intent["amount_capturable"] for intent in at_stripe(people, "payment_intent")} == {0}
    check_agreement(people.house.peer)


def test_d3_a_challenge_that_is_failed_holds_nothing(people, milestone):
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


def test_after_a_declined_token_another_card_pays_by_token_and_is_charged_once(people, milestone):
    declined = people.fund_with_token(milestone, "pm_card_chargeDeclined")
    assert (declined["state"], declined["decline_code"]) == ("open", "generic_decline")
    paid = people.fund_with_token(milestone)
    assert (paid["payment_id"], paid["state"], paid["decline_code"]) == (
        declined["payment_id"],
        "succeeded",
        None,
    )
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_token_pays_where_a_sheet_was_opened_before(people, milestone):
    people.client.post(f"/v1/milestones/{milestone}/checkout")
    assert people.fund_with_token(milestone)["state"] == "succeeded"
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_token_that_nobody_made_is_refused_and_charges_nothing(people, milestone):
    order = {"milestone_id": milestone, "confirmation_token": "ctoken_nope"}
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            people.client.post("/v1/checkout/confirm", order)
        assert (refused.value.status, refused.value.problem["code"]) == (409, "gateway_refused")
    assert (people.state(milestone), people.books()) == ("funding", {})
    people.fund_with_token(milestone)
    assert people.where(milestone) == HELD


def test_a_second_token_while_the_bank_is_at_work_is_refused_and_charges_nothing(people, milestone):
    people.fund(milestone, "pm_usBankAccount_success")
    with pytest.raises(Refused) as refused:
        people.fund_with_token(milestone)
    assert (refused.value.status, refused.value.problem["code"]) == (409, "gateway_refused")
    assert people.books() == {}


def test_a_token_that_is_said_again_when_it_has_paid_changes_nothing(people, milestone):
    order = {"milestone_id": milestone, "confirmation_token": people.house.peer.confirmation_token()}
    sheets = [people.client.post("/v1/checkout/confirm", order, key="once") for _ in range(2)]
    assert [sheet["state"] for sheet in sheets] == ["succeeded", "succeeded"]
    people.house.settle()
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


@pytest.mark.parametrize(("first", "last", "kept"), [(False, True, 1), (True, False, 0)])
def test_the_card_is_saved_or_not_as_the_client_said_last(people, milestone, first, last, kept):
    people.client.post(f"/v1/milestones/{milestone}/checkout", {"save_card": first})
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout", {"save_card": last})
    people.house.peer.pay(sheet["paymentIntent"])
    people.house.settle()
    assert people.where(milestone) == HELD
    assert len(people.client.get("/v1/wallet/payment-methods")["items"]) == kept


def test_the_client_may_change_their_mind_about_saving_although_the_first_answer_was_lost(people, milestone):
    people.house.peer.fault("cut_after_effect", method="POST", path="/v1/payment_intents", count=2)
    with pytest.raises(Refused):
        people.client.post(f"/v1/milestones/{milestone}/checkout", {"save_card": True})
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout", {"save_card": False})
    people.house.peer.pay(sheet["paymentIntent"])
    people.house.settle()
    assert people.where(milestone) == HELD
    assert people.client.get("/v1/wallet/payment-methods")["items"] == []


@pytest.mark.parametrize("effect", [False, True])
def test_a_stripe_that_broke_while_it_was_asked_locks_nobody_out(people, milestone, effect):
    # Stripe repeats its own mistake under the same key for a day.
    people.house.peer.fault(
        "status", status=500, effect=effect, method="POST", path="/v1/payment_intents", count=2
    )
    order = {"milestone_id": milestone, "confirmation_token": people.house.peer.confirmation_token()}
    with pytest.raises(Refused) as broke:
        people.client.post("/v1/checkout/confirm", order)
    assert broke.value.status == 503
    people.fund_with_token(milestone)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


@pytest.mark.parametrize("effect", [False, True])
def test_a_stripe_that_broke_while_it_charged_charges_once(people, milestone, effect):
    people.house.peer.fault(
        "status", status=500, effect=effect, method="POST", path="/v1/payment_intents/[^/]+/confirm", count=1
    )
    order = {"milestone_id": milestone, "confirmation_token": people.house.peer.confirmation_token()}
    with pytest.raises(Refused) as broke:
        people.client.post("/v1/checkout/confirm", order)
    assert broke.value.status == 503
    order["confirmation_token"] = people.house.peer.confirmation_token()
    # If it has charged, the milestone may be funded before the second card is tried.
    people.house.settle()
    if not effect:
        people.client.post("/v1/checkout/confirm", order)
        people.house.settle()
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


def test_a_payment_that_stripe_broke_over_can_be_given_up(people, milestone):
    people.house.peer.fault("status", status=500, method="POST", path="/v1/payment_intents", count=1)
    with pytest.raises(Refused):
        people.client.post(f"/v1/milestones/{milestone}/checkout")
    assert people.client.post(f"/v1/milestones/{milestone}/give-up-funding")["state"] == "canceled"
    assert people.state(milestone) == "draft"
    people.fund(milestone)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


@pytest.mark.parametrize("fault", ["cut_before_effect", "cut_after_effect"])
def test_an_answer_that_was_lost_is_no_obstacle_to_another_card(people, milestone, fault):
    people.house.peer.fault(fault, method="POST", path="/v1/payment_intents", count=1)
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


def test_d3_a_bank_debit_holds_nothing_until_the_bank_has_paid(people, milestone):
    people.fund(milestone, "pm_usBankAccount_success")
    people.house.pass_time(hours=48)
    assert people.state(milestone) == "funding"
    assert payment_of(people, milestone)["gateway_state"] == "processing"
    assert people.books() == {}
    people.house.pass_time(hours=49)
    assert people.where(milestone) == HELD
    check_agreement(people.house.peer)


@pytest.mark.parametrize("currency", SMALLEST_MINOR)
def test_h2_the_smallest_price_of_every_currency_can_be_charged(people, currency):
    (milestone,) = people.agree(Money(SMALLEST_MINOR[currency], currency).decimal, currency=currency)
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout")
    assert (sheet["state"], sheet["amount"]["currency"]) == ("open", currency)
    assert people.books() == {}


def test_b4_two_clicks_are_one_payment(people, milestone):
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
