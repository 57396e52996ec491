"""Any movement with any amounts, for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from kernel.money import Money
from ledger import chart, movements
from ledger.entries import credit, debit

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD"])
NAMES = st.from_regex(r"[a-z]{2}_[0-9a-z]{1,26}", fullmatch=True)
GATEWAYS = st.sampled_from(["stripe", "adyen", "paypal"])
STATES = st.sampled_from(["CA", "NY", "TX"])
LARGEST = 10**12


def amounts(currency, least=1):
    return st.integers(least, LARGEST).map(lambda minor: Money(minor, currency))


def _call(*positional, **named):
    return st.tuples(st.tuples(*positional), st.fixed_dictionaries(named))


def _named(currency):
    return st.none() | st.tuples(NAMES, amounts(currency))


def _borne(currency):
    perhaps = st.none() | amounts(currency, 0)
    return {
        "fee": amounts(currency),
        "held": _named(currency),
        "owed": _named(currency),
        "came_back": _named(currency),
        "client_fee": perhaps,
        "worker_fee": perhaps,
        "lost": perhaps,
    }


@st.composite
def _release(draw, currency):
    cuts = sorted(draw(st.tuples(*[st.integers(0, LARGEST)] * 3)))
    gross = cuts[2] + draw(st.integers(1, LARGEST))
    fee, federal, state = cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1]
    return (draw(NAMES), draw(NAMES)), {
        "gross": Money(gross, currency),
        "worker_fee": Money(fee, currency),
        "withheld_federal": Money(federal, currency) if federal else None,
        "withheld_state": (draw(STATES), Money(state, currency)) if state else None,
    }


@st.composite
def _adjustment(draw, currency):
    amount = draw(amounts(currency))
    lines = (
        debit(chart.goodwill(currency), amount),
        credit(chart.suspense(draw(GATEWAYS), currency), amount),
    )
    return lines, {"approved_by": "us_second"}


@st.composite
def _conversion(draw, currency, **more):
    other = draw(CURRENCIES.filter(lambda each: each != currency))
    given, received = draw(amounts(currency)), draw(amounts(other))
    return (draw(GATEWAYS),), {"given": given, "received": received} | {
        name: draw(value) for name, value in more.items()
    }


def arguments(name, currency):
    """The positional and named arguments that the movement `name` may be called with."""
    some, perhaps_none = amounts(currency), amounts(currency, 0)
    return {
        "milestone_funded": _call(GATEWAYS, NAMES, price=some, client_fee=perhaps_none),
        "gateway_fee_charged": _call(GATEWAYS, fee=some),
        "funds_settled": _call(GATEWAYS, amount=some),
        "milestone_released": _release(currency),
        "tip_paid": _call(GATEWAYS, NAMES, amount=some),
        "late_payment_received": _call(GATEWAYS, amount=some),
        "refund_ordered": _call(NAMES, held=some, client_fee=perhaps_none),
        "refund_confirmed": _call(GATEWAYS, amount=some),
        "refund_came_back": _call(GATEWAYS, amount=some),
        "refund_failed": _call(NAMES, amount=some),
        "refund_ordered_again": _call(NAMES, amount=some),
        "transferred_to_worker": _call(GATEWAYS, NAMES, amount=some, settled=st.booleans()),
        "transfer_reversed": _call(GATEWAYS, NAMES, amount=some, settled=st.booleans()),
        "left_with_account": _call(NAMES, amount=some),
        "returned_with_account": _call(NAMES, amount=some),
        "payout_reserved": _call(NAMES, amount=some),
        "payout_sent": _call(NAMES, amount=some),
        "payout_paid": _call(GATEWAYS, NAMES, amount=some),
        "payout_failed": _call(NAMES, amount=some),
        "instant_payout_reserved": _call(NAMES, amount=some, fee=perhaps_none),
        "instant_payout_sent": _call(NAMES, amount=some, fee=perhaps_none),
        "instant_payout_failed": _call(NAMES, amount=some, fee=perhaps_none),
        "payout_fee_collected": _call(GATEWAYS, NAMES, amount=some, settled=st.booleans()),
        "payout_returned": _call(GATEWAYS, NAMES, amount=some),
        "own_payout_ordered": _call(GATEWAYS, amount=some),
        "own_payout_paid": _call(amount=some),
        "own_payout_failed": _call(GATEWAYS, amount=some),
        "own_payout_returned": _call(GATEWAYS, amount=some),
        "chargeback_withdrawn": _call(GATEWAYS, **_borne(currency)),
        "chargeback_won": _call(GATEWAYS, **_borne(currency), repaid=_named(currency)),
        "chargeback_covered": _call(NAMES, amount=some),
        "chargeback_lost": _call(NAMES, forgiven=some),
        "released_money_refunded": _call(NAMES, net=perhaps_none, worker_fee=some, client_fee=perhaps_none),
        "debt_forgiven": _call(NAMES, amount=some),
        "recovered_from_wallet": _call(NAMES, amount=some),
        "gateway_converted": _conversion(currency, settled=st.booleans()),
        "conversion_explained": _conversion(currency),
        "fx_difference": _call(GATEWAYS, lost=some),
        "gateway_billed": _call(GATEWAYS, fee=some),
        "unexplained_line": _call(GATEWAYS, amount=some, user_id=st.none() | NAMES),
        "suspense_explained": _call(GATEWAYS, amount=some, cost=st.sampled_from(sorted(movements.COSTS))),
        "adjustment": _adjustment(currency),
        "reversal": _call(entries("milestone_released").map(lambda entry: entry.postings)),
    }[name]


@st.composite
def calls(draw, names=tuple(movements.CATALOGUE)):
    """A movement and what it may be called with."""
    name = draw(st.sampled_from(sorted(names)))
    positional, named = draw(arguments(name, draw(CURRENCIES)))
    return movements.CATALOGUE[name], positional, named


def entries(*names):
    """Any entry there can be, or any of these movements."""
    return calls(names or tuple(movements.CATALOGUE)).map(lambda call: call[0](*call[1], **call[2]))
