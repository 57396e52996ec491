"""A statement tells every line, newest first, with what the account held after it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from kernel.ids import new_id
from kernel.money import Money
from kernel.pages import CursorMalformed
from ledger import chart, movements
from ledger.balances import balance, balance_as_of
from ledger.entries import Phase
from ledger.posting import post, post_hold
from ledger.statements import accounts_named, entries_about, find_entry, statement
from persistence.unit_of_work import atomically, reading
from tests.ledger.words import STRIPE, earned, escrow, funded, held, posted, released, usd, wallet
from tests.threads import together

pytestmark = pytest.mark.usefixtures("database")

MILESTONE, WORKER = new_id("ms"), new_id("us")
PENDING = chart.gateway_pending(STRIPE, "USD")


def whole_statement(account, limit):
    lines, after = [], None
    while True:
        page = reading(statement, account, after=after, limit=limit)
        lines += page.items
        after = page.next_after
        if after is None:
            return lines
        assert len(page.items) == limit


def test_a_wallet_tells_where_its_money_came_from_and_went():
    posted(funded(MILESTONE))
    posted(released(MILESTONE, WORKER), reference=MILESTONE, actor="us_client", reason="Well done")
    reservation = held(movements.payout_reserved(WORKER, amount=usd("60.00")), reference="po_1")
    atomically(post_hold, reservation.id, "payout_sent", key="sent", actor="system")
    page = reading(statement, wallet(WORKER))
    assert page.next_after is None
    told = [
        (line.movement, line.phase, line.reference, line.change, line.after.posted, line.after.held)
        for line in page.items
    ]
    assert told == [
        ("payout_sent", Phase.POST_PENDING, "po_1", usd("-60.00"), usd("30.00"), usd("0.00")),
        ("payout_reserved", Phase.PENDING, "po_1", usd("0.00"), usd("90.00"), usd("60.00")),
        ("milestone_released", Phase.POSTED, MILESTONE, usd("90.00"), usd("90.00"), usd("0.00")),
    ]
    assert page.items[2].reason == "Well done"
    assert page.items[2].actor == "us_client"


def test_an_account_that_was_never_touched_has_an_empty_statement(database):
    page = reading(statement, wallet(WORKER))
    assert (page.items, page.next_after) == ((), None)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_tell_every_line_once(limit):
    for cents in range(1, 8):
        earned(WORKER, f"0.0{cents}")
    lines = whole_statement(wallet(WORKER), limit)
    assert [line.change for line in lines] == [usd(f"0.0{cents}") for cents in range(7, 0, -1)]


def test_a_page_does_not_shift_when_more_is_posted():
    for cents in range(1, 5):
        earned(WORKER, f"0.0{cents}")
    first = reading(statement, wallet(WORKER), limit=2)
    earned(WORKER, "9.00")
    second = reading(statement, wallet(WORKER), after=first.next_after, limit=2)
    assert [line.change for line in (*first.items, *second.items)] == [
        usd(f"0.0{cents}") for cents in (4, 3, 2, 1)
    ]
    assert reading(statement, wallet(WORKER), after=first.items[0].cursor).items[0] == first.items[1]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_lines_of_the_same_instant_are_told_in_their_order_and_none_is_left_out(clock, limit):
    clock.advance(hours=1)
    earned(WORKER, "0.01")
    # From now on everything is recorded at the instant of the first.
    clock.set(clock.now() - timedelta(hours=1))
    for cents in range(2, 6):
        earned(WORKER, f"0.0{cents}")
    lines = whole_statement(wallet(WORKER), limit)
    assert len({line.recorded_at for line in lines}) == 1
    assert [line.change for line in lines] == [usd(f"0.0{cents}") for cents in (5, 4, 3, 2, 1)]
    assert [line.after.posted for line in lines] == [usd(f"0.{s}") for s in ("15", "10", "06", "03", "01")]


def post_in_several_lanes(database):
    # Whoever touches an account first opens it, and is alone with it until the end of the transaction.
    posted(funded(MILESTONE, price="7.00", client_fee="0.00"))
    # Three transactions open at once own three lanes of the shared account.
    with database.sessions() as one, database.sessions() as two, database.sessions() as three:
        for number, session in enumerate([one, two, three, two, one, one]):
            entry = funded(new_id("ms"), price=f"{number + 1}.00", client_fee="0.00")
            post(session, entry, key=f"lane {number}", reference="ms", actor="system")
        for session in (one, two, three):
            session.commit()


@pytest.mark.mariadb
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_the_lanes_of_a_shared_account_are_one_statement(database, limit):
    post_in_several_lanes(database)
    lines = whole_statement(PENDING, limit)
    assert [line.change for line in lines] == [usd(f"{change}.00") for change in (6, 5, 4, 3, 2, 1, 7)]
    assert [line.after.posted for line in lines] == [usd(f"{s}.00") for s in (28, 22, 17, 13, 10, 8, 7)]
    for line in lines:
        assert reading(balance_as_of, PENDING, line.recorded_at) == line.after


def test_a_shared_account_that_many_use_at_once_is_still_one_statement(database):
    together(lambda: posted(funded(new_id("ms"))), people=8)
    lines = whole_statement(PENDING, 3)
    assert len({line.entry_id for line in lines}) == 8
    assert lines[0].after == reading(balance, PENDING)
    for newer, older in pairwise(lines):
        assert newer.recorded_at >= older.recorded_at
        assert newer.after.posted - newer.change == older.after.posted
    assert lines[-1].after.posted == lines[-1].change


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "1|2",
        "2026-01-01|a|1",
        "yesterday|0|1",
        "2026-01-01|1|2|3",
        "2026-13-01T00:00:00.000000Z|0|1",
        "0001-01-01T00:00:00+23:59|0|1",
        "2026-01-01T00:00:00.000000Z|0|" + "9" * 19,
        "2026-01-01T00:00:00.000000Z|-1|1",
    ],
)
def test_what_is_no_cursor_is_refused(database, cursor):
    with pytest.raises(CursorMalformed):
        reading(statement, wallet(WORKER), after=cursor)


def test_entries_are_found_by_what_they_are_about():
    first = posted(funded(MILESTONE), reference=MILESTONE)
    posted(funded(new_id("ms")), reference="ms_other")
    second = posted(released(MILESTONE, WORKER), reference=MILESTONE)
    third = earned(WORKER, "1.00")
    assert reading(entries_about, [MILESTONE]) == [first, second]
    assert reading(entries_about, [MILESTONE, third.reference]) == [first, second, third]
    assert reading(entries_about, ["ms_nothing"]) == []
    assert reading(entries_about, []) == []


def test_entries_of_one_transaction_are_told_in_the_order_in_which_they_were_posted(database):
    def many(session):
        for number in range(20):
            post(session, funded(new_id("ms")), key=f"{number}", reference=MILESTONE, actor="system")

    atomically(many)
    assert [entry.key for entry in reading(entries_about, [MILESTONE])] == [
        f"{number}" for number in range(20)
    ]


def test_an_entry_is_found_by_its_id():
    entry = earned(WORKER, "1.00")
    assert reading(find_entry, entry.id) == entry
    assert reading(find_entry, new_id("en")) is None


def test_an_account_is_found_by_its_code_in_every_currency():
    earned(WORKER, "1.00")
    posted(movements.tip_paid(STRIPE, WORKER, amount=Money(100, "EUR")))
    assert reading(accounts_named, wallet(WORKER).code) == [chart.wallet(WORKER, "EUR"), wallet(WORKER)]
    assert reading(accounts_named, escrow(MILESTONE).code) == []
