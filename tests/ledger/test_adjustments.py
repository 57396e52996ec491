"""The books are put right by hand only when two people want it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from kernel.ids import new_id
from kernel.money import Money
from kernel.refusals import Refusal
from ledger.adjustments import (
    AccountUnknown,
    AdjustmentDecided,
    AdjustmentNotFound,
    AdjustmentUnbalanced,
    Line,
    adjustment,
    adjustments,
    approve,
    foresee,
    propose,
    reject,
    withdraw,
)
from ledger.balances import balance
from ledger.chart import Side
from ledger.integrity import verify
from ledger.periods import PeriodClosed, SamePersonTwice, close_period
from ledger.statements import find_entry
from ledger.writing import InsufficientBalance
from persistence.unit_of_work import atomically, examining, reading, rehearse
from tests.books import expect_refusal, nothing_moves
from tests.ledger.words import earned, usd, wallet
from tests.threads import at_once, succeeded

WORKER = new_id("us")
WALLET = f"liabilities:wallet:{WORKER}"


@pytest.fixture(autouse=True)
def wallet_with_five_dollars(database):
    earned(WORKER, "5.00")
    yield
    assert examining(verify) == []


def lines(amount="3.00", *, into="expenses:goodwill", out_of=WALLET, currency="USD"):
    money = Money.parse(amount, currency)
    return [Line(out_of, Side.DEBIT, money), Line(into, Side.CREDIT, money)]


def proposed(asked=None, **said):
    return atomically(
        propose,
        adjustment_id=new_id("aj"),
        lines=asked or lines(),
        reason="Paid twice",
        by="us_fiona",
        **said,
    )


def approved(made, by="us_frank"):
    return atomically(approve, adjustment_id=made.id, by=by)


def in_wallet():
    return reading(balance, wallet(WORKER)).posted


def test_nothing_moves_before_somebody_else_has_approved():
    made = proposed()
    assert (made.state, in_wallet()) == ("proposed", usd("5.00"))
    done = approved(made)
    assert (done.state, in_wallet()) == ("posted", usd("2.00"))
    entry = reading(find_entry, done.entry_id)
    assert (entry.movement, entry.actor, entry.approved_by) == ("adjustment", "us_fiona", "us_frank")
    assert (entry.reason, entry.reference) == ("Paid twice", made.id)
    assert reading(adjustment, adjustment_id=made.id) == done


def test_nobody_approves_or_rejects_their_own():
    made = proposed()
    for act in (approve, reject):
        with expect_refusal(SamePersonTwice):
            atomically(act, adjustment_id=made.id, by="us_fiona")
    assert in_wallet() == usd("5.00")


def test_what_is_rejected_or_withdrawn_leaves_the_books_as_they_were():
    rejected, withdrawn = proposed(), proposed()
    assert atomically(reject, adjustment_id=rejected.id, by="us_frank", decision="No").state == "rejected"
    assert atomically(withdraw, adjustment_id=withdrawn.id, by="us_fiona").state == "withdrawn"
    assert in_wallet() == usd("5.00")
    for made in (rejected, withdrawn):
        for act, by in ((approve, "us_frank"), (reject, "us_frank"), (withdraw, "us_fiona")):
            with expect_refusal(AdjustmentDecided):
                atomically(act, adjustment_id=made.id, by=by)


def test_only_who_proposed_it_withdraws_it():
    made = proposed()
    with expect_refusal(AdjustmentNotFound):
        atomically(withdraw, adjustment_id=made.id, by="us_frank")


def test_an_adjustment_is_posted_once_however_often_it_is_approved():
    made = proposed()
    results = at_once(*[lambda who=who: approved(made, by=who) for who in ("us_frank", "us_flora")])
    assert len(succeeded(results)) == 1
    assert in_wallet() == usd("2.00")


def test_what_would_break_a_floor_stays_proposed():
    made = proposed(lines("5.01"))
    with expect_refusal(InsufficientBalance):
        approved(made)
    assert reading(adjustment, adjustment_id=made.id).state == "proposed"
    earned(WORKER, "0.01")
    assert approved(made).state == "posted"
    assert in_wallet() == usd("0.00")


@pytest.mark.parametrize(
    ("asked", "refusal", "field"),
    [
        (lines(into="expenses:godwill"), AccountUnknown, "postings.1.account"),
        (lines(into="liabilities:wallet:us_nobody"), AccountUnknown, "postings.1.account"),
        (lines(out_of=f"liabilities:wallet:{new_id('us')}"), AccountUnknown, "postings.0.account"),
        (lines(out_of=WALLET, currency="EUR"), AccountUnknown, "postings.0.account"),
        (lines(into="liabilities:suspense:strpie"), AccountUnknown, "postings.1.account"),
        (lines(into="expenses:goodwill:ä"), AccountUnknown, "postings.1.account"),
        ([*lines(), Line(WALLET, Side.DEBIT, usd("0.01"))], AdjustmentUnbalanced, "postings"),
        (
            [
                Line(WALLET, Side.DEBIT, usd("1.00")),
                Line("expenses:goodwill", Side.CREDIT, Money(100, "EUR")),
            ],
            AdjustmentUnbalanced,
            "postings",
        ),
    ],
)
def test_what_is_no_entry_is_refused_with_the_field_at_fault(asked, refusal, field):
    with expect_refusal(refusal) as refused:
        proposed(asked)
    assert refused.value.field == field


def test_an_account_that_is_there_for_all_need_not_have_been_touched():
    done = approved(proposed(lines(into="income:fees:payout")))
    assert done.state == "posted"
    assert in_wallet() == usd("2.00")


def test_a_preview_posts_what_an_approval_would_and_takes_it_back():
    with nothing_moves():
        seen = rehearse(
            lambda session: (
                foresee(session, adjustment_id=new_id("aj"), lines=lines(), reason="?", by="us_fiona"),
                balance(session, wallet(WORKER)).posted,
            )
        )
        assert seen[1] == usd("2.00")
        with pytest.raises(InsufficientBalance):
            rehearse(foresee, adjustment_id=new_id("aj"), lines=lines("9.00"), reason="?", by="us_fiona")


def test_one_into_a_closed_month_is_refused_or_carried_over(clock):
    clock.set(datetime(2030, 11, 3, 9, tzinfo=UTC))
    atomically(close_period, period="2030-10", by="us_fiona")
    refused = proposed(value_date=date(2030, 10, 20))
    with expect_refusal(PeriodClosed):
        approved(refused)
    carried = approved(proposed(value_date=date(2030, 10, 20), carry_over=True))
    entry = reading(find_entry, carried.entry_id)
    assert (entry.value_date, entry.belongs_to) == (date(2030, 11, 1), date(2030, 10, 20))
    assert in_wallet() == usd("2.00")


def test_adjustments_are_listed_newest_first_and_by_state():
    first, second, third = (proposed(lines(f"0.0{number}")) for number in (1, 2, 3))
    approved(second)
    ids = sorted((made.id for made in (first, second, third)), reverse=True)
    assert [made.id for made in reading(adjustments, after=None, limit=5)] == ids
    assert [made.id for made in reading(adjustments, after=ids[0], limit=1)] == ids[1:2]
    assert [made.id for made in reading(adjustments, after=None, limit=5, state="posted")] == [second.id]


def test_one_that_is_not_there_is_not_found():
    for act in (approve, reject, withdraw):
        with expect_refusal(AdjustmentNotFound) as refused:
            atomically(act, adjustment_id=new_id("aj"), by="us_frank")
        assert isinstance(refused.value, Refusal)
    with expect_refusal(AdjustmentNotFound):
        reading(adjustment, adjustment_id=new_id("aj"))
