from __future__ import annotations

import socket
import sqlite3
import threading
from contextlib import closing

import pytest
from sqlalchemy import create_engine, func, make_url, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from kernel.ids import new_id
from kernel.money import Money
from kernel.refusals import Conflict
from ledger import movements
from ledger.posting import post
from persistence import clock as database_clock
from persistence import due, outbox, unit_of_work
from persistence.engine import Database
from persistence.locks import locked, locked_rows
from persistence.tables import DueWork, OutboxEvent
from persistence.unit_of_work import DatabaseBusy, Retry, atomically, examining, reading, rehearse
from tests.books import everything, expect_refusal, nothing_moves
from tests.threads import at_once, together


class Refused(Conflict):
    """It is refused, for a test."""

    code = "refused_by_a_test"


def test_an_operation_is_committed_and_its_result_handed_back(database):
    told = atomically(_tell, name="milestone.released")
    assert reading(_told) == {("milestone.released", told)}


def test_a_refusal_takes_everything_back(database):
    def tell_and_refuse(session):
        _tell(session, name="milestone.released")
        session.flush()
        raise Refused("no")

    with expect_refusal(Refused):
        atomically(tell_and_refuse)


def test_an_operation_that_lost_a_race_runs_again_and_nothing_of_its_first_tries_stays(database):
    tries = []

    def second_twice(session):
        tries.append(_tell(session, name="milestone.released"))
        session.flush()
        if len(tries) < 3:
            raise Retry
        return tries[-1]

    told = atomically(second_twice)
    assert len(tries) == 3
    assert reading(_told) == {("milestone.released", told)}


@pytest.mark.parametrize("edge", [atomically, reading])
def test_where_no_connection_comes_free_the_service_is_busy(database, tmp_path, edge):
    few = create_engine(
        f"sqlite:///{tmp_path}/few", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    with few.connect():
        unit_of_work.bind(Database(few))
        with pytest.raises(DatabaseBusy):
            edge(lambda session: session.scalar(text("SELECT 1")))
    few.dispose()


@pytest.mark.parametrize("edge", [reading, examining])
def test_everything_one_answer_says_is_of_one_instant(database, edge):
    def twice(session):
        before = _told(session)
        atomically(_tell, name="milestone.released")
        return before, _told(session)

    before, after = edge(twice)
    assert before == after == set()
    assert len(reading(_told)) == 1


@pytest.mark.mariadb
def test_what_writes_after_something_was_read_sees_what_others_committed_meanwhile(database):
    reading(_told)
    seen = []

    def writes(session):
        seen.append(len(_told(session)))
        atomically(_tell, name="milestone.released")
        seen.append(len(_told(session)))

    atomically(writes)
    assert seen == [0, 1]


@pytest.mark.mariadb
def test_an_examination_may_take_longer_than_any_other_answer(database):
    waits = "SELECT 1 FROM (SELECT 1) one"
    examined = examining(lambda session: _patience(session, waits))
    assert examined > 60 >= reading(lambda session: _patience(session, waits))


def _patience(session, statement):
    session.execute(text(statement))
    return session.connection().connection.driver_connection._read_timeout


def test_what_is_examined_is_not_read_again_because_it_may_have_been_written_out(database):
    written = []

    def export(_session):
        written.append("half of the journal")
        raise OperationalError("SELECT", {}, Exception(2013, "Lost connection"))

    with pytest.raises(OperationalError):
        examining(export)
    assert written == ["half of the journal"]


def test_an_operation_that_always_loses_gives_up_and_leaves_nothing(database):
    def always_second(session):
        _tell(session, name="milestone.released")
        session.flush()
        raise Retry

    with expect_refusal(DatabaseBusy):
        atomically(always_second)


def test_a_rehearsal_shows_what_would_happen_and_leaves_no_trace(database):
    with nothing_moves():
        told = rehearse(_tell, name="milestone.released")
    assert told.startswith("ev_")


def test_a_rehearsal_refuses_what_the_act_would_refuse(database):
    def refuse(session):
        _tell(session, name="milestone.released")
        raise Refused("no")

    with expect_refusal(Refused):
        rehearse(refuse)


def test_a_rehearsal_that_lost_a_race_runs_again(database):
    tries = []

    def second_once(session):
        tries.append(session)
        if len(tries) == 1:
            raise Retry
        return len(tries)

    assert rehearse(second_once) == 2


def test_a_reader_keeps_nothing(database):
    with nothing_moves():
        assert reading(_tell, name="milestone.released").startswith("ev_")


def test_eight_writers_of_one_row_lose_nothing(database):
    work = atomically(_work)

    def ten_more():
        for _ in range(10):
            atomically(_count_up, ids=[work])

    together(ten_more, people=8)
    assert reading(_attempts, ids=[work]) == [80]


def test_rows_are_locked_in_one_order_so_that_opposite_writers_do_not_meet(database):
    first, second = atomically(_work), atomically(_work)
    runs = []

    def count_both_up(ids):
        def counted(session):
            runs.append(ids)
            _count_up(session, ids=ids)

        for _ in range(25):
            atomically(counted)

    results = at_once(lambda: count_both_up([first, second]), lambda: count_both_up([second, first]))
    assert results == [None, None]
    assert reading(_attempts, ids=[first, second]) == [50, 50]
    assert len(runs) == 50


@pytest.mark.mariadb
def test_two_transactions_that_deadlock_both_get_through_and_nothing_counts_twice(database):
    first, second = atomically(_work), atomically(_work)
    meeting, runs = threading.Barrier(2), []

    def one_after_the_other(session, *, ids):
        runs.append(ids)
        _count_up(session, ids=ids[:1])
        session.flush()
        if runs.count(ids) == 1:
            # Each holds its first row now, and wants the other's.
            meeting.wait()
        _count_up(session, ids=ids[1:])

    results = at_once(
        lambda: atomically(one_after_the_other, ids=(first, second)),
        lambda: atomically(one_after_the_other, ids=(second, first)),
    )
    assert results == [None, None]
    assert len(runs) >= 3
    assert reading(_attempts, ids=[first, second]) == [2, 2]


@pytest.mark.mariadb
def test_a_transaction_that_waited_too_long_for_a_lock_tries_again(database):
    work = atomically(_work)
    tries = []

    with database.sessions() as other:
        locked(other, DueWork, work)

        def impatient(session):
            tries.append(work)
            session.execute(text("SET innodb_lock_wait_timeout = 1"))
            try:
                _count_up(session, ids=[work])
            except OperationalError:
                other.rollback()
                raise

        atomically(impatient)

    assert len(tries) == 2
    assert reading(_attempts, ids=[work]) == [1]


@pytest.mark.mariadb
def test_a_transaction_whose_connection_dies_before_the_commit_is_done_once(database):
    tries = []

    def die_once(session):
        tries.append(_tell(session, name="milestone.released"))
        session.flush()
        if len(tries) == 1:
            _kill(database, session)
        session.flush()
        return _tell(session, name="milestone.funded")

    second = atomically(die_once)
    assert len(tries) == 2
    assert reading(_told) == {("milestone.released", tries[1]), ("milestone.funded", second)}


@pytest.mark.mariadb
def test_while_the_server_is_away_nothing_is_done_and_trying_later_is_asked_for(database, database_url):
    nobody = make_url(database_url).set(host="127.0.0.1", port=_closed_port(), query={})
    away = Database.connect(nobody)
    unit_of_work.bind(away)
    with pytest.raises(DatabaseBusy):
        atomically(_tell, name="milestone.released")
    away.engine.dispose()
    unit_of_work.bind(database)
    assert reading(_told) == set()


@pytest.mark.mariadb
@pytest.mark.parametrize("edge", [atomically, reading])
def test_a_server_without_a_connection_for_us_is_busy(database, schema, edge):
    database.engine.dispose()
    with schema.crowded(), pytest.raises(DatabaseBusy):
        edge(database_clock.now)
    assert edge(database_clock.now) is not None


@pytest.mark.mariadb
def test_a_statement_that_takes_too_long_is_ended_taken_back_and_not_tried_again(database):
    tries = []

    def slow(session):
        tries.append(_tell(session, name="milestone.released"))
        session.flush()
        session.execute(text("SET STATEMENT max_statement_time = 0.01 FOR SELECT SLEEP(5)"))

    with expect_refusal(DatabaseBusy):
        atomically(slow)
    assert len(tries) == 1


@pytest.mark.mariadb
def test_a_table_that_a_node_has_not_understood_is_busy_and_nothing_is_written(database, schema):
    before = everything()
    with schema.misread("ledger_entries"), pytest.raises(DatabaseBusy):
        atomically(_post)
    assert everything() == before
    atomically(_post)
    assert everything() != before


@pytest.mark.sqlite
def test_whoever_has_waited_for_the_writer_of_a_file_does_not_wait_again(database):
    tries = []

    def write(session):
        tries.append(1)
        _tell(session, name="milestone.released")
        session.flush()

    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(database.engine.url.database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            atomically(write)
    assert tries == [1]
    assert reading(_told) == set()


def test_a_statement_that_is_simply_wrong_is_not_tried_again(database):
    before, tries = everything(), []

    def wrong(session):
        tries.append(_tell(session, name="milestone.released"))
        session.flush()
        session.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(Exception, match="nowhere"):
        atomically(wrong)
    assert len(tries) == 1
    assert everything() == before


def _closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _tell(session, *, name):
    return outbox.publish(session, name=name, subject="ms_1")


def _told(session):
    return {tuple(row) for row in session.execute(select(OutboxEvent.name, OutboxEvent.id))}


def _work(session):
    key = new_id("du")
    due.schedule(session, kind="probe", subject="ms_1", due_at=database_clock.now(session), key=key)
    return session.scalar(select(DueWork.id).where(DueWork.dedup_key == key))


def _count_up(session, *, ids):
    for row in locked_rows(session, DueWork, ids):
        row.attempts += 1


def _attempts(session, *, ids):
    return [session.scalar(select(func.sum(DueWork.attempts)).where(DueWork.id == id_)) for id_ in ids]


def _kill(database, session):
    connection_id = session.scalar(text("SELECT CONNECTION_ID()"))
    with database.engine.connect() as other:
        other.execute(text(f"KILL {connection_id}"))


def _post(session):
    fee = movements.gateway_billed("stripe", fee=Money(35, "USD"))
    return post(session, fee, key="billed", reference="stripe", actor="stripe")
