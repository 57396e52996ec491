"""Every cent on PayPal's balance is a line, disputes with their lines among them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateways.contract import (
    AnswerNotUnderstood,
    BalanceFound,
    ChargebackState,
    EvidenceOrder,
    LineKind,
    RefundOrder,
    Rejected,
    Unknown,
)
from gateways.paypal.lines import read_line, read_lines
from kernel.ids import new_id
from kernel.money import Money

DAY = 86_400
SELLER, BUYER = "RESOLVED_SELLER_FAVOUR", "RESOLVED_BUYER_FAVOUR"


def usd(amount):
    return Money.parse(amount, "USD")


def all_lines(paypal, since=None):
    lines, after = [], None
    while True:
        page = paypal.balance_lines(since=since, after=after)
        lines += page.lines
        after = page.after
        if after is None:
            return lines


def total(lines, currency="USD"):
    return Money(sum(line.net_minor for line in lines if line.currency == currency), currency)


def kinds(lines):
    return [(line.kind, line.type, line.gross_minor, line.fee_minor) for line in reversed(lines)]


def reported_last(peer):
    return peer.state()["lines"][-1]["info"]


@pytest.fixture
def paid(paypal, paypal_peer, paypal_order):
    """Pay 100.00 USD, or another amount, once more."""

    def pay(amount="100.00", currency="USD"):
        order = replace(paypal_order, payment_id=new_id("py"), amount=Money.parse(amount, currency))
        made = paypal.create_payment(order)
        paypal_peer.approve(made.gateway_id)
        return paypal.capture_payment(made.gateway_id, key=order.key)

    return pay


def test_a_line_names_our_order_and_what_paypal_kept(paypal, paypal_peer, paypal_payment):
    refund = RefundOrder(new_id("rf"), paypal_payment.gateway_id, usd("40.00"))
    given_back = paypal.create_refund(refund)
    back, came = paypal.balance_lines(since=None, after=None).lines
    assert (came.line_id, came.kind, came.our_id) == (
        paypal_payment.charge.balance_transaction,
        LineKind.CHARGE,
        paypal_payment.payment_id,
    )
    assert (came.gross_minor, came.fee_minor, came.net_minor, came.currency) == (10_000, 398, 9_602, "USD")
    assert (back.line_id, back.kind, back.our_id) == (
        given_back.gateway_id,
        LineKind.REFUND,
        refund.refund_id,
    )
    assert (back.gross_minor, back.fee_minor, back.net_minor) == (-4_000, 0, -4_000)
    now = datetime.fromtimestamp(paypal_peer.now(), UTC)
    assert abs(came.created_at - now) < timedelta(minutes=1)
    assert came.available_on == came.created_at


def test_the_lines_add_up_to_the_balance_whatever_happened(paypal, paypal_peer, paid):
    first, second, third, fourth = (paid() for _ in range(4))
    paid("5000", "JPY")
    paypal.create_refund(RefundOrder(new_id("rf"), first.gateway_id, usd("40.00")))
    paypal_peer.prices(refunds_pending=1)
    failing = paypal.create_refund(RefundOrder(new_id("rf"), first.gateway_id, usd("10.00")))
    paypal_peer.complete_refund(failing.gateway_id)
    paypal_peer.fail_refund(failing.gateway_id)
    for payment, channel, outcome in (
        (second, "INTERNAL", SELLER),
        (third, "INTERNAL", BUYER),
        (fourth, "EXTERNAL", BUYER),
    ):
        dispute = paypal_peer.dispute(payment.charge.gateway_id, channel=channel)["dispute_id"]
        paypal_peer.resolve_dispute(dispute, outcome=outcome)
    paypal_peer.book_line("T0300", 50_000)
    paypal_peer.book_line("T0400", -20_000)
    paypal_peer.book_line("T9999", 100)
    paypal_peer.advance(40 * DAY)
    paid()
    lines = all_lines(paypal)
    assert total(lines) == paypal.balance("USD").available
    assert total(lines, "JPY") == paypal.balance("JPY").available
    assert len({line.line_id for line in lines}) == len(lines)
    assert [line.created_at for line in lines] == sorted((line.created_at for line in lines), reverse=True)
    assert LineKind.UNKNOWN in {line.kind for line in lines}


def test_nothing_is_pending_at_paypal_and_other_currencies_are_at_zero(paypal, paypal_payment):
    assert paypal.balance("USD") == BalanceFound(usd("96.02"), usd("0.00"), usd("0.00"))
    assert paypal.balance("EUR") == BalanceFound(*[Money.zero("EUR")] * 3)


def test_lines_are_read_from_where_one_was(paypal, paypal_peer, paid):
    paid()
    paypal_peer.advance(70 * DAY)
    since = datetime.fromtimestamp(int(paypal_peer.now()) - 1, UTC)
    paid("7.00")
    assert [line.gross_minor for line in all_lines(paypal, since=since)] == [700]
    assert [line.gross_minor for line in all_lines(paypal, since=since - timedelta(days=71))] == [700, 10_000]
    assert [line.gross_minor for line in all_lines(paypal)] == [700, 10_000]
    ahead = paypal.balance_lines(since=since + timedelta(days=15), after=None)
    assert (ahead.lines, ahead.after) == ((), None)


def test_a_stretch_with_too_much_in_it_is_read_in_parts(paypal, paypal_peer, paid):
    for amount in ("1.00", "2.00", "3.00", "4.00"):
        paid(amount)
        paypal_peer.advance(DAY)
    paypal_peer.limit_reports(most=2)
    since = datetime.fromtimestamp(paypal_peer.now(), UTC) - timedelta(days=10)
    assert [line.gross_minor for line in all_lines(paypal, since=since)] == [400, 300, 200, 100]


def test_reports_are_written_up_to_some_hours_ago(paypal, paypal_peer, paid):
    paypal_peer.prices(report_delay_seconds=3 * 3_600)
    paid()
    page = paypal.balance_lines(since=None, after=None)
    behind = paypal_peer.now() - page.written_until.timestamp()
    assert (page.lines, abs(behind - 3 * 3_600) < 60) == ((), True)
    # The balance is of the same instant, so that what is not listed yet is not missing either.
    assert paypal.balance("USD").available == usd("0.00")
    paypal_peer.advance(3 * 3_600 + 60)
    assert len(all_lines(paypal)) == 1
    assert paypal.balance("USD").available == usd("96.02")


def test_what_was_given_back_as_a_whole_has_moved_before(paypal, paypal_peer, paid):
    paid("5.00")
    paid("100.00")
    paypal.create_refund(RefundOrder(new_id("rf"), paid("7.00").gateway_id, usd("7.00")))
    lines = paypal.balance_lines(since=None, after=None).lines
    reported = [each["info"]["transaction_status"] for each in paypal_peer.state()["lines"]]
    assert reported == ["S", "S", "V", "S"]
    assert [line.gross_minor for line in reversed(lines)] == [500, 10_000, 700, -700]
    assert total(lines) == paypal.balance("USD").available


@pytest.mark.parametrize("status", ["P", "D"])
def test_what_is_pending_or_denied_has_not_moved(paypal, paypal_peer, paypal_payment, status):
    paypal_peer.book_line("T0300", 100)
    assert read_line(reported_last(paypal_peer)).gross_minor == 100
    assert read_lines([reported_last(paypal_peer) | {"transaction_status": status}]) == []


def test_a_movement_without_a_status_is_not_understood(paypal_peer):
    reported = {"transaction_id": "5TY05013RG002845M", "transaction_event_code": "T0006"}
    with pytest.raises(AnswerNotUnderstood, match="5TY05013RG002845M"):
        read_lines([reported])


def test_an_echeck_that_came_late_is_read_though_it_began_long_before(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(paypal_order)
    paypal_peer.approve(made.gateway_id, instrument="echeck")
    paypal.capture_payment(made.gateway_id, key="echeck")
    begun = datetime.fromtimestamp(paypal_peer.now(), UTC)
    paypal_peer.advance(8 * DAY)
    read_until = datetime.fromtimestamp(paypal_peer.now(), UTC)
    assert all_lines(paypal) == []
    (capture,) = [each for each in paypal_peer.state()["objects"].values() if each["object"] == "capture"]
    paypal_peer.complete_capture(capture["id"])
    paypal_peer.advance(DAY)
    (line,) = all_lines(paypal, since=read_until)
    assert (line.line_id, line.gross_minor) == (capture["id"], 10_000)
    assert abs(line.created_at - begun) < timedelta(minutes=1)
    assert paypal.balance("USD").available == usd("96.02")


@pytest.mark.parametrize("status", [400, 404])
def test_one_question_that_is_refused_keeps_no_other_line_away(paypal, paypal_peer, paypal_payment, status):
    capture = paypal_payment.charge.gateway_id
    dispute = paypal_peer.dispute(capture)["dispute_id"]
    paypal_peer.fault("status", status=status, count=1, path="/v1/customer/disputes")
    (taken, came) = paypal.balance_lines(since=None, after=None).lines
    assert (taken.kind, taken.source, came.kind) == (LineKind.OTHER, capture, LineKind.CHARGE)
    # Whoever asks for the dispute itself hears that something is missing.
    paypal_peer.fault("status", status=status, count=1, path="/v1/customer/disputes")
    assert isinstance(paypal.chargeback(dispute), Rejected)
    paypal_peer.fault("status", status=401, count=2, path="/v1/customer/disputes")
    assert paypal.balance_lines(since=None, after=None).at_the_door


def test_of_workers_paypal_keeps_nothing(paypal):
    for outcome in (
        paypal.balance("USD", account="worker@example.com"),
        paypal.balance_lines(since=None, after=None, account="worker@example.com"),
    ):
        assert (outcome.code, outcome.temporary) == ("no_accounts", False)


@pytest.mark.parametrize(
    ("channel", "outcome", "state", "lines"),
    [
        ("INTERNAL", None, ChargebackState.NEEDS_RESPONSE, [("100.00", "0.00")]),
        ("INTERNAL", SELLER, ChargebackState.WON, [("100.00", "0.00"), ("-100.00", "0.00")]),
        (
            "INTERNAL",
            BUYER,
            ChargebackState.LOST,
            [("100.00", "0.00"), ("-100.00", "0.00"), ("100.00", "0.00")],
        ),
        ("EXTERNAL", None, ChargebackState.NEEDS_RESPONSE, [("100.00", "0.00"), ("0.00", "20.00")]),
        (
            "EXTERNAL",
            SELLER,
            ChargebackState.WON,
            [("100.00", "0.00"), ("0.00", "20.00"), ("-100.00", "0.00")],
        ),
        ("EXTERNAL", BUYER, ChargebackState.LOST, [("100.00", "0.00"), ("0.00", "20.00")]),
        ("EXTERNAL", "CANCELED_BY_BUYER", ChargebackState.WON, None),
        ("EXTERNAL", "ACCEPTED", ChargebackState.LOST, None),
        ("EXTERNAL", "RESOLVED_WITH_PAYOUT", ChargebackState.NOT_UNDERSTOOD, None),
        ("EXTERNAL", "NONE", ChargebackState.NOT_UNDERSTOOD, None),
        ("EXTERNAL", "SETTLED_OVER_TEA", ChargebackState.NOT_UNDERSTOOD, None),
    ],
)
def test_a_dispute_is_as_far_as_it_is_and_has_moved_what_its_lines_say(  # noqa: PLR0917 - a table
    paypal, paypal_peer, paypal_payment, channel, outcome, state, lines
):
    dispute = paypal_peer.dispute(paypal_payment.charge.gateway_id, channel=channel)["dispute_id"]
    if outcome is not None:
        paypal_peer.resolve_dispute(dispute, outcome=outcome)
        paypal_peer.advance(DAY + 60)
    found = paypal.chargeback(dispute)
    assert (found.kind, found.gateway_id, found.payment) == ("chargeback", dispute, paypal_payment.gateway_id)
    assert (found.state, found.amount, found.answers) == (state, usd("100.00"), 0)
    if lines is not None:
        assert [(str(each.amount.decimal), each.fee.decimal) for each in found.lines] == lines
    on_the_balance = {
        line.line_id for line in all_lines(paypal) if line.kind is LineKind.DISPUTE and line.source == dispute
    }
    assert {each.line_id for each in found.lines} == on_the_balance


def test_a_dispute_may_be_about_a_part(paypal, paypal_peer, paypal_payment):
    capture = paypal_payment.charge.gateway_id
    found = paypal.chargeback(paypal_peer.dispute(capture, amount=2_500)["dispute_id"])
    assert (found.amount, found.lines[0].amount) == (usd("25.00"), usd("25.00"))
    assert found.reason == "merchandise_or_service_not_received"
    now = datetime.fromtimestamp(paypal_peer.now(), UTC)
    assert abs(found.respond_by - now - timedelta(days=10)) < timedelta(minutes=1)


def test_two_disputes_about_one_payment_have_their_own_lines(paypal, paypal_peer, paypal_payment):
    capture = paypal_payment.charge.gateway_id
    first = paypal_peer.dispute(capture)["dispute_id"]
    paypal_peer.resolve_dispute(first, outcome=SELLER)
    paypal_peer.advance(DAY)
    second = paypal_peer.dispute(capture, channel="EXTERNAL")["dispute_id"]
    assert [each.amount for each in paypal.chargeback(first).lines] == [usd("100.00"), usd("-100.00")]
    assert [each.amount for each in paypal.chargeback(second).lines] == [usd("100.00"), usd("0.00")]
    assert total(all_lines(paypal)) == paypal.balance("USD").available


def test_an_inquiry_takes_nothing_and_may_become_more(paypal, paypal_peer, paypal_payment):
    capture = paypal_payment.charge.gateway_id
    first = paypal_peer.dispute(capture, stage="INQUIRY")["dispute_id"]
    found = paypal.chargeback(first)
    assert (found.state, found.lines) == (ChargebackState.INQUIRY, ())
    paypal_peer.resolve_dispute(first, outcome="CANCELED_BY_BUYER")
    paypal_peer.advance(DAY)
    assert paypal.chargeback(first).state is ChargebackState.INQUIRY_CLOSED
    second = paypal_peer.dispute(capture, stage="INQUIRY")["dispute_id"]
    paypal_peer.move_dispute(second, stage="CHARGEBACK")
    taken = paypal.chargeback(second)
    assert (taken.state, len(taken.lines)) == (ChargebackState.NEEDS_RESPONSE, 1)
    paypal_peer.move_dispute(second, stage="PRE_ARBITRATION")
    assert paypal.chargeback(second).state is ChargebackState.APPEAL_NEEDS_RESPONSE
    paypal_peer.move_dispute(second, status="UNDER_REVIEW")
    assert paypal.chargeback(second).state is ChargebackState.APPEAL_UNDER_REVIEW
    paypal_peer.move_dispute(second, status="OTHER")
    found = paypal.chargeback(second)
    assert (found.state, found.word) == (ChargebackState.NOT_UNDERSTOOD, "OTHER")


def test_an_answer_is_handed_in_once_and_found_by_its_order(paypal, paypal_peer, paypal_payment):
    dispute = paypal_peer.dispute(paypal_payment.charge.gateway_id)["dispute_id"]
    order = EvidenceOrder(
        new_id("ce"), dispute, {"product_description": "A logo. " * 400, "customer_name": "Pat"}
    )
    assert paypal.find_evidence(order) is None
    answered = paypal.submit_evidence(order)
    assert (answered.state, answered.answers, answered.respond_by) == (ChargebackState.UNDER_REVIEW, 1, None)
    assert paypal.submit_evidence(order) == answered == paypal.find_evidence(order)
    kept = paypal_peer.state()["objects"][dispute]["evidences"]
    assert [each["notes"].splitlines()[0] for each in kept] == [
        f"[{order.evidence_id}, 1 of 2]",
        f"[{order.evidence_id}, 2 of 2]",
    ]
    assert all(len(each["notes"]) <= 2_000 for each in kept)
    assert kept[0]["notes"].splitlines()[1] == "Product description:"
    assert kept[1]["notes"].endswith("Customer name:\nPat")
    late = paypal.submit_evidence(replace(order, evidence_id=new_id("ce")))
    assert (late.code, late.temporary) == ("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE", False)


def test_a_dispute_without_its_transaction_is_not_understood(paypal, paypal_peer, paypal_payment):
    dispute = paypal_peer.dispute(paypal_payment.charge.gateway_id)["dispute_id"]
    paypal_peer.change(dispute, disputed_transactions=[])
    with pytest.raises(AnswerNotUnderstood):
        paypal.chargeback(dispute)


@pytest.mark.parametrize("dispute", ["", "..", "PP-R/../../x", "PP\u0661"])
def test_what_is_no_dispute_leads_to_no_other_address(paypal, paypal_peer, dispute):
    outcome = paypal.chargeback(dispute)
    assert (outcome.code, outcome.temporary) == ("INVALID_RESOURCE_ID", False)
    assert paypal_peer.journal()[-1]["path"] == "/v1/customer/disputes/none"


def test_a_reversal_without_a_dispute_is_nobodys_order(paypal, paypal_peer, paypal_payment):
    paypal_peer.book_line("T1106", -10_000, reference=paypal_payment.charge.gateway_id)
    (line, _) = all_lines(paypal)
    assert (line.kind, line.source, line.our_id) == (
        LineKind.OTHER,
        paypal_payment.charge.gateway_id,
        None,
    )


def test_a_refund_that_is_reported_under_the_payments_name_is_asked_who_it_is(
    paypal, paypal_peer, paypal_payment
):
    order = RefundOrder(new_id("rf"), paypal_payment.gateway_id, usd("1.00"))
    refund = paypal.create_refund(order)
    reported = paypal_peer.state()["lines"][-1]["info"]
    line = read_line(reported | {"custom_field": paypal_payment.payment_id})
    assert (line.line_id, line.our_id) == (refund.gateway_id, None)
    paypal_peer.book_line("T1107", -100, custom=paypal_payment.payment_id)
    paypal_peer.fault("cut_before_effect", path="/v2/payments/refunds/.*")
    assert paypal.balance_lines(since=None, after=None) == Unknown("no answer: ConnectionError")
    assert [each.our_id for each in all_lines(paypal)] == [
        None,
        order.refund_id,
        paypal_payment.payment_id,
    ]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("T0006", LineKind.CHARGE),
        ("T0000", LineKind.CHARGE),
        ("T0001", LineKind.PAYOUT),
        ("T0100", LineKind.FEE),
        ("T0300", LineKind.TOPUP),
        ("T0400", LineKind.OTHER),
        ("T1503", LineKind.RESERVE),
        ("T1105", LineKind.RESERVE),
        ("T2101", LineKind.RESERVE),
        ("T1108", LineKind.UNKNOWN),
        ("T7777", LineKind.UNKNOWN),
    ],
)
def test_a_line_is_of_the_kind_that_its_code_says(code, kind):
    line = read_line(
        {
            "transaction_id": "1",
            "transaction_event_code": code,
            "transaction_initiation_date": "2026-11-22T12:00:00+0000",
            "transaction_amount": {"currency_code": "HUF", "value": "-1500.00"},
            "fee_amount": {"currency_code": "HUF", "value": "-3"},
            "custom_field": "py_1",
        }
    )
    assert (line.kind, line.gross_minor, line.fee_minor, line.net_minor) == (kind, -1_500, 3, -1_503)
    assert line.our_id == ("py_1" if kind is LineKind.CHARGE else None)


def test_a_currency_nobody_knows_is_not_counted(paypal, paypal_peer, paypal_payment):
    line = paypal_peer.state()["lines"][0]["info"]
    with pytest.raises(ValueError, match="decimals"):
        read_line(line | {"transaction_amount": {"currency_code": "XTS", "value": "1.00"}})
