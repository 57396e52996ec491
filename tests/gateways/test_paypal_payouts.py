"""Paying workers by PayPal: batches of one, sent once, found again, followed to their end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateways.contract import (
    AccountOrder,
    AccountState,
    AnswerNotUnderstood,
    Busy,
    LineKind,
    PayoutOrder,
    PayoutState,
    Rejected,
    ReversalOrder,
    TransferOrder,
    Unknown,
)
from kernel.ids import new_id
from kernel.money import Money

DAY = 86_400
PAYOUTS = "/v1/payments/payouts.*"


def usd(amount):
    return Money.parse(amount, "USD")


@pytest.fixture
def order(paypal_payment) -> PayoutOrder:
    """20.00 USD for a worker, out of the 96.02 that are there."""
    return PayoutOrder(new_id("po"), "worker@example.com", usd("20.00"))


def test_a_worker_is_known_by_their_address_and_paypal_is_not_asked(paypal, paypal_peer):
    order = AccountOrder(new_id("ac"), new_id("us"), "worker@example.com", "US")
    opened = paypal.create_account(order)
    assert (opened.gateway_id, opened.account_id) == ("worker@example.com", order.account_id)
    assert (opened.state, opened.can_receive_transfers, opened.can_be_paid_out) == (
        AccountState.READY,
        True,
        True,
    )
    assert paypal.find_account(order, since=datetime.now(UTC)) == opened
    assert paypal.account("worker@example.com") == replace(opened, account_id=None)
    assert paypal_peer.journal() == []


@pytest.mark.parametrize("email", ["x" * 60 + "@example.com", "wörker@example.com", "a b@example.com", ""])
def test_an_address_that_is_none_is_refused(paypal, paypal_peer, email):
    for refused in (
        paypal.create_account(AccountOrder("ac_1", "us_1", email, "US")),
        paypal.account(email),
        paypal.create_payout(PayoutOrder("po_1", email, usd("1.00"))),
    ):
        assert (refused.code, refused.temporary) == ("account_invalid", False)
    assert paypal_peer.journal() == []


def test_there_is_nothing_to_fill_in(paypal):
    link = paypal.onboarding_link("a@example.com", return_url="https://x", refresh_url="https://x")
    for refused in (link, paypal.account_session("a@example.com")):
        assert (refused.code, refused.temporary) == ("not_offered", False)


def test_released_money_stays_on_our_balance_until_it_is_paid_out(paypal, paypal_peer, paypal_payment):
    order = TransferOrder(new_id("tr"), new_id("ms"), usd("90.00"), "worker@example.com", None)
    moved = paypal.create_transfer(order)
    assert (moved.gateway_id, moved.amount, moved.transfer_id) == (
        order.transfer_id,
        usd("90.00"),
        order.transfer_id,
    )
    assert moved.available_on < datetime.fromtimestamp(paypal_peer.now(), UTC)
    assert paypal.create_transfer(order) == moved == paypal.find_transfer(order)
    back = ReversalOrder(new_id("rv"), order.transfer_id, usd("10.00"))
    taken = paypal.create_reversal(back)
    assert (taken.gateway_id, taken.amount, taken.reversal_id) == (
        back.reversal_id,
        usd("10.00"),
        back.reversal_id,
    )
    assert paypal.find_reversal(back) == taken
    assert paypal.balance("USD").available == usd("96.02")


def test_a_payout_is_sent_once_and_arrives(paypal, paypal_peer, order):
    sent = paypal.create_payout(order)
    assert (sent.state, sent.amount, sent.payout_id) == (PayoutState.PENDING, usd("20.00"), order.payout_id)
    assert paypal.create_payout(order) == sent == paypal.payout(order.account, sent.gateway_id)
    paypal_peer.advance(60)
    paid = paypal.payout(order.account, sent.gateway_id)
    assert (paid.gateway_id, paid.state, paid.failure_code) == (sent.gateway_id, PayoutState.PAID, None)
    assert paid.trace_id is not None
    now = datetime.fromtimestamp(paypal_peer.now(), UTC)
    assert abs(paid.arrives_on - now) < timedelta(minutes=2)
    assert paypal.create_payout(order) == paid
    assert paypal.balance("USD").available == usd("75.77")
    lines = paypal.balance_lines(since=None, after=None).lines
    # The gateway's fee is its bill, and not the worker's: their payout is what was ordered.
    told = [(each.kind, each.our_id, each.gross_minor, each.fee_minor, each.net_minor) for each in lines]
    assert (LineKind.PAYOUT, order.payout_id, -2_000, 0, -2_000) in told
    assert (LineKind.FEE, None, 0, 25, -25) in told
    assert len({line.line_id for line in lines}) == len(lines)
    assert sum(line.net_minor for line in lines) == 7_577


def test_a_payout_to_a_payer_id_is_said_to_be_one(paypal, paypal_peer, order):
    sent = paypal.create_payout(replace(order, account="QYR5Z8XDVJNXQ"))
    item = paypal_peer.state()["objects"][sent.gateway_id]["payout_item"]
    assert (item["recipient_type"], item["receiver"]) == ("PAYPAL_ID", "QYR5Z8XDVJNXQ")


@pytest.mark.parametrize(
    ("receiver", "state", "code", "left"),
    [
        ("nobody@example.com", PayoutState.IN_TRANSIT, None, "75.77"),
        ("held@example.com", PayoutState.PENDING, None, "96.02"),
        ("closed@example.com", PayoutState.FAILED, "RECEIVER_ACCOUNT_LOCKED", "96.02"),
        ("blocked@example.com", PayoutState.FAILED, "RISK_DECLINE", "96.02"),
    ],
)
def test_a_payout_is_followed_to_where_it_comes(  # noqa: PLR0917 - a table
    paypal, paypal_peer, order, receiver, state, code, left
):
    sent = paypal.create_payout(replace(order, account=receiver))
    paypal_peer.advance(60)
    found = paypal.payout(receiver, sent.gateway_id)
    assert (found.state, found.failure_code) == (state, code)
    assert bool(found.failure_message) is (state is PayoutState.FAILED)
    assert paypal.balance("USD").available == usd(left)


def test_what_nobody_claims_comes_back_in_a_month(paypal, paypal_peer, order):
    sent = paypal.create_payout(replace(order, account="nobody@example.com"))
    paypal_peer.advance(31 * DAY)
    found = paypal.payout("nobody@example.com", sent.gateway_id)
    assert (found.state, found.failure_code) == (PayoutState.FAILED, "RECEIVER_UNREGISTERED")
    assert found.failure_message == "Nobody has opened a PayPal account for this address yet."
    assert paypal.balance("USD").available == usd("95.77")


def test_more_than_there_is_is_sent_later(paypal, paypal_peer, order):
    refused = paypal.create_payout(replace(order, amount=usd("96.00")))
    assert (refused.code, refused.temporary) == ("INSUFFICIENT_FUNDS", True)
    assert paypal.balance("USD").available == usd("96.02")


def the_batch(peer):
    (batch,) = [each for each in peer.state()["objects"].values() if each["object"] == "payout_batch"]
    return batch


def test_a_batch_that_is_denied_after_it_was_seen_has_failed(paypal, paypal_peer, order):
    denied = replace(order, account="denied@example.com")
    sent = paypal.create_payout(denied)
    assert (sent.state, paypal.balance("USD").available) == (PayoutState.PENDING, usd("75.77"))
    paypal_peer.advance(60)
    for found in (
        paypal.payout(denied.account, sent.gateway_id),
        paypal.create_payout(denied),
        paypal.find_payout(denied),
    ):
        assert (found.gateway_id, found.state, found.amount) == (
            sent.gateway_id,
            PayoutState.FAILED,
            usd("20.00"),
        )
        assert (found.failure_code, found.payout_id) == ("BATCH_DENIED", order.payout_id)
    assert paypal.balance("USD").available == usd("96.02")


@pytest.mark.parametrize("status", ["DENIED", "CANCELED"])
def test_a_batch_that_came_to_nothing_and_has_no_items_has_failed(paypal, paypal_peer, order, status):
    second = replace(order, attempt=2)
    sent = paypal.create_payout(second)
    batch = the_batch(paypal_peer)["payout_batch_id"]
    paypal_peer.change(batch, batch_status=status)
    paypal_peer.change(sent.gateway_id, object="gone")
    found = paypal.create_payout(second)
    assert (found.gateway_id, found.state, found.amount) == (batch, PayoutState.FAILED, usd("20.00"))
    assert (found.failure_code, found.payout_id) == (f"BATCH_{status}", order.payout_id)
    # An item that was seen before is the same payout still.
    paypal_peer.change(sent.gateway_id, object="payout_item")
    assert paypal.payout(order.account, sent.gateway_id) == replace(found, gateway_id=sent.gateway_id)


def test_an_item_keeps_a_fate_of_its_own(paypal, paypal_peer, order):
    sent = paypal.create_payout(order)
    paypal_peer.advance(60)
    paypal_peer.change(the_batch(paypal_peer)["payout_batch_id"], batch_status="CANCELED")
    assert paypal.create_payout(order).state is PayoutState.PAID
    assert paypal.payout(order.account, sent.gateway_id).state is PayoutState.PAID


def test_a_payout_is_found_though_the_reports_are_hours_behind(paypal, paypal_peer, order):
    paypal_peer.prices(report_delay_seconds=3 * 3_600)
    paypal_peer.advance(DAY)
    sent = paypal.create_payout(order)
    assert paypal.find_payout(order) == sent


@pytest.mark.parametrize("times", [1, 2])
def test_a_payout_that_was_taken_on_and_cannot_be_looked_at_is_out(paypal, paypal_peer, order, times):
    # Whoever heard that nothing was done would send it under another name.
    for _ in range(times):
        paypal_peer.fault("status", status=429, retry_after=9, method="GET", path=PAYOUTS)
        assert isinstance(paypal.create_payout(order), Unknown)
    paypal_peer.fault("status", status=429, retry_after=9, method="GET", path=PAYOUTS)
    assert isinstance(paypal.find_payout(order), Unknown)
    assert paypal.create_payout(order) == paypal.find_payout(order)
    assert paypal.balance("USD").available == usd("75.77")


@pytest.mark.parametrize("amount", [Money(1_010, "KWD"), Money(5_000, "KRW")])
def test_a_currency_paypal_does_not_take_is_not_sent(paypal, order, amount):
    assert paypal.create_payout(replace(order, amount=amount)).code == "CURRENCY_NOT_SUPPORTED"


def test_a_word_nobody_knows_is_not_guessed_at(paypal, paypal_peer, order):
    sent = paypal.create_payout(order)
    paypal_peer.change(
        sent.gateway_id, transaction_status="TELEPORTED", time_processed="2026-11-22T12:00:00Z"
    )
    with pytest.raises(AnswerNotUnderstood):
        paypal.payout(order.account, sent.gateway_id)


@pytest.mark.parametrize("item", ["NOPE", "", "..", "A/../B"])
def test_what_paypal_does_not_have_is_refused(paypal, item):
    refused = paypal.payout("worker@example.com", item)
    assert (refused.code, refused.temporary) == ("INVALID_RESOURCE_ID", False)


@pytest.mark.parametrize("kind", ["cut_before_effect", "cut_after_effect"])
def test_the_same_order_again_has_its_effect_once(paypal, paypal_peer, order, kind):
    paypal_peer.fault(kind, method="POST", path=PAYOUTS)
    assert paypal.create_payout(order) == Unknown("no answer: ConnectionError")
    again = paypal.create_payout(order)
    assert paypal.create_payout(order) == again
    assert paypal.balance("USD").available == usd("75.77")


def test_an_order_whose_answer_was_lost_is_found_if_it_had_its_effect(paypal, paypal_peer, order):
    paypal_peer.fault("cut_before_effect", method="POST", path=PAYOUTS)
    assert isinstance(paypal.create_payout(order), Unknown)
    assert paypal.find_payout(order) is None
    for each in range(3):
        paypal.create_payout(replace(order, payout_id=new_id("po"), amount=usd(f"{each + 1}.00")))
    paypal_peer.fault("cut_after_effect", method="POST", path=PAYOUTS)
    assert isinstance(paypal.create_payout(order), Unknown)
    found = paypal.find_payout(order)
    assert found.payout_id == order.payout_id
    assert paypal.create_payout(order) == found
    paypal_peer.advance(2 * DAY)
    assert paypal.find_payout(order).state is PayoutState.PAID
    assert paypal.find_payout(replace(order, attempt=2)) is None


def test_a_payout_is_found_behind_more_than_a_page_of_others(paypal, paypal_peer, paypal_payment, order):
    paypal_peer.prices(payout_fee_minor=0)
    first = paypal.create_payout(order)
    for _ in range(101):
        paypal.create_payout(PayoutOrder(new_id("po"), "worker@example.com", usd("0.01")))
    assert paypal.find_payout(order).gateway_id == first.gateway_id
    assert paypal.find_payout(replace(order, payout_id=new_id("po"))) is None


def test_where_our_webhook_is_told_nothing_nothing_is_known(paypal_connected, order):
    deaf = paypal_connected(webhook_id="ANOTHER")
    found = deaf.find_payout(order)
    assert found == Unknown("could not be looked up: INVALID_RESOURCE_ID")


def test_a_second_attempt_is_an_order_of_its_own(paypal, order):
    first, second = paypal.create_payout(order), paypal.create_payout(replace(order, attempt=2))
    assert (second.gateway_id != first.gateway_id, second.payout_id) == (True, first.payout_id)
    assert paypal.balance("USD").available == usd("55.52")


@pytest.mark.parametrize("name", ["create_payout", "payout", "find_payout"])
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "cut_before_effect"}, Unknown("no answer: ConnectionError")),
        ({"kind": "status", "status": 429, "retry_after": 9}, Busy(9)),
        ({"kind": "status", "status": 500}, None),
    ],
)
def test_a_bad_road_is_told(paypal, paypal_peer, order, name, fault, outcome):  # noqa: PLR0917 - a table
    paypal_peer.fault(**fault)
    arguments = (order.account, "ITEM") if name == "payout" else (order,)
    told = getattr(paypal, name)(*arguments)
    assert told == outcome or (outcome is None and isinstance(told, Unknown))


def test_a_batch_that_is_there_and_cannot_be_looked_at_is_unknown(paypal, paypal_peer, order):
    paypal_peer.fault("status", status=400, method="GET", path=PAYOUTS)
    assert isinstance(paypal.create_payout(order), Unknown)
    assert not isinstance(paypal.create_payout(order), Rejected | Unknown | Busy)
    assert paypal.balance("USD").available == usd("75.77")
