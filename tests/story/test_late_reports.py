"""PayPal decides a dispute, and reports what that moved hours later: nobody is paid with it in between."""

# ruff: noqa: F811 - fixtures of the other module

from __future__ import annotations

import pytest
from sqlalchemy import select

from gateways.contract import PayoutFound, PayoutOrder
from jobs.reconciling import begin, carry_on
from kernel.ids import new_id
from kernel.money import Money
from ledger import chart
from ledger.balances import balance
from persistence.tables import DueWork
from persistence.unit_of_work import reading
from runtime.wiring import gateway
from sandbox.people import Refused
from tests.story.test_several_gateways import (  # noqa: F401 - the same house
    charge_of,
    float_,
    house,
    nothing_is_left_open,
    opened,
    pay_at_paypal,
    people,
)


def _asked(session, dispute):
    work = select(DueWork.state, DueWork.failures).where(DueWork.subject == dispute)
    return [tuple(row) for row in session.execute(work)]


def _everybody_signs_in(people):
    for who in (people.client, people.worker, people.finance):
        who.sign_in()


def _state(people):
    (seen,) = people.finance.get("/v1/staff/chargebacks")["data"]
    return seen["state"]


@pytest.fixture
def disputed(people, float_):
    """Have a payment of 105.00 disputed a day ago, and its dispute looked at an hour ago."""

    def dispute(stage):
        (milestone,) = people.agree("100.00")
        pay_at_paypal(people, milestone)
        people.house.pass_time(hours=10)
        begun = people.house.peer.paypal.dispute(charge_of(milestone), stage=stage)["dispute_id"]
        people.house.settle()
        people.house.pass_time(hours=25)
        _everybody_signs_in(people)
        return milestone, begun

    return dispute


@pytest.mark.parametrize(("stage", "meanwhile"), [("INQUIRY", "inquiry"), ("CHARGEBACK", "under_review")])
def test_what_a_dispute_takes_in_the_end_is_not_released_before_it_is_reported(
    people, disputed, stage, meanwhile
):
    milestone, dispute = disputed(stage)
    people.house.peer.paypal.resolve_dispute(dispute, outcome="RESOLVED_BUYER_FAVOUR")
    people.house.settle()
    assert (_state(people), people.state(milestone)) == (meanwhile, "frozen")
    with pytest.raises(Refused):
        people.release(milestone)
    people.house.pass_time(hours=6)
    assert (_state(people), people.state(milestone)) == ("lost", "charged_back")
    _everybody_signs_in(people)
    nothing_is_left_open(people)


def test_what_a_dispute_gives_back_in_the_end_is_the_workers_once_it_is_reported(people, disputed):
    milestone, dispute = disputed("CHARGEBACK")
    people.house.peer.paypal.resolve_dispute(dispute, outcome="RESOLVED_SELLER_FAVOUR")
    people.house.settle()
    assert (_state(people), people.state(milestone)) == ("under_review", "frozen")
    people.house.pass_time(hours=6)
    assert (_state(people), people.state(milestone)) == ("won", "funded")
    people.release(milestone)
    people.house.settle()
    nothing_is_left_open(people)


def test_what_is_moved_days_after_the_decision_is_booked(people, disputed):
    milestone, dispute = disputed("INQUIRY")
    people.house.peer.paypal.resolve_dispute(dispute, outcome="CANCELED_BY_BUYER")
    people.house.settle()
    people.house.pass_time(hours=6)
    assert (_state(people), people.state(milestone)) == ("inquiry_closed", "funded")
    people.house.pass_time(days=3)
    people.house.peer.paypal.book_line("T1106", -10_500, reference=charge_of(milestone))
    people.house.pass_time(hours=30)
    _everybody_signs_in(people)
    (seen,) = people.finance.get("/v1/staff/chargebacks")["data"]
    assert seen["taken"]["amount"] == "105.00"
    nothing_is_left_open(people)


def test_a_dispute_about_what_was_paid_by_hand_is_nothing_of_ours(people):
    (milestone,) = people.agree("100.00")
    pay_at_paypal(people, milestone)
    paypal = people.house.peer.paypal
    by_hand = {"seller_transaction_id": "9XX00000000000000"}
    paypal.webhooks(hold=True)
    dispute = paypal.dispute(charge_of(milestone), stage="INQUIRY")["dispute_id"]
    paypal.change(dispute, disputed_transactions=[by_hand])
    paypal.webhooks(hold=False)
    people.house.settle()
    people.finance.sign_in()
    assert people.finance.get("/v1/staff/chargebacks")["data"] == []
    assert people.state(milestone) == "funded"
    assert reading(_asked, dispute) == [("done", 0)]


def test_what_paypal_takes_for_a_payout_is_a_cost_of_ours(people):
    (milestone,) = people.agree("100.00")
    pay_at_paypal(people, milestone)
    costs = reading(balance, chart.gateway_fees("USD")).posted
    # Nobody is paid out at PayPal yet: this one is sent past our books, and stays a difference.
    order = PayoutOrder(new_id("po"), "worker@example.com", Money.parse("20.00", "USD"))
    assert isinstance(gateway("paypal").create_payout(order), PayoutFound)
    people.house.pass_time(hours=5)
    assert carry_on(begin("paypal", by="test").id)
    people.finance.sign_in()
    left = people.finance.get("/v1/staff/reconciliation/breaks", state="open")["data"]
    differences = {each["item"]: each["difference"]["amount"] for each in left}
    assert differences[order.payout_id] == "-20.00"
    assert "-0.25" not in differences.values()
    assert reading(balance, chart.gateway_fees("USD")).posted - costs == Money.parse("0.25", "USD")
