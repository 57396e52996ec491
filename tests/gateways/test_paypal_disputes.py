"""A dispute at PayPal is not decided before its money is reported, and what is reported is the right dispute's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateways.contract import (
    VANISHED,
    AnswerNotUnderstood,
    BalanceLine,
    ChargebackState,
    EvidenceOrder,
    LineKind,
    Unknown,
)
from kernel.ids import new_id
from kernel.money import Money

DAY, HOUR = 86_400, 3_600
SELLER, BUYER = "RESOLVED_SELLER_FAVOUR", "RESOLVED_BUYER_FAVOUR"


def taken(found):
    return Money(sum(line.amount.amount_minor for line in found.lines), "USD").decimal


@pytest.fixture
def late(paypal_peer):
    """The peer, with reports as late as PayPal's."""
    paypal_peer.prices(report_delay_seconds=3 * HOUR)
    return paypal_peer


@pytest.fixture
def disputed(paypal, late, paypal_payment):
    """A dispute that began yesterday, so that all that it took is reported."""

    def dispute(**about):
        late.advance(DAY)
        begun = late.dispute(paypal_payment.charge.gateway_id, **about)["dispute_id"]
        late.advance(DAY)
        return begun

    return dispute


@pytest.mark.parametrize(
    ("stage", "channel", "outcome", "before", "after", "kept"),
    [
        ("INQUIRY", "INTERNAL", BUYER, "inquiry", "lost", "100.00"),
        ("INQUIRY", "INTERNAL", "CANCELED_BY_BUYER", "inquiry", "inquiry_closed", "0.00"),
        ("CHARGEBACK", "INTERNAL", SELLER, "under_review", "won", "0.00"),
        ("CHARGEBACK", "INTERNAL", BUYER, "under_review", "lost", "100.00"),
        ("CHARGEBACK", "EXTERNAL", SELLER, "under_review", "won", "0.00"),
        ("CHARGEBACK", "EXTERNAL", BUYER, "under_review", "lost", "100.00"),
        ("PRE_ARBITRATION", "INTERNAL", BUYER, "appeal_under_review", "lost", "100.00"),
    ],
)
def test_what_was_decided_is_believed_once_its_money_is_reported(  # noqa: PLR0917 - a table
    paypal, late, disputed, stage, channel, outcome, before, after, kept
):
    dispute = disputed(stage=stage, channel=channel)
    late.resolve_dispute(dispute, outcome=outcome)
    for _ in range(2):
        found = paypal.chargeback(dispute)
        assert (found.state, found.money_told, found.word) == (before, False, outcome)
        # Within the hour after it was written, something may still be added.
        late.advance(3.9 * HOUR)
    late.advance(HOUR)
    found = paypal.chargeback(dispute)
    assert (found.state, found.money_told, taken(found)) == (after, True, kept)


def test_where_paypals_own_list_says_otherwise_it_is_believed_after_a_day(paypal, late, disputed):
    dispute = disputed(channel="EXTERNAL")
    late.resolve_dispute(dispute, outcome=BUYER)
    late.change(dispute, money_movements=[])
    late.advance(26 * HOUR)
    assert paypal.chargeback(dispute).state is ChargebackState.UNDER_REVIEW
    late.advance(2 * HOUR)
    assert paypal.chargeback(dispute).state is ChargebackState.LOST


def test_a_movement_of_another_shape_is_not_counted_and_one_without_an_amount_not_understood(
    paypal, late, disputed
):
    dispute = disputed()
    late.resolve_dispute(dispute, outcome=SELLER)
    late.advance(5 * HOUR)
    late.change(dispute, money_movements=[{"affected_party": "BUYER"}])
    assert paypal.chargeback(dispute).money_told
    late.change(dispute, money_movements=[{"affected_party": "SELLER", "type": "DEBIT"}])
    with pytest.raises(AnswerNotUnderstood):
        paypal.chargeback(dispute)


def test_an_answer_that_was_handed_in_and_cannot_be_looked_at_is_out(paypal, paypal_peer, paypal_payment):
    dispute = paypal_peer.dispute(paypal_payment.charge.gateway_id)["dispute_id"]
    order = EvidenceOrder(new_id("ce"), dispute, {"uncategorized_text": "It was delivered."})
    for _ in range(2):
        paypal_peer.fault("status", status=429, retry_after=9, path="/v2/payments/captures/.*")
        assert isinstance(paypal.submit_evidence(order), Unknown)
    assert paypal.submit_evidence(order).answers == 1


def test_a_dispute_about_what_was_paid_by_hand_is_of_no_payment_of_ours(paypal, paypal_peer, paypal_payment):
    capture = paypal_payment.charge.gateway_id
    dispute = paypal_peer.dispute(capture)["dispute_id"]
    # Of our own PayPal says who ordered it: then a refused question is only a question.
    paypal_peer.fault("status", status=404, path="/v2/payments/captures/.*")
    assert isinstance(paypal.chargeback(dispute), Unknown)
    by_hand = {"seller_transaction_id": capture, "custom": "for Pat's birthday"}
    paypal_peer.change(dispute, disputed_transactions=[by_hand])
    paypal_peer.fault("status", status=404, path="/v2/payments/captures/.*")
    found = paypal.chargeback(dispute)
    assert found.payment == capture
    assert paypal.payment(found.payment) == VANISHED


def test_an_answer_says_of_when_it_is(paypal, paypal_peer, paypal_payment):
    dispute = paypal_peer.dispute(paypal_payment.charge.gateway_id)["dispute_id"]
    first = paypal.chargeback(dispute)
    paypal_peer.advance(60)
    paypal_peer.move_dispute(dispute, status="UNDER_REVIEW")
    second = paypal.chargeback(dispute)
    assert first.as_of < second.as_of <= datetime.fromtimestamp(paypal_peer.now(), UTC) + timedelta(seconds=1)
    assert (first.money_told, second.money_told) == (True, True)


@pytest.mark.parametrize(
    ("hours", "disputes", "kind"),
    [
        (2, 1, LineKind.DISPUTE),
        (25, 1, LineKind.OTHER),
        (2, 2, LineKind.OTHER),
    ],
)
def test_what_moved_before_the_only_dispute_began_is_its_own(  # noqa: PLR0917 - a table
    paypal, paypal_peer, paypal_payment, hours, disputes, kind
):
    capture = paypal_payment.charge.gateway_id
    booked = paypal_peer.book_line("T1106", -10_000, reference=capture)["transaction_id"]
    paypal_peer.advance(hours * HOUR)
    begun = [paypal_peer.dispute(capture, stage="INQUIRY")["dispute_id"] for _ in range(disputes)]
    (line,) = [each for each in paypal.balance_lines(since=None, after=None).lines if each.line_id == booked]
    assert isinstance(line, BalanceLine)
    ours = kind is LineKind.DISPUTE
    assert (line.kind, line.source) == (kind, begun[0] if ours else capture)
    assert [each.line_id for each in paypal.chargeback(begun[0]).lines] == ([booked] if ours else [])
