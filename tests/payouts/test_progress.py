"""News of a payout: late, twice, in any order, before our own answer, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from gateways.contract import PayoutState
from kernel.ids import new_id
from payments.collecting import GatewayDisagrees
from payouts import progress, withdrawals
from payouts.progress import AtGateway, PayoutUnmatched
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import OTHER_WORKER, now
from tests.payouts.story import (
    GATEWAY,
    account,
    look,
    news,
    payout_about_to_send,
    payout_answer,
    places,
    usable,
    withdraw,
)

_BACK = {"connected": "90.00", "wallet": "90.00"}
_ARRIVED = {"connected": "40.00", "wallet": "40.00"}


@pytest.fixture
def payout():
    """50.00 of 90.00 are withdrawn."""
    account()
    usable()
    return withdraw("50.00")


def test_paid_then_returned_is_back_in_the_wallet(payout):
    news(payout, PayoutState.PAID)
    assert places() == _ARRIVED
    news(payout, PayoutState.FAILED)
    assert places() == _BACK
    returned = look(payout)
    assert returned.state == "returned"
    assert returned.reason == "The bank account is closed. Add another one to your payout account."
    assert len(returned.entry_ids) == 4
    assert returned.trace_id == "000000000000042"


def test_failed_before_it_was_paid_is_back_in_the_wallet(payout):
    news(payout, PayoutState.IN_TRANSIT)
    news(payout, PayoutState.FAILED)
    assert look(payout).state == "failed"
    assert places() == _BACK


def test_canceled_at_the_gateway_is_back_in_the_wallet(payout):
    news(payout, PayoutState.CANCELED)
    assert look(payout).failure_code == "canceled"
    assert look(payout).reason == "The payout was canceled at the payment provider."
    assert places() == _BACK


def test_news_before_our_own_answer_is_found_by_our_id(payout):
    intent = payout_about_to_send(payout)
    news(payout, PayoutState.PENDING)
    assert look(payout).state == "sent"
    entries = look(payout).entry_ids
    atomically(withdrawals.record, intent=intent, outcome=payout_answer(payout))
    assert look(payout).entry_ids == entries


def test_news_of_a_payout_that_is_not_ours_waits_for_a_person(payout):
    with expect_refusal(PayoutUnmatched):
        news(payout, PayoutState.PAID, gateway_id="po_by_hand", payout_id=None)
    with expect_refusal(PayoutUnmatched):
        news(payout, PayoutState.PAID, gateway_id="po_elsewhere", payout_id=new_id("po"))


def test_a_payout_from_another_account_cannot_pass_for_ours(payout):
    account(OTHER_WORKER, gateway_id="acct_mallory")
    found = payout_answer(payout, PayoutState.PAID)
    with expect_refusal(GatewayDisagrees):
        atomically(progress.record_news, of=AtGateway(GATEWAY, "acct_mallory", found.gateway_id), found=found)


def test_a_payout_over_another_amount_is_not_booked(payout):
    with expect_refusal(GatewayDisagrees):
        news(payout, PayoutState.PAID, amount="500.00")


def test_a_second_payout_with_our_id_is_looked_at_by_a_person(payout):
    news(payout, PayoutState.PENDING)
    with expect_refusal(GatewayDisagrees):
        news(payout, PayoutState.PENDING, gateway_id="po_again")


def test_the_gateway_is_asked_when_the_money_should_be_there_and_once_more_when_it_could_be_back(payout):
    news(payout, PayoutState.PENDING)
    news(payout, PayoutState.PENDING)
    assert [at - now() > timedelta(days=2) for at in _asked_at(payout)] == [True]
    news(payout, PayoutState.PAID)
    assert [at - now() > timedelta(days=7) for at in _asked_at(payout)] == [False, True]


def test_what_has_not_arrived_is_asked_for_again_until_it_has(payout):
    assert news(payout, PayoutState.IN_TRANSIT) > now() + timedelta(hours=5)
    assert news(payout, PayoutState.PAID) is None


def test_what_is_back_in_the_wallet_is_not_asked_for(payout):
    assert reading(progress.payout_to_ask_for, payout_id=payout.id) is None
    news(payout, PayoutState.PENDING)
    at = reading(progress.payout_to_ask_for, payout_id=payout.id)
    assert at == AtGateway(GATEWAY, "acct_walt", f"po_{payout.id}")
    news(payout, PayoutState.FAILED)
    with nothing_moves():
        assert reading(progress.payout_to_ask_for, payout_id=payout.id) is None


def _asked_at(payout):
    statement = (
        select(DueWork.due_at)
        .where(DueWork.kind == "refresh_payout", DueWork.subject == payout.id)
        .order_by(DueWork.due_at)
    )
    return reading(lambda session: list(session.scalars(statement)))
