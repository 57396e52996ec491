"""What was earned and what there is, by the day it counts for and as it was known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.ids import new_id
from kernel.money import Money
from ledger import movements
from ledger.integrity import verify
from ledger.periods import close_period
from ledger.posting import post_hold, reverse
from ledger.reports import PeriodBackwards, balance_sheet, income_statement
from persistence.unit_of_work import atomically, examining, reading
from runtime.past import settled
from tests.books import expect_refusal
from tests.ledger.words import STRIPE, funded, held, posted, released, usd

pytestmark = pytest.mark.usefixtures("database")

MILESTONE, WORKER = new_id("ms"), new_id("us")
OCTOBER = date(2030, 10, 1), date(2030, 10, 31)
NOVEMBER = date(2030, 11, 1), date(2030, 11, 30)


@pytest.fixture
def october(database, clock):
    """It is the middle of October, and there is money: 105 came in, 5 and 10 of it were earned."""
    clock.set(datetime(2030, 10, 15, 12, tzinfo=UTC))
    posted(funded(MILESTONE))
    posted(released(MILESTONE, WORKER))
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("3.35")))


def earned(period, at=None):
    """The income statement in dollars: each account with its amount, and what is left."""
    (found,) = reading(income_statement, first=period[0], last=period[1], at=at or settled())
    lines = {line.code: line.amount.decimal for line in (*found.income, *found.expenses)}
    return lines, found.net.decimal


def sheet(day, at=None):
    (found,) = reading(balance_sheet, day=day, at=at or settled())
    assert found.total_assets == found.total_liabilities + found.total_equity
    return {line.code: line.amount.decimal for line in (*found.assets, *found.liabilities, *found.equity)}


@pytest.mark.usefixtures("october")
def test_an_income_statement_is_what_was_earned_less_what_it_cost():
    assert earned(OCTOBER) == (
        {
            "income:fees:client": "5.00",
            "income:fees:worker": "10.00",
            "expenses:gateway_fees": "3.35",
        },
        "11.65",
    )


@pytest.mark.usefixtures("october")
def test_a_balance_sheet_balances_and_has_one_line_for_all_wallets():
    second = new_id("us")
    posted(movements.tip_paid(STRIPE, second, amount=usd("7.00")))
    assert sheet(OCTOBER[1]) == {
        "assets:gateway:stripe:pending": "108.65",
        "liabilities:wallet": "97.00",
        "equity:retained_earnings": "11.65",
    }
    (found,) = reading(balance_sheet, day=OCTOBER[1], at=settled())
    assert [(line.code, line.accounts) for line in found.liabilities] == [("liabilities:wallet", 2)]


@pytest.mark.usefixtures("october")
def test_a_period_without_entries_earned_nothing():
    assert reading(income_statement, first=date(2030, 9, 1), last=date(2030, 9, 30), at=settled()) == []
    assert reading(balance_sheet, day=date(2030, 9, 30), at=settled()) == []


@pytest.mark.usefixtures("october")
def test_what_is_backdated_counts_for_its_day_once_it_is_known(clock):
    clock.set(datetime(2030, 11, 3, 9, tzinfo=UTC))
    known = settled()
    before = earned(OCTOBER, known), sheet(OCTOBER[1], known)
    clock.advance(minutes=5)
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("1.00")), value_date=date(2030, 10, 31))
    assert (earned(OCTOBER, known), sheet(OCTOBER[1], known)) == before
    lines, net = earned(OCTOBER)
    assert (lines["expenses:gateway_fees"], net) == ("4.35", "10.65")
    assert sheet(OCTOBER[1])["assets:gateway:stripe:pending"] == "100.65"
    assert reading(income_statement, first=NOVEMBER[0], last=NOVEMBER[1], at=settled()) == []


@pytest.mark.usefixtures("october")
def test_what_is_dated_ahead_does_not_count_before_its_day():
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("1.00")), value_date=date(2030, 11, 2))
    assert earned(OCTOBER)[1] == "11.65"
    assert sheet(OCTOBER[1])["assets:gateway:stripe:pending"] == "101.65"
    assert earned(NOVEMBER) == ({"expenses:gateway_fees": "1.00"}, "-1.00")
    assert sheet(NOVEMBER[1])["assets:gateway:stripe:pending"] == "100.65"


@pytest.mark.usefixtures("october")
def test_an_account_that_was_opened_after_the_day_it_counts_for_is_there(clock):
    clock.set(datetime(2030, 11, 3, 9, tzinfo=UTC))
    posted(movements.tip_paid(STRIPE, new_id("us"), amount=Money(700, "EUR")), value_date=date(2030, 10, 20))
    sheets = reading(balance_sheet, day=OCTOBER[1], at=settled())
    assert [(found.currency, found.total_assets.decimal) for found in sheets] == [
        ("EUR", "7.00"),
        ("USD", "101.65"),
    ]


@pytest.mark.usefixtures("october")
def test_what_is_only_held_back_is_in_no_report(clock):
    reservation = held(movements.payout_reserved(WORKER, amount=usd("60.00")), value_date=date(2030, 10, 1))
    assert sheet(OCTOBER[1])["liabilities:wallet"] == "90.00"
    clock.set(datetime(2030, 11, 3, 9, tzinfo=UTC))
    atomically(
        post_hold,
        reservation.id,
        "payout_sent",
        key="sent",
        actor="system",
        value_date=date(2030, 10, 31),
    )
    assert sheet(OCTOBER[1])["liabilities:wallet"] == "30.00"
    assert sheet(OCTOBER[1])["liabilities:payouts:in_transit"] == "60.00"


def test_a_period_that_ends_before_it_begins_is_refused():
    with expect_refusal(PeriodBackwards):
        reading(income_statement, first=OCTOBER[1], last=OCTOBER[0], at=settled())


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["fee", "tip", "reverse"]),
        st.integers(1, 900),
        st.none() | st.integers(0, 80),
        st.integers(0, 20),
    ),
    max_size=10,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_any_history_is_reported_by_the_days_it_counts_for(acts, clock, empty_database):
    empty_database()
    clock.set(max(datetime(2031, 1, 1, tzinfo=UTC), clock.now()))
    start, told = clock.now().date(), []
    for number, (act, minor, day, days) in enumerate(acts):
        clock.advance(days=days)
        value_date = None if day is None else start + timedelta(days=day)
        if act == "reverse" and told:
            of, cost, _ = told[-1]
            if cost < 0 or of is None:
                continue
            entry = atomically(
                reverse, of, key=f"r{number}", actor="us_1", reason="Wrong", value_date=value_date
            )
            told.append((None, -cost, entry.value_date))
        else:
            entry = posted(
                movements.gateway_fee_charged(STRIPE, fee=Money(minor, "USD")), value_date=value_date
            )
            told.append((entry.id, minor, entry.value_date))
    at = settled()
    for first, last in ((0, 10), (11, 40), (0, 400)):
        period = start + timedelta(days=first), start + timedelta(days=last)
        expected = sum(minor for _, minor, day in told if period[0] <= day <= period[1])
        found = reading(income_statement, first=period[0], last=period[1], at=at)
        assert sum(-each.net.amount_minor for each in found) == expected
        until = sum(minor for _, minor, day in told if day <= period[1])
        sheets = reading(balance_sheet, day=period[1], at=at)
        assert sum(-each.total_assets.amount_minor for each in sheets) == until
    assert examining(verify) == []


@pytest.mark.usefixtures("october")
def test_the_report_of_a_closed_month_stays(clock):
    clock.set(datetime(2030, 11, 3, 9, tzinfo=UTC))
    atomically(close_period, period="2030-10", by="us_finance")
    before = earned(OCTOBER), sheet(OCTOBER[1])
    posted(
        movements.gateway_fee_charged(STRIPE, fee=usd("1.00")), value_date=date(2030, 10, 31), carry_over=True
    )
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("2.00")))
    assert (earned(OCTOBER), sheet(OCTOBER[1])) == before
    assert earned(NOVEMBER) == ({"expenses:gateway_fees": "3.00"}, "-3.00")
