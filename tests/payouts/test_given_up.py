"""A payment that was given up collects nothing any more, however often the request that began it is repeated."""

from __future__ import annotations

from escrow import funding
from gateways.contract import PaymentFound, Rejected
from persistence import due
from persistence.unit_of_work import reading
from runtime.wiring import gateway
from tests.escrow.story import CLIENT, checkout, draft, look, money, record
from tests.payouts.world import nothing_is_booked

KEY = {"Idempotency-Key": "phone-1"}


def refused_at_first(world, milestone):
    world.peer.fault("status", method="POST", path="/v1/payment_intents", status=400, count=1)
    first = ask(world, milestone, headers=KEY)
    assert (first.status_code, first.json["code"]) == (409, "gateway_refused")
    assert look(milestone).state == "draft"
    # The news of the customer who was made has arrived before anybody compares what is written.
    world.settle()


def ask(world, milestone, **options):
    path = f"/v1/milestones/{milestone.id}/checkout"
    return world.post(path, {"save_card": False}, by=CLIENT, **options)


def given_up(answer):
    assert (answer.status_code, answer.json["code"]) == (409, "payment_given_up")
    return True


def charged(world):
    return sum(payment["amount_received"] for payment in world.made("payment_intent"))


def test_a_checkout_repeated_after_the_gateway_refused_it_hands_out_nothing_to_pay(world, clock):
    milestone = draft("100.00")
    refused_at_first(world, milestone)
    clock.advance(minutes=5)
    with nothing_is_booked():
        assert given_up(ask(world, milestone, headers=KEY))
    assert world.made("payment_intent") == []


def test_a_new_key_pays_and_the_old_one_does_not_pay_again(world):
    milestone = draft("100.00")
    refused_at_first(world, milestone)
    sheet = ask(world, milestone).json
    world.peer.pay(sheet["paymentIntent"])
    world.settle()
    assert look(milestone).state == "funded"
    with nothing_is_booked():
        assert given_up(ask(world, milestone, headers=KEY))
    assert charged(world) == 10500
    assert money()["held"] == "100.00"


def test_a_confirmation_repeated_a_day_after_it_was_refused_charges_no_card(world, clock):
    milestone = draft("100.00")
    token = world.peer.confirmation_token()
    body = {"milestone_id": milestone.id, "confirmation_token": token, "save_card": False}
    world.peer.fault("status", method="POST", path="/v1/payment_intents", status=400, saved=True, count=1)
    first = world.post("/v1/checkout/confirm", body, by=CLIENT, headers=KEY)
    assert (first.status_code, first.json["code"]) == (409, "gateway_refused")
    clock.advance(hours=25)
    world.settle()
    assert given_up(world.post("/v1/checkout/confirm", body, by=CLIENT, headers=KEY))
    world.settle()
    assert charged(world) == 0
    assert look(milestone).state == "draft"
    assert reading(due.parked) == []


def test_giving_up_twice_with_one_key_is_answered_twice_alike(world):
    milestone = draft("100.00")
    assert ask(world, milestone).status_code == 200
    path = f"/v1/milestones/{milestone.id}/give-up-funding"
    first, again = (world.post(path, by=CLIENT, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json["state"] == again.json["state"] == "canceled"
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_checkout_repeated_after_its_payment_was_given_up_is_refused(world):
    milestone = draft("100.00")
    assert ask(world, milestone, headers=KEY).status_code == 200
    world.post(f"/v1/milestones/{milestone.id}/give-up-funding", by=CLIENT)
    assert given_up(ask(world, milestone, headers=KEY))
    assert charged(world) == 0


def test_what_the_gateway_makes_after_the_payment_was_given_up_is_canceled_there(world):
    milestone = draft("100.00")
    payment = checkout(milestone.id)
    order = reading(funding.checkout, payment_id=payment.id).order
    # Another request of the same client was refused meanwhile.
    record(payment, Rejected("card_velocity_exceeded", "No."))
    made = gateway("stripe").create_payment(order)
    assert isinstance(made, PaymentFound)
    record(payment, made)
    world.settle()
    assert [thing["status"] for thing in world.made("payment_intent")] == ["canceled"]
    assert reading(due.parked) == []
    assert look(milestone).state == "draft"
