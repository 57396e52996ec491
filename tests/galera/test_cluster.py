"""Three MariaDB servers with one writer, and what becomes of the money when the writer dies, or when there are two."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pymysql
import pytest
from sqlalchemy import select, text

from deploy.galera import cluster as galera
from kernel.ids import new_id
from kernel.money import Money
from ledger import chart, movements
from ledger import integrity as ledger_integrity
from ledger.balances import balance
from ledger.posting import post
from persistence import outbox
from persistence.tables import OutboxEvent
from persistence.unit_of_work import DatabaseBusy, OutcomeUnknown, atomically, examining, reading
from tests.galera.load import Load, people
from tests.galera.town import check_every_node, connected, open_tables, settle, spread
from tests.threads import together
from tests.waiting import until

_MILESTONE = "ms_06f3k00000000000000000000a"
_MISSING = galera.missing()

pytestmark = [
    pytest.mark.mariadb,
    # Three servers are enough for a small machine: all of this on one worker.
    pytest.mark.xdist_group("galera"),
    pytest.mark.skipif(_MISSING is not None, reason=f"Galera cannot be started here: {_MISSING}"),
    # PyMySQL leaves it to the garbage collector to close a socket that nobody answers at.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    """Three nodes in step, with Holdfast's tables."""
    with galera.cluster() as started:
        settle(started)
        yield started
    gc.collect()


def test_a_writer_that_is_killed_and_comes_back_loses_and_doubles_nothing(cluster):
    first, *_ = cluster.nodes
    with connected(cluster):
        load = Load(people(8))
        with load.running():
            load.go_on(16)
            load.while_committing(first.kill, people=6)
            load.go_on(24)
            assert cluster.writer() is not first
            first.start()
            until(lambda: cluster.writer() is first)
            load.go_on(16)
    # Of those who were at their COMMIT, half had yet to send it.
    assert load.counts["unknown"] >= 2
    check_every_node(cluster, load)


def test_two_writers_at_once_conflict_at_commit_and_every_cent_is_counted_once(cluster):
    first, second, _ = cluster.nodes
    open_tables([first, second], people=8)
    with connected(cluster) as database, spread(database, [first, second]) as errors:
        together(_fund_ten_times, people=8)
    assert (1213, True) in errors
    for node in (first, second):
        with connected(node):
            assert reading(_held) == Money(80_000, "USD")
            assert examining(ledger_integrity.verify) == []


def test_a_new_writer_is_not_asked_before_it_has_all_that_was_acknowledged(cluster):
    first, second, _ = cluster.nodes
    with ThreadPoolExecutor() as people, _carrying_nothing_out(second) as go_on:
        with connected(first):
            told = atomically(_tell, name="writer.changed")
        with connected(second):
            asked = people.submit(reading, _events, name="writer.changed")
            until(lambda: _is_waited_for(second))
            assert not asked.done()
            go_on()
            assert asked.result() == [told]


def test_a_node_without_a_quorum_is_left_and_does_nothing(cluster):
    *_, third = cluster.nodes
    with connected(third):
        before = reading(_connection)
        third.execute("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
        until(lambda: not third.is_well())
        with pytest.raises(DatabaseBusy):
            atomically(_tell)
        third.execute("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
        until(third.is_well)
        told = atomically(_tell)
        assert reading(_connection) != before
    with connected(cluster):
        assert reading(_events) == [told]


@contextmanager
def _carrying_nothing_out(node):
    """The node is told of everything, and applies nothing until `go_on()` is called."""
    with pymysql.connect(unix_socket=str(node.socket), user="root", autocommit=True) as holder:
        cursor = holder.cursor()
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        yield lambda: cursor.execute("UNLOCK TABLES")


def _is_waited_for(node):
    waiting = "SELECT 1 FROM information_schema.processlist WHERE info = 'SELECT 1' AND user = 'holdfast'"
    return bool(node.execute(waiting))


def _fund_ten_times():
    who = new_id("py")
    for number in range(10):
        _insist(lambda key=f"{who}:{number}": atomically(_fund, key=key))


def _insist(act):
    # Two writers can be in each other's way for longer than anybody tries, or than anybody waits for a COMMIT.
    while True:
        with suppress(DatabaseBusy, OutcomeUnknown):
            return act()


def _fund(session, *, key):
    price = Money(1_000, "USD")
    entry = movements.milestone_funded("stripe", _MILESTONE, price=price, client_fee=Money(0, "USD"))
    post(session, entry, key=key, reference=_MILESTONE, actor="us_1")


def _held(session):
    return balance(session, chart.escrow(_MILESTONE, "USD")).posted


def _tell(session, *, name="node.left"):
    return outbox.publish(session, name=name, subject="ms_1")


def _events(session, *, name="node.left"):
    return list(session.scalars(select(OutboxEvent.id).where(OutboxEvent.name == name)))


def _connection(session):
    return session.scalar(text("SELECT CONNECTION_ID()"))
