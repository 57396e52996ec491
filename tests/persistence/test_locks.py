from __future__ import annotations

import pytest
from sqlalchemy import select

from kernel.ids import new_id
from persistence import clock as database_clock
from persistence import due
from persistence.locks import locked, locked_rows
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.threads import at_once


@pytest.mark.mariadb
def test_a_row_read_before_its_lock_is_read_again_with_it(database):
    work_id = atomically(_work)
    with database.sessions() as session:
        read_early = session.get_one(DueWork, work_id)
        atomically(_count_up, work_id)
        assert read_early.attempts == 0
        assert locked(session, DueWork, work_id).attempts == 1
        assert read_early.attempts == 1
        session.rollback()


def test_rows_come_locked_in_the_order_of_their_ids_and_each_once(database):
    ids = [atomically(_work) for _ in range(5)]
    asked = [*reversed(ids), ids[2], "du_00000000000000000000000000"]
    assert reading(lambda session: [row.id for row in locked_rows(session, DueWork, asked)]) == sorted(ids)


def test_a_row_that_is_not_there_is_none(database):
    assert reading(lambda session: locked(session, DueWork, "du_00000000000000000000000000")) is None


def test_two_who_lock_the_same_row_wait_for_each_other(database):
    work_id = atomically(_work)
    assert at_once(*[lambda: [atomically(_count_up, work_id) for _ in range(20)]] * 4) == [[None] * 20] * 4
    assert reading(lambda session: session.scalar(select(DueWork.attempts))) == 80


def _work(session):
    key = new_id("du")
    due.schedule(session, kind="probe", subject="ms_1", due_at=database_clock.now(session), key=key)
    return session.scalar(select(DueWork.id).where(DueWork.dedup_key == key))


def _count_up(session, work_id):
    locked(session, DueWork, work_id).attempts += 1
