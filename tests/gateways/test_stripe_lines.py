"""The lines of a balance through the adapter, against the peer over HTTP."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta

import stripe as sdk

from gateways.contract import LineKind
from gateways.stripe.lines import KINDS, read_line

LINE = {
    "id": "txn_1",
    "type": "charge",
    "amount": 10_000,
    "fee": 320,
    "net": 9_680,
    "currency": "usd",
    "created": 1_700_000_000,
    "available_on": 1_700_100_000,
}


def test_every_type_that_the_installed_stripe_names_has_its_kind():
    source = inspect.getsource(inspect.getmodule(sdk.BalanceTransaction))
    listed = re.search(r"Transaction type: (.*?)\. Learn more", source)[1]
    known = [type_ for types in KINDS.values() for type_ in types]
    assert sorted(known) == sorted(re.findall(r"`(\w+)`", listed))
    assert LineKind.UNKNOWN not in KINDS


def test_a_type_nobody_knows_is_kept_as_unknown():
    line = read_line(LINE | {"type": "moon_fee", "source": None})
    assert (line.kind, line.type, line.net_minor, line.our_id) == (LineKind.UNKNOWN, "moon_fee", 9_680, None)


def test_a_charge_is_a_line_that_says_what_was_ordered(stripe, payment, payment_order):
    page = stripe.balance_lines(since=None, after=None)
    (line,) = page.lines
    assert (line.kind, line.gross_minor, line.fee_minor, line.net_minor, line.currency) == (
        LineKind.CHARGE,
        10_000,
        320,
        9_680,
        "USD",
    )
    assert (line.our_id, line.source, page.after) == (
        payment_order.payment_id,
        payment.charge.gateway_id,
        None,
    )


def test_pages_follow_each_other_and_begin_at_an_instant(stripe, peer):
    for amount in range(1, 104):
        peer.book_line("stripe_fee", -amount)
    first = stripe.balance_lines(since=None, after=None)
    second = stripe.balance_lines(since=None, after=first.after)
    found = [line.net_minor for page in (first, second) for line in page.lines]
    assert (found, second.after) == ([-amount for amount in range(103, 0, -1)], None)
    peer.advance(10)
    peer.book_line("stripe_fee", -500)
    since = first.lines[0].created_at + timedelta(seconds=5)
    assert [line.net_minor for line in stripe.balance_lines(since=since, after=None).lines] == [-500]


def test_what_arrives_at_a_worker_names_the_transfer_it_came_of(stripe, transfer_order, account):
    transfer = stripe.create_transfer(transfer_order)
    (arrived,) = stripe.balance_lines(since=None, after=None, account=account).lines
    assert (arrived.kind, arrived.transfer, arrived.our_id) == (LineKind.ARRIVAL, transfer.gateway_id, None)
    sent = stripe.balance_lines(since=None, after=None).lines[0]
    assert (sent.kind, sent.source, sent.our_id) == (
        LineKind.TRANSFER,
        transfer.gateway_id,
        transfer_order.transfer_id,
    )
