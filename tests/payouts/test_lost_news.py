"""When no event comes, or our key is refused for hours: the gateway is asked again until the books are right."""

from __future__ import annotations

import pytest

from gateways.contract import ObjectKind
from jobs.subscriptions import ON_GATEWAY_OBJECT
from persistence import clock as clock_of_the_database
from persistence import due
from persistence.unit_of_work import atomically, reading
from tests.escrow.story import CLIENT, accept, accepted, draft, give_back, look, payment_of, refunds_of


def _opened(world, milestone):
    sheet = world.post(f"/v1/milestones/{milestone.id}/checkout", {}, by=CLIENT)
    assert sheet.status_code == 200
    return sheet.json["paymentIntent"]


def _days(world, clock, days):
    for _ in range(days):
        clock.advance(days=1)
        world.settle()


def test_a_client_who_pays_on_the_third_day_has_funded_the_milestone(world, clock):
    world.peer.webhooks(drop=1.0)
    milestone = draft()
    _opened(world, milestone)
    world.settle()
    clock.advance(hours=49)
    world.settle()
    world.peer.pay(_opened(world, milestone))
    _days(world, clock, 2)
    assert look(milestone).state == "funded"


def test_a_bank_debit_of_four_days_funds_the_milestone(world, clock):
    world.peer.webhooks(drop=1.0)
    milestone = draft()
    paid = world.peer.pay(_opened(world, milestone), "pm_usBankAccount_success")
    assert paid["status"] == "processing"
    _days(world, clock, 9)
    assert look(milestone).state == "funded"


def test_a_payment_that_nobody_makes_is_given_up_after_a_week_and_the_worker_can_leave(world, clock):
    contract = accepted("100.00")
    milestone = contract.milestones[0]
    secret = _opened(world, milestone)
    world.settle()
    _days(world, clock, 6)
    assert look(milestone).state == "funding"
    _days(world, clock, 2)
    assert look(milestone).state == "draft"
    # What was given up cannot be paid any more.
    assert world.peer.state()["objects"][secret.split("_secret_")[0]]["status"] == "canceled"
    assert world.post(f"/v1/contracts/{contract.id}/cancel").status_code == 200


def test_who_comes_back_after_that_week_pays_with_a_new_sheet(world, clock):
    milestone = draft()
    _opened(world, milestone)
    world.settle()
    _days(world, clock, 8)
    world.peer.pay(_opened(world, milestone))
    world.settle()
    assert look(milestone).state == "funded"


def test_a_bank_debit_that_is_being_collected_is_not_given_up(world, clock):
    milestone = draft()
    secret = _opened(world, milestone)
    world.settle()
    _days(world, clock, 6)
    world.peer.pay(secret, "pm_usBankAccount_success")
    _days(world, clock, 2)
    assert look(milestone).state == "funding"
    _days(world, clock, 4)
    assert look(milestone).state == "funded"


@pytest.mark.parametrize("days", [5, 30])
def test_a_refund_that_comes_back_is_owed_to_the_client_though_no_event_says_so(world, clock, days):
    milestone = _settled(world, clock)
    give_back(milestone)
    world.settle()
    (refund,) = refunds_of(milestone)
    assert refund.state == "succeeded"
    world.peer.webhooks(drop=1.0)
    _days(world, clock, days)
    world.peer.fail_refund(refund.gateway_id)
    _days(world, clock, 36 - days)
    assert refunds_of(milestone)[0].state == "failed"
    assert (look(milestone).owed.decimal, look(milestone).held.decimal) == ("105.00", "0.00")


def test_while_our_key_is_refused_refunds_and_transfers_wait_alike_and_nothing_is_parked(world, clock):
    world.onboard()
    milestone, other = _settled(world, clock), world.fund()
    world.peer.fault("status", method="POST", path="/v1/(refunds|transfers)", status=401, count=None)
    give_back(milestone, "40.00")
    accept(other)
    for _ in range(20):
        clock.advance(hours=1)
        world.settle()
    assert (refunds_of(milestone)[0].state, world.made("refund")) == ("ordered", [])
    world.peer.clear_faults()
    clock.advance(hours=1)
    world.settle()
    assert reading(due.parked) == []
    assert [made["amount"] for made in world.made("refund")] == [4200]
    assert [made["amount"] for made in world.made("transfer")] == [9000]
    assert refunds_of(milestone)[0].state == "succeeded"


def test_while_our_key_is_refused_questions_wait_as_well_and_are_answered_afterwards(world, clock):
    world.onboard()
    world.earn()
    world.settle()
    clock.advance(days=3)
    world.settle()
    milestone = world.fund()
    payout = world.withdraw("50.00").json["id"]
    world.settle()
    clock.advance(days=1, hours=20)
    world.peer.webhooks(drop=1.0)
    world.peer.fault("status", method="GET", path="/v1/(payment_intents|payouts).*", status=401, count=None)
    for _ in range(20):
        clock.advance(minutes=45)
        world.settle()
    world.peer.clear_faults()
    _days(world, clock, 2)
    assert reading(due.parked) == []
    assert world.payout(payout)["state"] == "paid"
    assert payment_of(milestone).settled_at is not None


def test_a_card_is_not_said_to_be_gone_when_it_is_our_key_that_is_refused(world):
    secret = world.post("/v1/wallet/setup-intent", by=CLIENT).json["setupIntent"]
    card = world.peer.save_card(secret)["payment_method"]
    world.peer.fault("status", status=401, method="GET", path="/v1/payment_methods.*", count=None)
    refused = world.ask("DELETE", f"/v1/wallet/payment-methods/{card}", by=CLIENT)
    assert (refused.status_code, refused.json["code"]) == (503, "gateway_unavailable")
    world.peer.clear_faults()
    assert world.ask("DELETE", f"/v1/wallet/payment-methods/{card}", by=CLIENT).status_code < 300


def _settled(world, clock):
    milestone = world.fund()
    world.fund("500.00")
    world.settle()
    clock.advance(days=3)
    world.settle()
    return milestone


def test_news_that_names_our_own_payout_has_it_asked_for(world, clock):
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    world.peer.webhooks(drop=1.0)
    payout = world.withdraw("50.00").json["id"]
    world.settle()
    (made,) = world.made("payout")
    world.peer.fail_payout(made["id"])
    atomically(
        due.schedule,
        kind=ON_GATEWAY_OBJECT[ObjectKind.PAYOUT_ORDER],
        subject=payout,
        due_at=reading(clock_of_the_database.now),
        key="news",
        payload={"gateway": "stripe", "account": None},
    )
    world.settle()
    assert world.payout(payout)["state"] == "failed"
    assert world.balance()["available"] == "90.00"
