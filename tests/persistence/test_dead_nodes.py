"""A server that can no longer take writes is left at once: its connections leave the pool."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress

import pymysql
import pytest
from sqlalchemy import text

from persistence import outbox, unit_of_work
from persistence.engine import Database
from persistence.unit_of_work import DatabaseBusy, atomically, reading
from tests.books import nothing_moves
from tests.servers import visits

pytestmark = pytest.mark.mariadb


# No quorum, shutdown, read-only after a failover (twice), refused by group replication: SQLAlchemy keeps these.
@pytest.mark.parametrize("number", [1047, 1053, 1290, 1836, 3100])
def test_what_a_node_that_is_gone_refused_is_done_on_another_connection(database, number):
    connections = _refused_once(number)
    assert len(set(connections)) == 2


def test_after_a_deadlock_the_connection_is_kept(database):
    connections = _refused_once(1213)
    assert len(set(connections)) == 1


def test_no_other_connection_to_a_node_that_is_gone_is_handed_out_either(database):
    before = {_connection(session) for session in _several(database)}
    _refused_once(1047)
    assert not before & {_connection(session) for session in _several(database)}


def test_while_a_server_has_no_room_nothing_is_done_and_trying_later_is_asked_for(database, schema):
    server = schema._server
    with nothing_moves():
        # Those that it has, it keeps.
        database.engine.dispose()
        server.execute("SET GLOBAL max_connections = 10")
        with ExitStack() as crowd:
            _fill(server, crowd)
            with pytest.raises(DatabaseBusy):
                atomically(_tell)
        server.execute("SET GLOBAL max_connections = 300")


@pytest.mark.parametrize("edge", [atomically, reading])
def test_a_server_that_is_there_and_says_nothing_is_waited_for_once(database, edge):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"mysql+pymysql://holdfast@127.0.0.1:{silent.getsockname()[1]}/holdfast"
        unit_of_work.bind(Database(Database.connect(address).impatient))
        with pytest.raises(DatabaseBusy):
            edge(_tell)
        unit_of_work.bind(database)
        assert visits(silent) == 1


def _fill(server, crowd):
    with suppress(pymysql.err.OperationalError):
        while True:
            crowd.enter_context(pymysql.connect(unix_socket=str(server.socket), user="root"))


def _refused_once(number):
    """The connections on which it was tried."""
    connections = []

    def refused_at_first(session):
        connections.append(_connection(session))
        if len(connections) == 1:
            session.execute(
                text(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'gone'")
            )
        return _tell(session)

    told = atomically(refused_at_first)
    assert len(connections) == 2
    assert reading(lambda session: session.scalars(text("SELECT COUNT(*) FROM outbox_events")).all()) == [1]
    assert told.startswith("ev_")
    return connections


def _several(database):
    with ExitStack() as opened:
        yield from [opened.enter_context(database.sessions()) for _ in range(4)]


def _connection(session):
    return session.scalar(text("SELECT CONNECTION_ID()"))


def _tell(session):
    return outbox.publish(session, name="milestone.released", subject="ms_1")
