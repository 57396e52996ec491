"""Nobody waits for an account that everybody touches."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, text

from kernel.ids import new_id
from ledger import chart
from ledger.balances import balance
from ledger.integrity import verify
from ledger.lanes import own_lane
from ledger.posting import post
from ledger.tables import LANES, balances, lanes
from persistence.unit_of_work import atomically, examining, reading
from tests.ledger.words import STRIPE, funded, posted, usd
from tests.threads import together

PENDING = chart.gateway_pending(STRIPE, "USD")


def lane_of(session):
    return own_lane(session, session.connection())


def post_one(session, key):
    return post(session, funded(new_id("ms")), key=key, reference="ms", actor="system")


def test_the_lanes_are_there_from_the_beginning(database):
    assert reading(lambda session: session.scalars(select(lanes.c.lane).order_by(lanes.c.lane)).all()) == [
        *range(LANES)
    ]


@pytest.mark.mariadb
def test_a_transaction_keeps_its_lane_until_it_ends_and_no_other_has_it(database):
    with database.sessions() as one, database.sessions() as two:
        first = lane_of(one)
        assert lane_of(one) == first
        assert lane_of(two) != first
        one.rollback()
        # Free again, and forgotten.
        assert lane_of(one) == first
        one.rollback()


@pytest.mark.mariadb
def test_a_shared_account_is_posted_to_while_another_transaction_has_it_open(database):
    posted(funded(new_id("ms")))
    with database.sessions() as one, database.sessions() as two:
        post_one(one, "one")
        one.execute(text("SET innodb_lock_wait_timeout = 1"))
        two.execute(text("SET innodb_lock_wait_timeout = 1"))
        post_one(two, "two")
        two.commit()
        post_one(one, "again")
        one.commit()
    used = reading(
        lambda session: session.scalars(
            select(balances.c.lane).where(balances.c.account_id == PENDING.row_id)
        ).all()
    )
    assert sorted(used) == [0, 1]
    assert reading(balance, PENDING).posted == usd("420.00")
    assert examining(verify) == []


@pytest.mark.mariadb
def test_when_all_lanes_are_taken_one_is_waited_for(database):
    posted(funded(new_id("ms")))
    with database.sessions() as everything_else, database.sessions() as late:
        taken = everything_else.scalars(select(lanes.c.lane).where(lanes.c.lane > 0).with_for_update()).all()
        assert len(taken) == LANES - 1
        assert lane_of(late) == 0
    results = together(lambda: posted(funded(new_id("ms"))), people=12)
    assert len(results) == 12
    assert examining(verify) == []


@pytest.mark.mariadb
def test_lanes_that_were_thrown_away_are_put_back(database):
    atomically(lambda session: session.execute(delete(lanes)))
    posted(funded(new_id("ms")))
    assert len(reading(lambda session: session.scalars(select(lanes.c.lane)).all())) == LANES
    assert examining(verify) == []


@pytest.mark.mariadb
def test_lanes_thrown_away_are_put_back_once_when_many_come_at_once(database):
    posted(funded(new_id("ms")))
    atomically(lambda session: session.execute(delete(lanes)))
    together(lambda: posted(funded(new_id("ms"))), people=6)
    assert reading(balance, PENDING).posted == usd("735.00")
    assert examining(verify) == []
