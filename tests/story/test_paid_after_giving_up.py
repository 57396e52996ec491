"""A payment that succeeds after it was given up: nothing is held, and all of it is back on the card by itself."""

from __future__ import annotations

import pytest

from persistence import due
from persistence.unit_of_work import reading
from sandbox.people import Refused
from tests.story.agreement import check_agreement

HELD = {"held": "100.00", "client_fee": "5.00"}


@pytest.fixture
def milestone(people):
    """One whose payment Stripe refused to make, and made all the same."""
    # Something to give back out of, once it has settled.
    (other, milestone) = people.agree("500.00", "100.00")
    people.fund(other)
    people.house.pass_time(hours=49)
    people.client.sign_in(), people.worker.sign_in(), people.finance.sign_in()
    people.house.peer.fault(
        "status", method="POST", path="/v1/payment_intents", status=400, effect=True, saved=True
    )
    with pytest.raises(Refused, match="gateway_refused"):
        people.client.post(f"/v1/milestones/{milestone}/checkout")
    assert people.state(milestone) == "draft"
    return milestone


@pytest.mark.parametrize(
    "road", [{}, {"duplicate": 1.0}, {"reorder": 0.7}, {"drop": 1.0}], ids=["well", "twice", "mixed", "lost"]
)
def test_all_of_it_goes_back_our_fee_as_well(people, milestone, road):
    house, before = people.house, people.books()
    house.peer.webhooks(seed=3, **road)
    pay_what_was_given_up(house, milestone)
    house.settle()
    house.pass_time(hours=2)
    house.pass_time(hours=49)
    people.client.sign_in(), people.worker.sign_in(), people.finance.sign_in()
    assert people.state(milestone) == "draft"
    assert people.where(milestone, people.client) == {"refunded": "105.00"}
    assert people.where(milestone, people.worker) == {}
    # What Stripe kept is our cost, and nothing else is different.
    after = people.books()
    differing = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert differing == {"assets:gateway:stripe:available", "expenses:gateway_fees"}
    assert reading(due.parked) == []
    check_agreement(house.peer)


def test_the_client_is_told_in_words_and_the_worker_nothing(people, milestone):
    pay_what_was_given_up(people.house, milestone)
    people.house.settle()
    seen = people.client.get(f"/v1/milestones/{milestone}/money")
    assert seen["balanced"]
    charged, back = [step for step in seen["steps"] if step["step"] in {"charged_late", "refunded"}]
    assert charged["title"] == (
        "Charged to the card visa ending in 4242 after it had been given up; all of it goes back"
    )
    assert [step["amount"]["amount"] for step in (charged, back)] == ["105.00", "105.00"]
    receipt = people.client.get(f"/v1/receipts/{charged['entry_id']}")
    assert receipt["summary"].endswith("All of it goes back to your card.")
    assert people.worker.get(f"/v1/milestones/{milestone}/money")["steps"] == []
    assert people.worker.get(f"/v1/milestones/{milestone}")["refunds"] == []
    with pytest.raises(Refused, match="receipt_not_found"):
        people.worker.get(f"/v1/receipts/{charged['entry_id']}")


def test_the_client_pays_anew_and_that_is_held(people, milestone):
    pay_what_was_given_up(people.house, milestone)
    people.fund(milestone)
    people.house.pass_time(hours=49)
    people.client.sign_in(), people.finance.sign_in()
    assert people.state(milestone) == "funded"
    assert people.where(milestone) == HELD | {"refunded": "105.00"}
    check_agreement(people.house.peer)


def test_a_worker_of_ours_that_dies_in_between_leaves_it_to_be_given_back_once(people, milestone):
    house = people.house
    pay_what_was_given_up(house, milestone)
    house.peer.fault("cut_after_effect", method="POST", path="/v1/refunds")
    house.settle()
    house.pass_time(minutes=10)
    assert people.where(milestone, people.client) == {"refunded": "105.00"}
    refunds = [thing for thing in house.peer.state()["objects"].values() if thing["object"] == "refund"]
    assert len(refunds) == 1
    check_agreement(house.peer)


def pay_what_was_given_up(house, milestone):
    """Whoever still has the secret of the payment pays it."""
    things = house.peer.state()["objects"].values()
    (intent,) = [
        thing
        for thing in things
        if thing["object"] == "payment_intent" and thing["metadata"].get("milestone") == milestone
    ]
    assert house.peer.pay(intent["client_secret"])["status"] == "succeeded"
