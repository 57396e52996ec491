"""Those who post at the same moment share a commit, and nothing else: each entry is refused or written on its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select

from kernel.ids import new_id
from kernel.refusals import Conflict
from ledger import chart, movements
from ledger.balances import balance
from ledger.integrity import verify
from ledger.posting import draft
from ledger.tables import entries
from ledger.together import post_together
from ledger.writing import InsufficientBalance
from persistence import outbox, unit_of_work
from persistence.engine import Database
from persistence.tables import OutboxEvent
from persistence.unit_of_work import examining, reading
from tests.books import nothing_moves
from tests.ledger.words import STRIPE, earned, escrow, funded, posted, released, usd, wallet
from tests.persistence.proxy import proxy_to
from tests.threads import at_once, succeeded, together

WORKER, MILESTONE = new_id("us"), new_id("ms")


@pytest.fixture(autouse=True)
def _books_are_right(database):
    yield
    assert examining(verify) == []


class Refused(Conflict):
    """It is refused, for a test."""

    code = "refused_by_a_test"


def tip(amount="1.00", worker=WORKER):
    return movements.tip_paid(STRIPE, worker, amount=usd(amount))


def told(entry, key=None):
    return draft(entry, reference="ms_reference", actor="system", key=key or new_id("key"))


def tell(session, entry):
    outbox.publish(session, name="milestone.funded", subject=entry.id)


def entry_count():
    return reading(lambda session: session.scalar(select(func.count()).select_from(entries)))


def events():
    return reading(lambda session: session.scalar(select(func.count()).select_from(OutboxEvent)))


def test_everybody_gets_the_entry_that_was_theirs():
    amounts = [f"{number}.00" for number in range(1, 25)]
    results = at_once(*[lambda amount=amount: post_together(told(tip(amount))) for amount in amounts])
    assert [result.postings[0].amount for result in results] == [usd(amount) for amount in amounts]
    assert reading(balance, wallet(WORKER)).posted == usd("300.00")


def test_many_share_a_commit():
    committed = []
    unit_of_work.observe(lambda stage, name: committed.append(stage) if "together" in name else None)
    together(lambda: post_together(told(tip())), people=32)
    assert reading(balance, wallet(WORKER)).posted == usd("32.00")
    assert 0 < committed.count("committed") < 32


def test_of_many_who_would_spend_the_last_money_one_does_and_the_others_are_refused():
    posted(funded(MILESTONE))
    results = at_once(*[lambda: post_together(told(released(MILESTONE, WORKER)))] * 8)
    assert len(succeeded(results)) == 1
    assert [type(result) for result in results].count(InsufficientBalance) == 7
    assert reading(balance, wallet(WORKER)).posted == usd("90.00")
    assert reading(balance, escrow(MILESTONE)).posted == usd("0.00")


def test_a_refusal_moves_nothing():
    posted(funded(MILESTONE))
    with nothing_moves(), pytest.raises(InsufficientBalance):
        post_together(told(released(MILESTONE, WORKER, "100.01")))


def test_the_same_key_from_many_is_one_entry_and_its_rows_are_written_once():
    results = together(lambda: post_together(told(tip(), key="tip"), along=tell), people=8)
    assert len({result.id for result in results}) == 1
    assert post_together(told(tip(), key="tip"), along=tell) == results[0]
    assert (entry_count(), events()) == (1, 1)


def test_one_whose_rows_cannot_be_written_fails_alone():
    def refuse(_session, _entry):
        raise Refused("no")

    acts = [lambda: post_together(told(tip()), along=tell)] * 6
    results = at_once(*acts, lambda: post_together(told(tip("50.00")), along=refuse), *acts)
    assert len(succeeded(results)) == 12
    assert isinstance(results[6], Refused)
    assert reading(balance, wallet(WORKER)).posted == usd("12.00")
    assert events() == 12


def test_what_is_no_refusal_fails_alone_as_well():
    acts = [lambda: post_together(told(tip()))] * 6
    results = at_once(*acts, lambda: post_together(told(tip(), key="é")), *acts)
    assert len(succeeded(results)) == 12
    assert isinstance(results[6], AssertionError)


@pytest.mark.mariadb
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_group_whose_commit_was_never_answered_is_in_the_books_once(database, schema, when):
    earned(WORKER, "1.00")
    server = make_url(schema._server.tcp_url("holdfast_test", "holdfast"))
    with proxy_to(server.port) as proxy:
        through = Database.connect(server.set(port=proxy.port), offset=database.offset)
        unit_of_work.bind(through)
        proxy.cut(when)
        results = together(lambda: post_together(told(tip()), along=tell), people=8)
        through.engine.dispose()
        unit_of_work.bind(database)
    assert len({result.id for result in results}) == 8
    assert reading(balance, wallet(WORKER)).posted == usd("9.00")
    assert events() == 8


@pytest.mark.mariadb
def test_those_who_post_together_and_those_who_post_alone_meet_on_one_account_and_all_arrive():
    acts = [lambda: post_together(told(tip())), lambda: posted(tip())] * 8
    assert [result for result in at_once(*acts) if isinstance(result, Exception)] == []
    assert reading(balance, chart.gateway_pending(STRIPE, "USD")).posted == usd("16.00")


def test_a_process_that_was_forked_posts_by_itself(database_url):
    post_together(told(tip()))
    script = Path(__file__).with_name("forked.py")
    done = subprocess.run(
        [sys.executable, str(script), database_url, WORKER], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert reading(balance, wallet(WORKER)).posted == usd("4.00")
