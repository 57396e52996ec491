"""Many at once on the same accounts: nothing is lost, nothing is done twice, nobody is stuck for good."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kernel.ids import new_id
from kernel.refusals import Refusal
from ledger import chart, movements
from ledger.balances import balance
from ledger.integrity import verify
from ledger.posting import post, post_hold, void_hold
from ledger.tables import balances, entries, postings
from ledger.writing import HoldResolved, InsufficientBalance
from persistence.unit_of_work import atomically, examining, reading
from tests.ledger.words import STRIPE, earned, escrow, funded, held, posted, released, usd, wallet
from tests.threads import at_once, succeeded, together

WORKER, MILESTONE = new_id("us"), new_id("ms")


@pytest.fixture(autouse=True)
def _books_are_right(database):
    yield
    assert examining(verify) == []
    assert reading(sequences) == []


def sequences(session):
    """The lanes whose lines are not numbered from one on without a gap."""
    counted = (
        select(postings.c.account_id, postings.c.lane)
        .group_by(postings.c.account_id, postings.c.lane)
        .having(func.max(postings.c.sequence) != func.count())
    )
    return list(session.execute(counted))


def test_of_many_who_would_spend_the_last_money_one_does():
    earned(WORKER, "10.00")
    results = at_once(*[lambda: held(movements.payout_reserved(WORKER, amount=usd("10.00")))] * 8)
    assert len(succeeded(results)) == 1
    assert Counter(map(type, results))[InsufficientBalance] == 7
    assert reading(balance, wallet(WORKER)).available == usd("0.00")


def test_the_same_key_by_many_at_once_is_one_entry():
    entry = funded(MILESTONE)
    results = together(lambda: posted(entry, key="funded"), people=8)
    assert len(set(results)) == 1
    assert reading(balance, escrow(MILESTONE)).posted == usd("100.00")


def test_of_many_who_resolve_a_hold_one_does():
    earned(WORKER, "10.00")
    reservation = held(movements.payout_reserved(WORKER, amount=usd("10.00")))

    def send(number):
        return lambda: atomically(
            post_hold, reservation.id, "payout_sent", key=f"send {number}", actor="system"
        )

    def give_up(number):
        return lambda: atomically(void_hold, reservation.id, key=f"void {number}", actor="system")

    results = at_once(*[act(number) for number in range(4) for act in (send, give_up)])
    assert len(succeeded(results)) == 1
    assert Counter(map(type, results))[HoldResolved] == 7


def test_an_account_nobody_has_touched_is_opened_by_many_at_once():
    together(lambda: earned(WORKER, "1.00"), people=8)
    assert reading(balance, wallet(WORKER)).posted == usd("8.00")


def test_opposite_movements_between_the_same_accounts_all_arrive():
    first, second = new_id("ms"), new_id("ms")
    for milestone in (first, second):
        posted(funded(milestone))

    def there_and_back(number):
        def act():
            for step in range(4):
                way = (first, second) if (number + step) % 2 else (second, first)
                atomically(move, *way, key=f"{number} {step}")

        return act

    results = at_once(*[there_and_back(number) for number in range(6)])
    assert [result for result in results if isinstance(result, Exception)] == []
    held_now = [reading(balance, escrow(milestone)).posted for milestone in (first, second)]
    assert held_now[0] + held_now[1] == usd("200.00")


def move(session, source, target, *, key):
    # Two entries in one transaction, in the order of the movement and not of the ids.
    told = {"reference": source, "actor": "system"}
    for number, milestone in enumerate((source, target)):
        post(
            session,
            released(milestone, WORKER, gross="1.00", worker_fee="0.00"),
            key=f"{key} {number}",
            **told,
        )
        post(session, funded(milestone, price="1.00", client_fee="0.00"), key=f"{key} {number} again", **told)


_STORY = """
import random, sys
from kernel.refusals import Refusal
from persistence import unit_of_work
from persistence.engine import Database
from tests.ledger.test_concurrency import story

unit_of_work.bind(Database.connect(sys.argv[1]))
story(random.Random(int(sys.argv[2])), sys.argv[2])
"""
PEOPLE = [f"us_{'0' * 25}{number}" for number in range(3)]
MILESTONES = [f"ms_{'0' * 25}{number}" for number in range(3)]
STEPS = 40


def story(chance, who):
    """What one process does: a walk over the catalogue on three people's accounts, seeded."""
    for step in range(STEPS):
        milestone, worker = chance.choice(MILESTONES), chance.choice(PEOPLE)
        key = f"{who}:{step}"
        try:
            _step(chance.randrange(5), milestone, worker, key)
        except Refusal:
            # Somebody else was first; that is what the floor is for.
            continue


def _step(kind, milestone, worker, key):
    if kind <= 1:
        posted(funded(milestone, price="3.00", client_fee="0.15"), key=key)
    elif kind == 2:
        posted(released(milestone, worker, gross="2.00", worker_fee="0.20"), key=key)
    elif kind == 3:
        posted(movements.refund_ordered(milestone, held=usd("1.00"), client_fee=usd("0.05")), key=key)
    else:
        reservation = held(movements.payout_reserved(worker, amount=usd("1.00")), key=f"{key}:hold")
        atomically(post_hold, reservation.id, "payout_sent", key=key, actor="system")


def counted(session):
    rows = session.execute(select(entries.c.movement, func.count()).group_by(entries.c.movement))
    return {movement: count for movement, count in rows}  # noqa: C416 - a row is a tuple only to Python


def test_processes_and_threads_hammer_the_same_accounts(database, database_url):
    root = Path(__file__).parent.parent.parent
    processes = [
        subprocess.Popen([sys.executable, "-c", _STORY, database_url, str(seed)], cwd=root)
        for seed in range(3)
    ]
    results = at_once(*[lambda seed=seed: story(random.Random(seed), f"thread {seed}") for seed in range(5)])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert [process.wait() for process in processes] == [0, 0, 0]

    done = reading(counted)
    assert done["payout_reserved"] == done["payout_sent"]
    # 3.15 came in for each funding; everything that happened since only moved it.
    expected = Counter(done)["milestone_funded"] * 315
    assert reading(balance, chart.gateway_pending(STRIPE, "USD")).posted.amount_minor == expected
    in_wallets = sum(reading(balance, wallet(worker)).posted.amount_minor for worker in PEOPLE)
    assert in_wallets == done["milestone_released"] * 180 - done["payout_sent"] * 100
    in_escrow = sum(reading(balance, escrow(milestone)).posted.amount_minor for milestone in MILESTONES)
    assert in_escrow == (
        done["milestone_funded"] * 300 - done["milestone_released"] * 200 - done["refund_ordered"] * 100
    )


@pytest.mark.mariadb
def test_a_shared_account_uses_no_more_lanes_than_there_were_people(database):
    posted(funded(new_id("ms")))
    together(lambda: posted(funded(new_id("ms"))), people=6)
    used = reading(
        lambda session: session.scalar(
            select(func.count())
            .select_from(balances)
            .where(balances.c.account_id == chart.client_fees("USD").row_id)
        )
    )
    assert 1 <= used <= 6
