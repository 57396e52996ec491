"""Every kind of difference between transfers, payouts and the ledger is found when it is planted."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from gateways.contract import PayoutState
from payouts import integrity
from payouts.tables import Payout, PayoutPart, Transfer
from persistence.unit_of_work import rehearse
from tests.payouts.story import account, news, ordered, usable, withdraw


def _found(*statements):
    def plant(session):
        for statement in statements:
            session.execute(statement)
        return integrity.verify(session)

    return {breach.rule for breach in rehearse(plant)}


@pytest.fixture
def payouts():
    """90.00 and 180.00 came; 100.00 are paid, 50.00 are sent, 20.00 are reserved."""
    account()
    usable()
    usable("200.00")
    paid, on_its_way, reserved = withdraw("100.00"), withdraw("50.00"), withdraw("20.00")
    news(paid, PayoutState.PAID)
    news(on_its_way, PayoutState.PENDING)
    return paid, on_its_way, reserved


def test_what_agrees_has_no_breach(payouts):
    assert _found() == set()


def test_a_payout_that_was_never_booked_as_paid_is_found(payouts):
    _, on_its_way, _ = payouts
    planted = update(Payout).where(Payout.id == on_its_way.id).values(state="paid")
    assert _found(planted) == {"connected_balance", "payouts_in_transit"}


def test_a_transfer_that_was_never_booked_is_found(payouts):
    waiting = ordered()
    planted = update(Transfer).where(Transfer.id == waiting.id).values(state="sent")
    assert _found(planted) == {"connected_balance"}


def test_a_payout_whose_hold_is_still_there_is_found(payouts):
    _, _, reserved = payouts
    planted = update(Payout).where(Payout.id == reserved.id).values(state="failed")
    assert _found(planted) == {"wallet_hold"}


def test_a_payout_without_its_hold_is_found(payouts):
    _, on_its_way, _ = payouts
    planted = update(Payout).where(Payout.id == on_its_way.id).values(state="unknown")
    assert _found(planted) == {"wallet_hold", "payouts_in_transit"}


def test_a_payout_that_is_not_made_up_of_transfers_is_found(payouts):
    _, _, reserved = payouts
    planted = update(PayoutPart).where(PayoutPart.payout_id == reserved.id).values(amount_minor=1_999)
    assert _found(planted) == {"payout_parts"}


def test_a_transfer_that_is_withdrawn_twice_is_found(payouts):
    paid, _, _ = payouts
    first = paid.parts[0].transfer_id
    planted = update(Transfer).where(Transfer.id == first).values(amount_minor=8_999)
    assert _found(planted) == {"transfer_parts", "connected_balance"}


def test_a_withdrawal_of_what_was_never_moved_is_found(payouts):
    paid, _, _ = payouts
    planted = update(Transfer).where(Transfer.id == paid.parts[0].transfer_id).values(state="ordered")
    assert _found(planted) == {"transfer_parts", "connected_balance"}
