"""Every movement balances, means what it says, and is the same whoever asks."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from ledger import chart, movements
from ledger.chart import Side
from ledger.entries import Entry, credit, debit, unbalanced
from tests.ledger.strategies import CURRENCIES, amounts, calls
from tests.ledger.words import STRIPE, escrow, jpy, kwd, usd, wallet

CONNECTED = chart.connected(STRIPE, "us_w", "USD")
PENDING = chart.gateway_pending(STRIPE, "USD")
AVAILABLE = chart.gateway_available(STRIPE, "USD")
PAYOUTS = chart.payouts_in_transit("USD")
REFUNDS = chart.refunds_in_transit("USD")
RECEIVABLE = chart.receivable("us_w", "USD")


def effect(entry):
    """What each account holds more or less afterwards, on its own side."""
    effects = {}
    for line in entry.postings:
        sign = "" if line.side is line.account.normal else "-"
        assert line.account not in effects
        effects[line.account] = f"{sign}{line.amount.decimal}"
    return effects


@given(calls())
def test_every_movement_balances_in_every_currency(call):
    function, positional, named = call
    entry = function(*positional, **named)
    assert unbalanced(entry.postings) == []
    assert len(entry.postings) > 1
    assert all(line.amount.amount_minor > 0 for line in entry.postings)
    assert all(line.account.currency == line.amount.currency for line in entry.postings)


@given(calls())
def test_a_movement_is_named_as_its_function_and_is_the_same_every_time(call):
    function, positional, named = call
    entry = function(*positional, **named)
    assert entry == function(*positional, **named)
    assert movements.CATALOGUE[entry.movement] is function
    assert entry.movement == function.__name__


@given(calls())
def test_taking_a_movement_back_leaves_nothing(call):
    function, positional, named = call
    entry = function(*positional, **named)
    back = movements.reversal(entry.postings)
    assert movements.mirrors(entry, back)
    assert movements.mirrors(back, entry)
    net = {}
    for line in (*entry.postings, *back.postings):
        sign = 1 if line.side is Side.DEBIT else -1
        net[line.account] = net.get(line.account, 0) + sign * line.amount.amount_minor
    assert set(net.values()) == {0}


def test_the_catalogue_needs_no_database():
    code = (
        "import ledger.movements, sys; sys.exit('sqlalchemy' in sys.modules or 'persistence' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


ENTRIES = [
    (
        movements.milestone_funded(STRIPE, "ms_m", price=usd("100.00"), client_fee=usd("5.00")),
        {PENDING: "105.00", escrow("ms_m"): "100.00", chart.client_fees("USD"): "5.00"},
    ),
    (
        movements.gateway_fee_charged(STRIPE, fee=usd("3.35")),
        {chart.gateway_fees("USD"): "3.35", PENDING: "-3.35"},
    ),
    (movements.funds_settled(STRIPE, amount=usd("101.65")), {AVAILABLE: "101.65", PENDING: "-101.65"}),
    (movements.funds_settled(STRIPE, amount=usd("-0.18")), {AVAILABLE: "-0.18", PENDING: "0.18"}),
    (
        movements.milestone_released("ms_m", "us_w", gross=usd("100.00"), worker_fee=usd("10.00")),
        {escrow("ms_m"): "-100.00", wallet("us_w"): "90.00", chart.worker_fees("USD"): "10.00"},
    ),
    (
        movements.milestone_released(
            "ms_m",
            "us_w",
            gross=usd("100.00"),
            worker_fee=usd("10.00"),
            withheld_federal=usd("24.00"),
            withheld_state=("CA", usd("7.00")),
        ),
        {
            escrow("ms_m"): "-100.00",
            wallet("us_w"): "59.00",
            chart.worker_fees("USD"): "10.00",
            chart.withholding_federal("USD"): "24.00",
            chart.withholding_state("CA", "USD"): "7.00",
        },
    ),
    (movements.tip_paid(STRIPE, "us_w", amount=usd("4.00")), {PENDING: "4.00", wallet("us_w"): "4.00"}),
    (
        movements.refund_ordered("ms_m", held=usd("40.00"), client_fee=usd("2.00")),
        {escrow("ms_m"): "-40.00", chart.client_fees("USD"): "-2.00", REFUNDS: "42.00"},
    ),
    (
        movements.late_payment_received(STRIPE, amount=usd("105.00")),
        {PENDING: "105.00", REFUNDS: "105.00"},
    ),
    (movements.refund_confirmed(STRIPE, amount=usd("42.00")), {REFUNDS: "-42.00", AVAILABLE: "-42.00"}),
    (movements.refund_came_back(STRIPE, amount=usd("42.00")), {REFUNDS: "42.00", AVAILABLE: "42.00"}),
    (
        movements.refund_failed("ms_m", amount=usd("42.00")),
        {chart.owed("ms_m", "USD"): "42.00", REFUNDS: "-42.00"},
    ),
    (
        movements.refund_ordered_again("ms_m", amount=usd("42.00")),
        {chart.owed("ms_m", "USD"): "-42.00", REFUNDS: "42.00"},
    ),
    (
        movements.transferred_to_worker(STRIPE, "us_w", amount=usd("90.00"), settled=False),
        {PENDING: "-90.00", CONNECTED: "90.00"},
    ),
    (
        movements.transferred_to_worker(STRIPE, "us_w", amount=usd("90.00"), settled=True),
        {AVAILABLE: "-90.00", CONNECTED: "90.00"},
    ),
    (movements.payout_reserved("us_w", amount=usd("90.00")), {wallet("us_w"): "-90.00", PAYOUTS: "90.00"}),
    (movements.payout_sent("us_w", amount=usd("90.00")), {wallet("us_w"): "-90.00", PAYOUTS: "90.00"}),
    (
        movements.payout_paid(STRIPE, "us_w", amount=usd("90.00")),
        {PAYOUTS: "-90.00", CONNECTED: "-90.00"},
    ),
    (movements.payout_failed("us_w", amount=usd("90.00")), {PAYOUTS: "-90.00", wallet("us_w"): "90.00"}),
    (
        movements.instant_payout_reserved("us_w", amount=usd("88.50"), fee=usd("0.89")),
        {wallet("us_w"): "-89.39", PAYOUTS: "88.50", chart.payout_fees("USD"): "0.89"},
    ),
    (
        movements.instant_payout_sent("us_w", amount=usd("88.50"), fee=usd("0.89")),
        {wallet("us_w"): "-89.39", PAYOUTS: "88.50", chart.payout_fees("USD"): "0.89"},
    ),
    (
        movements.instant_payout_failed("us_w", amount=usd("88.50"), fee=usd("0.89")),
        {PAYOUTS: "-88.50", chart.payout_fees("USD"): "-0.89", wallet("us_w"): "89.39"},
    ),
    (
        movements.payout_fee_collected(STRIPE, "us_w", amount=usd("0.89"), settled=True),
        {AVAILABLE: "0.89", CONNECTED: "-0.89"},
    ),
    (
        movements.payout_fee_collected(STRIPE, "us_w", amount=usd("0.89"), settled=False),
        {PENDING: "0.89", CONNECTED: "-0.89"},
    ),
    (
        movements.payout_returned(STRIPE, "us_w", amount=usd("90.00")),
        {CONNECTED: "90.00", wallet("us_w"): "90.00"},
    ),
    (
        movements.own_payout_ordered(STRIPE, amount=usd("10.00")),
        {chart.bank_in_transit("USD"): "10.00", AVAILABLE: "-10.00"},
    ),
    (
        movements.own_payout_paid(amount=usd("10.00")),
        {chart.bank("USD"): "10.00", chart.bank_in_transit("USD"): "-10.00"},
    ),
    (
        movements.own_payout_failed(STRIPE, amount=usd("10.00")),
        {AVAILABLE: "10.00", chart.bank_in_transit("USD"): "-10.00"},
    ),
    (
        movements.own_payout_returned(STRIPE, amount=usd("10.00")),
        {AVAILABLE: "10.00", chart.bank("USD"): "-10.00"},
    ),
    (
        movements.chargeback_withdrawn(
            STRIPE,
            fee=usd("15.00"),
            held=("ms_m", usd("60.00")),
            owed=("us_w", usd("36.00")),
            client_fee=usd("5.00"),
            lost=usd("4.00"),
        ),
        {
            escrow("ms_m"): "-60.00",
            RECEIVABLE: "36.00",
            chart.client_fees("USD"): "-5.00",
            chart.chargebacks("USD"): "4.00",
            chart.chargeback_fees("USD"): "15.00",
            AVAILABLE: "-120.00",
        },
    ),
    (
        movements.chargeback_won(
            STRIPE,
            fee=usd("0.00"),
            held=("ms_m", usd("60.00")),
            owed=("us_w", usd("20.00")),
            repaid=("us_w", usd("16.00")),
            client_fee=usd("5.00"),
            lost=usd("4.00"),
        ),
        {
            AVAILABLE: "105.00",
            escrow("ms_m"): "60.00",
            RECEIVABLE: "-20.00",
            wallet("us_w"): "16.00",
            chart.client_fees("USD"): "5.00",
            chart.chargebacks("USD"): "-4.00",
        },
    ),
    (
        movements.chargeback_withdrawn(
            STRIPE,
            fee=usd("15.00"),
            came_back=("ms_m", usd("42.00")),
            owed=("us_w", usd("54.00")),
            client_fee=usd("3.00"),
            worker_fee=usd("6.00"),
        ),
        {
            chart.owed("ms_m", "USD"): "-42.00",
            RECEIVABLE: "54.00",
            chart.client_fees("USD"): "-3.00",
            chart.worker_fees("USD"): "-6.00",
            chart.chargeback_fees("USD"): "15.00",
            AVAILABLE: "-120.00",
        },
    ),
    (
        movements.chargeback_covered("ms_m", amount=usd("42.00")),
        {chart.owed("ms_m", "USD"): "-42.00", chart.chargebacks("USD"): "-42.00"},
    ),
    (
        movements.transfer_reversed(STRIPE, "us_w", amount=usd("90.00"), settled=False),
        {PENDING: "90.00", CONNECTED: "-90.00"},
    ),
    (
        movements.transfer_reversed(STRIPE, "us_w", amount=usd("90.00"), settled=True),
        {AVAILABLE: "90.00", CONNECTED: "-90.00"},
    ),
    (
        movements.chargeback_lost("us_w", forgiven=usd("36.00")),
        {chart.chargebacks("USD"): "36.00", RECEIVABLE: "-36.00"},
    ),
    (
        movements.left_with_account("us_w", amount=usd("90.00")),
        {wallet("us_w"): "-90.00", chart.left_with("us_w", "USD"): "90.00"},
    ),
    (
        movements.returned_with_account("us_w", amount=usd("90.00")),
        {chart.left_with("us_w", "USD"): "-90.00", wallet("us_w"): "90.00"},
    ),
    (
        movements.released_money_refunded(
            "us_w", net=usd("36.00"), worker_fee=usd("4.00"), client_fee=usd("2.00")
        ),
        {
            RECEIVABLE: "36.00",
            chart.worker_fees("USD"): "-4.00",
            chart.client_fees("USD"): "-2.00",
            chart.refunds_in_transit("USD"): "42.00",
        },
    ),
    (
        movements.debt_forgiven("us_w", amount=usd("36.00")),
        {chart.goodwill("USD"): "36.00", RECEIVABLE: "-36.00"},
    ),
    (
        movements.recovered_from_wallet("us_w", amount=usd("36.00")),
        {wallet("us_w"): "-36.00", RECEIVABLE: "-36.00"},
    ),
    (
        movements.gateway_converted(STRIPE, given=jpy("10500"), received=usd("70.35"), settled=False),
        {
            chart.gateway_pending(STRIPE, "JPY"): "-10500",
            chart.conversion(STRIPE, "JPY"): "10500",
            PENDING: "70.35",
            chart.conversion(STRIPE, "USD"): "-70.35",
        },
    ),
    (
        movements.gateway_converted(STRIPE, given=usd("34.13"), received=kwd("10.500"), settled=True),
        {
            AVAILABLE: "-34.13",
            chart.conversion(STRIPE, "USD"): "34.13",
            chart.gateway_available(STRIPE, "KWD"): "10.500",
            chart.conversion(STRIPE, "KWD"): "-10.500",
        },
    ),
    (
        movements.conversion_explained(STRIPE, given=usd("71.00"), received=jpy("10500")),
        {
            chart.suspense(STRIPE, "USD"): "71.00",
            chart.conversion(STRIPE, "USD"): "71.00",
            chart.suspense(STRIPE, "JPY"): "-10500",
            chart.conversion(STRIPE, "JPY"): "-10500",
        },
    ),
    (
        movements.fx_difference(STRIPE, lost=usd("0.65")),
        {chart.exchange("USD"): "0.65", chart.conversion(STRIPE, "USD"): "-0.65"},
    ),
    (
        movements.fx_difference(STRIPE, lost=usd("-0.65")),
        {chart.exchange("USD"): "-0.65", chart.conversion(STRIPE, "USD"): "0.65"},
    ),
    (
        movements.gateway_billed(STRIPE, fee=usd("1.20")),
        {chart.gateway_fees("USD"): "1.20", AVAILABLE: "-1.20"},
    ),
    (
        movements.gateway_billed(STRIPE, fee=usd("-0.20")),
        {chart.gateway_fees("USD"): "-0.20", AVAILABLE: "0.20"},
    ),
    (
        movements.unexplained_line(STRIPE, amount=usd("3.00")),
        {AVAILABLE: "3.00", chart.suspense(STRIPE, "USD"): "3.00"},
    ),
    (
        movements.unexplained_line(STRIPE, amount=usd("-3.00"), user_id="us_w"),
        {chart.connected(STRIPE, "us_w", "USD"): "-3.00", chart.suspense(STRIPE, "USD"): "-3.00"},
    ),
    (
        movements.suspense_explained(STRIPE, amount=usd("3.00"), cost="goodwill"),
        {chart.goodwill("USD"): "-3.00", chart.suspense(STRIPE, "USD"): "-3.00"},
    ),
    (
        movements.suspense_explained(STRIPE, amount=usd("-3.00"), cost="chargebacks"),
        {chart.chargebacks("USD"): "3.00", chart.suspense(STRIPE, "USD"): "3.00"},
    ),
    (
        movements.adjustment(
            debit(chart.goodwill("USD"), usd("7.00")), credit(wallet("us_w"), usd("7.00")), approved_by="us_2"
        ),
        {chart.goodwill("USD"): "7.00", wallet("us_w"): "7.00"},
    ),
    (
        movements.reversal(
            movements.milestone_funded(STRIPE, "ms_m", price=usd("100.00"), client_fee=usd("5.00")).postings
        ),
        {PENDING: "-105.00", escrow("ms_m"): "-100.00", chart.client_fees("USD"): "-5.00"},
    ),
]


@pytest.mark.parametrize(("entry", "expected"), ENTRIES, ids=[entry.movement for entry, _ in ENTRIES])
def test_a_movement_does_to_each_account_what_it_says(entry, expected):
    assert effect(entry) == expected


def test_every_movement_is_told_above():
    assert {entry.movement for entry, _ in ENTRIES} == set(movements.CATALOGUE)


@given(CURRENCIES.flatmap(amounts))
def test_a_refund_that_is_ordered_again_is_the_failed_one_taken_back(amount):
    failed = movements.refund_failed("ms_m", amount=amount)
    assert movements.mirrors(movements.refund_ordered_again("ms_m", amount=amount), failed)


@given(CURRENCIES.flatmap(lambda currency: st.tuples(amounts(currency), amounts(currency, 0))))
def test_a_failed_refund_gives_the_hold_and_our_fee_nothing_back(parts):
    held, client_fee = parts
    ordered = movements.refund_ordered("ms_m", held=held, client_fee=client_fee)
    assert not movements.mirrors(movements.refund_failed("ms_m", amount=held + client_fee), ordered)


def test_a_release_of_less_than_its_fee_is_a_mistake_of_ours():
    with pytest.raises(AssertionError):
        movements.milestone_released("ms_m", "us_w", gross=usd("1.00"), worker_fee=usd("1.01"))


def test_lines_of_nothing_are_left_out():
    entry = Entry.of(
        "tip_paid",
        debit(PENDING, usd("4.00")),
        credit(wallet("us_w"), usd("4.00")),
        credit(chart.worker_fees("USD"), usd("0.00")),
    )
    assert [line.account for line in entry.postings] == [PENDING, wallet("us_w")]


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (debit(PENDING, usd("0.00")), credit(wallet("us_w"), usd("0.00"))),
        (debit(PENDING, usd("4.00")), credit(wallet("us_w"), usd("3.99"))),
        (debit(PENDING, usd("-4.00")), credit(wallet("us_w"), usd("-4.00"))),
        (
            debit(chart.gateway_pending(STRIPE, "EUR"), Money(400, "EUR")),
            credit(wallet("us_w"), usd("4.00")),
        ),
    ],
    ids=["none", "zero", "uneven", "negative", "two currencies"],
)
def test_an_entry_that_does_not_balance_is_a_mistake_of_ours(lines):
    with pytest.raises(AssertionError):
        Entry.of("tip_paid", *lines)


def test_an_account_holds_only_its_currency():
    with pytest.raises(AssertionError):
        debit(PENDING, Money(400, "EUR"))
