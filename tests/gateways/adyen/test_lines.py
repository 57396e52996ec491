"""The lines of a balance, adding up to it."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest

from gateways.adyen.lines import KINDS, read_line
from gateways.contract import LineKind, PayoutOrder, RefundOrder, ReversalOrder
from kernel.ids import new_id
from kernel.money import Money
from sandbox.adyen import contract


def lines_of(adyen, account=None):
    lines, after = [], None
    while True:
        page = adyen.balance_lines(since=None, after=after, account=account)
        lines += page.lines
        after = page.after
        if after is None:
            return lines


def total(adyen, account=None):
    balance = adyen.balance("USD", account=account)
    return (balance.available + balance.pending).amount_minor


@pytest.mark.skipif(not contract.is_there(), reason=contract.ABSENT)
def test_every_type_that_adyens_document_names_has_its_kind():
    with gzip.open(contract.PATH / "adyen-TransferService-v4.json.gz") as packed:
        schemas = json.load(packed)["components"]["schemas"]
    known = [type_ for types in KINDS.values() for type_ in types]
    assert sorted(known) == sorted(schemas["TransferData"]["properties"]["type"]["enum"])
    assert LineKind.UNKNOWN not in KINDS


def test_a_payment_and_its_fee_are_lines_of_one_order(adyen, payment, payment_order):
    fee, sale = adyen.balance_lines(since=None, after=None).lines
    for line in (fee, sale):
        assert (line.kind, line.our_id, line.currency) == (LineKind.CHARGE, payment_order.payment_id, "USD")
    assert (sale.gross_minor, sale.fee_minor, sale.net_minor) == (10_000, 0, 10_000)
    assert (fee.gross_minor, fee.fee_minor, fee.net_minor) == (0, 320, -320)
    assert (sale.line_id, sale.source) == (payment.charge.balance_transaction, payment.charge.gateway_id)
    assert sale.available_on == payment.charge.available_on


def test_what_adyen_takes_for_giving_back_is_a_bill_of_its_own(adyen, adyen_peer, payment):
    sale = next(each for each in adyen_peer.state()["objects"].values() if each.get("type") == "capture")
    transaction = {
        "id": "EV1USD",
        "amount": {"currency": "USD", "value": -25},
        "creationDate": sale["creationDate"],
        "valueDate": sale["creationDate"],
    }
    data = sale["categoryData"] | {"platformPaymentType": "AdyenFees"}
    line = read_line(
        transaction, sale | {"type": "refund", "reference": "<auto>", "categoryData": data}, None
    )
    assert (line.kind, line.gross_minor, line.fee_minor, line.net_minor, line.our_id) == (
        LineKind.FEE,
        -25,
        0,
        -25,
        None,
    )


@pytest.mark.parametrize("type_", ["moonshine", ""])
def test_a_type_nobody_knows_is_kept_as_unknown(adyen, type_):
    transaction = {
        "id": "EV1USD",
        "amount": {"currency": "USD", "value": -25},
        "creationDate": "2026-11-22T12:00:00Z",
        "valueDate": "2026-11-22T12:00:00Z",
    }
    line = read_line(transaction, {"id": "T1", "type": type_, "category": "internal"}, None)
    assert (line.kind, line.type, line.net_minor, line.our_id) == (LineKind.UNKNOWN, type_, -25, None)


def test_whatever_happens_the_lines_add_up_to_the_balance(  # noqa: PLR0917 - all that it is about
    adyen, adyen_peer, payment_order, payment, transfer_order, transfer, account, clock
):
    refund = RefundOrder(new_id("rf"), payment.gateway_id, Money(300, "USD"))
    adyen.create_refund(refund)
    reversal = ReversalOrder(new_id("rv"), transfer.gateway_id, Money(2_000, "USD"))
    adyen.create_reversal(reversal)
    payout = PayoutOrder(new_id("po"), account, Money(1_000, "USD"))
    adyen.create_payout(payout)
    clock.advance(days=4)
    adyen_peer.fail_refund(refund.refund_id)
    adyen_peer.fail_transfer(payout.payout_id)
    dispute = adyen_peer.dispute(payment_order.payment_id, amount=700)
    adyen_peer.move_dispute(dispute["id"], "CHARGEBACK_REVERSED")
    adyen_peer.book_line("invoiceDeduction", -55)
    ours, theirs = lines_of(adyen), lines_of(adyen, account)
    assert sum(line.net_minor for line in ours) == total(adyen)
    assert sum(line.net_minor for line in theirs) == total(adyen, account) == 7_000
    assert all(line.net_minor == line.gross_minor - line.fee_minor for line in (*ours, *theirs))
    about = [(line.kind, line.our_id, line.net_minor) for line in reversed(ours)]
    assert about[2:] == [
        (LineKind.TRANSFER, transfer_order.transfer_id, -9_000),
        (LineKind.TRANSFER, reversal.reversal_id, 2_000),
        (LineKind.REFUND, refund.refund_id, -300),
        (LineKind.REFUND, refund.refund_id, 300),
        (LineKind.DISPUTE, None, -700),
        (LineKind.DISPUTE, None, -1_500),
        (LineKind.DISPUTE, None, 700),
        (LineKind.FEE, None, -55),
    ]
    called = f"ay_{payment_order.payment_id}.{dispute['id']}"
    assert {line.source for line in ours if line.kind is LineKind.DISPUTE} == {called}
    assert [(line.kind, line.our_id, line.net_minor) for line in reversed(theirs)] == [
        (LineKind.ARRIVAL, transfer_order.transfer_id, 9_000),
        (LineKind.ARRIVAL, reversal.reversal_id, -2_000),
        (LineKind.PAYOUT, payout.payout_id, -1_000),
        (LineKind.PAYOUT, payout.payout_id, 1_000),
    ]


def test_pages_follow_each_other_and_begin_at_an_instant(adyen, adyen_peer, clock):
    for amount in range(1, 104):
        adyen_peer.book_line("fee", -amount)
    assert [line.net_minor for line in lines_of(adyen)] == [-amount for amount in range(103, 0, -1)]
    clock.advance(seconds=10)
    adyen_peer.book_line("fee", -500)
    since = clock.now() - timedelta(seconds=5)
    assert [line.net_minor for line in adyen.balance_lines(since=since, after=None).lines] == [-500]


def test_a_line_that_names_no_transfer_is_kept_as_unknown_and_stops_no_other(adyen, adyen_peer, payment):
    fee, sale = adyen.balance_lines(since=None, after=None).lines
    adyen_peer.leave_out(fee.line_id, "transfer", "creationDate")
    bare, same = adyen.balance_lines(since=None, after=None).lines
    assert (bare.line_id, bare.kind, bare.net_minor, bare.our_id) == (
        fee.line_id,
        LineKind.UNKNOWN,
        -320,
        None,
    )
    assert (bare.created_at, same) == (fee.created_at, sale)


def test_places_in_a_list_fit_where_they_are_kept(adyen, adyen_peer):
    for _ in range(101):
        adyen_peer.book_line("fee", -1)
    assert len(adyen.balance_lines(since=None, after=None).after) <= 128


def test_a_balance_says_what_is_on_its_way(adyen, payment, clock):
    before = adyen.balance("USD")
    assert (before.available, before.pending, before.instant) == (
        Money(0, "USD"),
        Money(9_680, "USD"),
        Money(0, "USD"),
    )
    clock.advance(days=2)
    after = adyen.balance("USD")
    assert (after.available, after.pending) == (Money(9_680, "USD"), Money(0, "USD"))
    assert adyen.balance("EUR").available == Money(0, "EUR")
