"""E1 and E2: what was released goes back to the client, and is taken from the worker as far as it is there."""

from __future__ import annotations

import pytest

from sandbox.people import Refused
from tests.story.agreement import check_agreement
from tests.story.plot import joined

OWED = "assets:receivable"


@pytest.fixture
def milestone(people):
    """A milestone that was released and has settled, and another whose money is with us."""
    agreed, held = people.agree("100.00", "200.00")
    people.fund(agreed)
    people.fund(held)
    people.release(agreed)
    people.house.pass_time(hours=49)
    return agreed


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def give_back(people, milestone, amount, *, by=None):
    order = {"amount": usd(amount), "reason": "It was not what was agreed."}
    given = (by or people.worker).post(f"/v1/milestones/{milestone}/give-back", order)
    people.house.settle()
    return given


def owed(people):
    return {
        debt["id"]: debt["outstanding"]["amount"] for debt in people.worker.get("/v1/payouts/debts")["data"]
    }


def test_e1_what_the_worker_gives_back_is_taken_out_of_the_wallet_and_returned_with_both_fees(
    people, milestone
):
    given = give_back(people, milestone, "100.00")
    assert (given["milestone"]["state"], given["milestone"]["given_back"]["amount"]) == ("released", "100.00")
    assert people.where(milestone) == {"refunded": "105.00"}
    assert people.where(milestone, people.worker) == {"refunded": "100.00"}
    assert people.where(milestone, people.client) == {"refunded": "105.00"}
    assert people.wallet() == {}
    # Nothing of it is earned; what Stripe kept of the charge it does not give back.
    assert (people.books()["income:fees:client"], people.books().get("income:fees:worker")) == (
        "-10.00",
        None,
    )
    assert owed(people) == {}
    check_agreement(people.house.peer)


def test_e1_parts_given_back_cost_each_side_what_the_whole_would(people, milestone):
    for part in ("33.33", "33.33"):
        give_back(people, milestone, part)
    assert people.where(milestone) == {
        "worker_fee": "3.34",
        "client_fee": "1.67",
        "wallet": "30.00",
        "refunded": "69.99",
    }
    give_back(people, milestone, "33.34")
    assert people.where(milestone) == {"refunded": "105.00"}
    check_agreement(people.house.peer)


def test_e1_what_is_held_goes_first_and_no_more_than_was_released_goes_back(people):
    milestone, held = people.agree("100.00", "200.00")
    people.fund(milestone)
    people.fund(held)
    people.release(milestone, "40.00")
    people.house.pass_time(hours=49)
    assert refused(people, milestone, "10.00") == "act_not_possible"
    people.refund(milestone)
    assert refused(people, milestone, "40.01") == "amount_not_released"
    give_back(people, milestone, "40.00")
    assert people.where(milestone) == {"refunded": "105.00"}
    assert refused(people, milestone, "0.01") == "amount_not_released"
    check_agreement(people.house.peer)


def refused(people, milestone, amount, *, by=None):
    before = people.books()
    with pytest.raises(Refused) as refused:
        give_back(people, milestone, amount, by=by)
    assert people.books() == before
    return refused.value.problem["code"]


def test_e2_a_worker_gives_back_no_more_than_is_in_the_wallet(people, milestone):
    people.withdraw("50.00")
    assert refused(people, milestone, "100.00") == "wallet_too_small"
    give_back(people, milestone, "44.00")
    assert people.where(milestone) == {
        "to_bank": "50.00",
        "wallet": "0.40",
        "worker_fee": "5.60",
        "client_fee": "2.80",
        "refunded": "46.20",
    }
    check_agreement(people.house.peer)


def test_e2_what_finance_claws_back_is_refunded_at_once_and_the_rest_of_it_owed(people, milestone):
    people.withdraw("70.00")
    people.house.pass_time(hours=100)
    give_back(people, milestone, "100.00", by=people.finance)
    assert people.where(milestone, people.client) == {"refunded": "105.00"}
    assert people.wallet() == {}
    ((debt, outstanding),) = owed(people).items()
    assert (outstanding, people.books()[OWED]) == ("70.00", "70.00")
    check_agreement(people.house.peer)

    # What is earned elsewhere is the worker's, until they say so.
    (other,) = people.agree("60.00")
    people.fund(other)
    people.release(other)
    people.house.pass_time(hours=49)
    assert people.wallet() == {"available": "54.00"}
    path = f"/v1/payouts/debts/{debt}/pay"
    for amount, code in (("70.01", "not_owed"), ("54.01", "not_enough_available")):
        with pytest.raises(Refused) as no:
            people.worker.post(path, {"amount": usd(amount)})
        assert no.value.problem["code"] == code
    stranger = joined(people.house, "worker")
    with pytest.raises(Refused) as no:
        stranger.post(path, {"amount": usd("1.00")})
    assert no.value.problem["code"] == "debt_not_found"
    foreseen = people.worker.post(f"{path}?preview=true", {"amount": usd("50.00")})
    assert foreseen["result"]["outstanding"]["amount"] == "20.00"
    people.worker.post(path, {"amount": usd("50.00")})
    people.house.settle()
    assert people.wallet() == {"available": "4.00"}
    assert people.where(other) == {
        "wallet": "4.00",
        "kept": "50.00",
        "worker_fee": "6.00",
        "client_fee": "3.00",
    }
    assert people.where(milestone, people.worker) == {"refunded": "100.00"}
    check_agreement(people.house.peer)

    order = {"amount": usd("20.00"), "reason": "It is too little to ask for."}
    people.finance.post(f"/v1/staff/debts/{debt}/forgive", order)
    assert owed(people) == {}
    assert (people.books().get(OWED), people.books()["expenses:goodwill"]) == (None, "20.00")
    check_agreement(people.house.peer)


def test_e2_the_client_does_not_wait_when_stripe_cannot_take_it_back(people, milestone):
    people.house.peer.fault(
        "status", method="POST", path=r"/v1/transfers/.*/reversals", status=503, saved=False, count=3
    )
    give_back(people, milestone, "100.00")
    assert people.where(milestone, people.client) == {"refunded": "105.00"}
    assert (people.wallet(), owed(people)) == ({}, {})
    for _ in range(3):
        people.house.pass_time(hours=1)
    check_agreement(people.house.peer)


def test_e4_what_was_given_back_and_does_not_arrive_is_owed_to_the_client(people, milestone):
    given = give_back(people, milestone, "100.00")
    refund = people.finance.get(f"/v1/milestones/{milestone}")["refunds"][0]
    people.house.peer.fail_refund(gateway_id(people, milestone))
    people.house.settle()
    assert people.where(milestone) == {"owed": "105.00"}
    people.client.post(f"/v1/refunds/{refund['id']}/order-again")
    people.house.settle()
    assert people.where(milestone) == {"refunded": "105.00"}
    assert given["refund"]["id"] == refund["id"]
    check_agreement(people.house.peer)


def gateway_id(people, milestone):
    steps = people.finance.get(f"/v1/milestones/{milestone}/money")["steps"]
    return next(step["gateway_object"] for step in steps if step["step"] == "refunded")


def test_e7_after_it_was_given_back_the_bank_takes_what_nobody_has(people, milestone):
    give_back(people, milestone, "40.00")
    assert refused(people, milestone, "60.01") == "amount_not_released"
    charge = people.finance.get(f"/v1/milestones/{milestone}/money")["steps"][0]["gateway_object"]
    dispute = people.house.peer.dispute(charge)
    people.house.settle()
    assert refused(people, milestone, "10.00") == "chargeback_undecided"
    people.house.peer.close_dispute(dispute["id"], won=False)
    people.house.settle()
    # The bank gave the client all of it, although 42.00 had gone back before.
    assert people.books()["expenses:chargebacks"] == "42.00"
    assert people.wallet() == {}
    assert refused(people, milestone, "0.01") == "amount_not_released"
    check_agreement(people.house.peer)
