"""A closed month stays as it is: what comes late is refused, or counts for the first open day and says so."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from kernel.ids import new_id
from ledger import movements
from ledger.balances import balance
from ledger.export import export
from ledger.integrity import verify
from ledger.periods import (
    PeriodActNotPossible,
    PeriodClosed,
    PeriodNotOver,
    PeriodUnknown,
    SamePersonTwice,
    ask_to_reopen,
    close_period,
    keep_closed,
    period_of,
    periods,
    reopen,
)
from ledger.posting import post
from ledger.statements import statement
from ledger.writing import EntryKeyReused
from persistence.unit_of_work import atomically, examining, reading
from tests.books import expect_refusal
from tests.ledger.words import STRIPE, posted, usd, wallet
from tests.threads import at_once, succeeded
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

WORKER = new_id("us")
TIP = movements.tip_paid(STRIPE, WORKER, amount=usd("5.00"))
LATE = date(2030, 10, 20)


@pytest.fixture(autouse=True)
def november(database, clock):
    """It is the third of November."""
    clock.set(datetime(2030, 11, 3, 9, tzinfo=UTC))
    yield
    assert examining(verify) == []


def close(period="2030-10", by="us_fiona"):
    return atomically(close_period, period=period, by=by, reason="Done")


def in_wallet():
    return reading(balance, wallet(WORKER)).posted


def test_what_counts_for_a_closed_month_is_refused_with_its_name():
    posted(TIP, value_date=LATE)
    close()
    with expect_refusal(PeriodClosed) as refused:
        posted(TIP, value_date=LATE)
    assert refused.value.details == {"period": "2030-10"}
    assert refused.value.field == "value_date"
    assert in_wallet() == usd("5.00")


def test_where_the_poster_says_so_it_counts_for_the_first_open_day_and_keeps_its_own():
    close()
    entry = posted(TIP, value_date=LATE, carry_over=True)
    assert (entry.value_date, entry.belongs_to) == (date(2030, 11, 1), LATE)
    line = reading(statement, wallet(WORKER)).items[0]
    assert (line.value_date, line.belongs_to, line.backdated) == (date(2030, 11, 1), LATE, True)
    assert in_wallet() == usd("5.00")
    assert "belongs_to:2030-10-20" in examining(lambda session: "".join(export(session, "hledger")))


def test_the_first_open_day_is_behind_every_closed_month(clock):
    clock.set(datetime(2031, 1, 5, 9, tzinfo=UTC))
    for period in ("2030-10", "2030-11"):
        close(period)
    assert posted(TIP, value_date=LATE, carry_over=True).value_date == date(2030, 12, 1)
    assert posted(TIP, value_date=date(2030, 9, 30), carry_over=True).value_date == date(2030, 9, 30)


def test_what_may_be_carried_over_stays_where_it_is_while_its_month_is_open():
    entry = posted(TIP, value_date=LATE, carry_over=True)
    assert (entry.value_date, entry.belongs_to) == (LATE, None)


def test_what_was_posted_before_the_month_was_closed_is_the_same_entry_when_told_again():
    before = posted(TIP, key="k", value_date=LATE)
    close()
    assert posted(TIP, key="k", value_date=LATE) == before
    assert posted(TIP, key="k", value_date=LATE, carry_over=True) == before
    with expect_refusal(EntryKeyReused):
        posted(TIP, key="k", value_date=date(2030, 10, 21))
    assert in_wallet() == usd("5.00")


def test_what_was_carried_over_is_the_same_entry_when_told_again_after_another_month_was_closed(clock):
    close()
    carried = posted(TIP, key="k", value_date=LATE, carry_over=True)
    clock.set(datetime(2030, 12, 5, 9, tzinfo=UTC))
    close("2030-11")
    assert posted(TIP, key="k", value_date=LATE, carry_over=True) == carried
    assert posted(TIP, key="k", value_date=LATE) == carried
    assert in_wallet() == usd("5.00")


def test_what_counts_for_its_own_day_never_asks_for_a_month():
    close()
    assert posted(TIP).value_date == date(2030, 11, 3)
    assert posted(TIP, value_date=date(2030, 11, 3)).value_date == date(2030, 11, 3)
    assert in_wallet() == usd("10.00")


@pytest.mark.parametrize("period", ["2030-11", "2030-12", "2031-10"])
def test_a_month_that_has_not_ended_is_not_closed(period):
    with expect_refusal(PeriodNotOver):
        close(period)


@pytest.mark.parametrize(
    "period", ["", "2030", "2030-13", "2030-1", "2030-00", "october", "2030-10-01", "\u0662030-10"]
)
def test_what_is_no_month_is_refused(period):
    for act in (close_period, reopen, keep_closed):
        with expect_refusal(PeriodUnknown):
            atomically(act, period=period, by="us_fiona")
    with expect_refusal(PeriodUnknown):
        atomically(ask_to_reopen, period=period, by="us_fiona", reason="x")


def test_a_month_is_opened_again_by_two_people_and_everything_is_kept():
    close()
    atomically(ask_to_reopen, period="2030-10", by="us_fiona", reason="An invoice came late")
    with expect_refusal(SamePersonTwice):
        atomically(reopen, period="2030-10", by="us_fiona")
    with expect_refusal(PeriodClosed):
        posted(TIP, value_date=LATE)
    opened = atomically(reopen, period="2030-10", by="us_frank", reason="Seen")
    assert [(act.act, act.actor, act.reason) for act in opened.acts] == [
        ("close", "us_fiona", "Done"),
        ("ask_to_reopen", "us_fiona", "An invoice came late"),
        ("reopen", "us_frank", "Seen"),
    ]
    assert posted(TIP, value_date=LATE).value_date == LATE
    close(by="us_frank")
    with expect_refusal(PeriodClosed):
        posted(TIP, value_date=LATE)
    assert reading(period_of, period="2030-10").state == "closed"
    assert [period.period for period in reading(periods, after=None, limit=5)] == ["2030-10"]
    assert reading(periods, after="2030-10", limit=5) == []


@pytest.mark.parametrize(
    ("done", "act"),
    [
        ((), ask_to_reopen),
        ((), reopen),
        ((), keep_closed),
        ((close_period,), close_period),
        ((close_period,), reopen),
        ((close_period,), keep_closed),
        ((close_period, ask_to_reopen), close_period),
        ((close_period, ask_to_reopen), ask_to_reopen),
    ],
)
def test_what_is_not_possible_in_the_state_of_a_month_is_refused(done, act):
    def do(each, by):
        atomically(each, period="2030-10", by=by, reason="x")

    for each in done:
        do(each, "us_fiona")
    with expect_refusal(PeriodActNotPossible):
        do(act, "us_frank")


def test_a_month_that_stays_closed_is_closed():
    close()
    atomically(ask_to_reopen, period="2030-10", by="us_fiona", reason="?")
    assert atomically(keep_closed, period="2030-10", by="us_frank").state == "closed"
    with expect_refusal(PeriodActNotPossible):
        atomically(reopen, period="2030-10", by="us_frank")


def test_of_two_who_close_a_month_at_once_one_does():
    results = at_once(*[lambda who=who: close(by=who) for who in ("us_fiona", "us_frank")])
    assert len(succeeded(results)) == 1
    assert len(reading(period_of, period="2030-10").acts) == 1


@pytest.mark.mariadb
def test_a_month_is_closed_after_everything_that_was_let_into_it(database):
    """Somebody posts into October and has not committed; whoever closes it waits, and the entry is in it."""
    let_in, commit, in_time = threading.Event(), threading.Event(), []
    # The gateway's account is there: whoever opens the same account as somebody else does wait for him.
    posted(TIP)

    def slowly():
        with database.sessions() as session:
            post(session, TIP, key="slow", reference="ms_slow", actor="us_1", value_date=LATE)
            let_in.set()
            in_time.append(commit.wait(30))
            session.commit()

    slow = threading.Thread(target=slowly, daemon=True)
    slow.start()
    assert let_in.wait(30)
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    until(lambda: waits_for_lanes(database))
    assert reading(period_of, period="2030-10").state == "open"
    # Meanwhile others, of other people, post for the present day, without waiting for either.
    another = movements.tip_paid(STRIPE, new_id("us"), amount=usd("5.00"))
    assert posted(another).value_date == date(2030, 11, 3)
    commit.set()
    closing.join(30)
    slow.join(30)
    assert in_time == [True]
    assert reading(period_of, period="2030-10").state == "closed"
    with expect_refusal(PeriodClosed):
        posted(TIP, value_date=LATE)
    assert in_wallet() == usd("10.00")


@pytest.mark.mariadb
def test_whoever_posts_while_a_month_is_being_closed_finds_it_closed(database):
    """The one who closes has all lanes and has not committed; whoever posts into the month is refused."""
    closed, commit = threading.Event(), threading.Event()

    def slowly():
        with database.sessions() as session:
            close_period(session, period="2030-10", by="us_fiona")
            closed.set()
            commit.wait(30)
            session.commit()

    closing = threading.Thread(target=slowly, daemon=True)
    closing.start()
    assert closed.wait(30)
    results = []
    late = threading.Thread(
        target=lambda: results.extend(at_once(lambda: posted(TIP, value_date=LATE))), daemon=True
    )
    late.start()
    until(lambda: waits_for_lanes(database))
    commit.set()
    late.join(30)
    closing.join(30)
    assert [type(result) for result in results] == [PeriodClosed]
    assert in_wallet() == usd("0.00")


def waits_for_lanes(database):
    with database.engine.connect() as connection:
        waiting = (
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT%ledger_lanes%UPDATE'"
        )
        return connection.execute(text(waiting)).scalar_one() > 0


def test_the_record_of_what_was_closed_cannot_be_changed(database):
    close()
    for statement_ in ("UPDATE ledger_period_acts SET actor = 'x'", "DELETE FROM ledger_period_acts"):
        with pytest.raises(Exception, match=r"append-only|denied"), database.sessions() as session:
            session.execute(text(statement_))
    assert reading(period_of, period="2030-10").acts[0].actor == "us_fiona"


def test_a_day_of_its_own_that_is_not_listed_is_found(owner, tamper):
    entry = posted(TIP, value_date=LATE)
    tamper(f"UPDATE ledger_entries SET value_date = '2030-10-21' WHERE idempotency_key = '{entry.key}'")  # noqa: S608
    assert [breach.rule for breach in examining(verify)] == ["day_of_its_own_is_listed"]
    tamper(f"UPDATE ledger_entries SET value_date = '2030-10-20' WHERE idempotency_key = '{entry.key}'")  # noqa: S608
