"""What does not fit is found: every planted difference, by name, and nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from payments import charges, integrity
from payments.tables import Payment, Refund
from persistence.unit_of_work import atomically, rehearse
from tests.escrow.story import accepted, fund, give_back, record_refund, refund_answer


@pytest.fixture
def payment():
    """A payment of which 42.00 went back and 21.00 are on their way, beside one that has settled."""
    first, second = accepted("100.00", "50.00").milestones
    paid = fund(first.id)
    atomically(charges.settle, payment_id=fund(second.id).id)
    gone = give_back(first, "40.00")
    record_refund(gone, refund_answer(gone))
    give_back(first, "20.00")
    return paid


def test_what_fits_is_no_breach(payment):
    assert rehearse(integrity.verify) == []


@pytest.mark.parametrize("column", ["gateway_fee_minor", "drawn_pending_minor", "price_minor"])
def test_what_is_pending_at_the_gateway_is_counted(payment, column):
    (breach,) = _after(Payment, Payment.id == payment.id, **{column: getattr(Payment, column) + 1})
    assert (breach.rule, breach.subject) == ("gateway_pending", "stripe")


def test_a_payment_that_is_booked_and_not_known_as_such_is_found(payment):
    assert (
        _after(Payment, Payment.id == payment.id, state="open")[0].detail
        == "0 USD by payments, 10165 by the ledger"
    )


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_a_refund_in_transit_that_is_said_to_have_ended_is_found(payment, state):
    found = {breach.rule: breach.detail for breach in _after(Refund, Refund.state == "ordered", state=state)}
    assert found["refunds_in_transit"] == "0 by refunds, 2100 by the ledger"
    assert ("payment_refunded" in found) is (state == "failed")


def test_a_payment_that_counts_other_refunds_than_it_has_is_found(payment):
    (breach,) = _after(Payment, Payment.id == payment.id, refunded_minor=6_301)
    assert (breach.rule, breach.subject, breach.detail) == (
        "payment_refunded",
        payment.id,
        "counts 6301, its refunds are 6300",
    )


def _after(table, which, **values):
    def plant(session):
        session.execute(update(table).where(which).values(**values))
        return integrity.verify(session)

    return rehearse(plant)
