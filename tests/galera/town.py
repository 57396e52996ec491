"""Holdfast's database on a cluster, and what is the same on all of its nodes when nothing was lost."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pymysql
from sqlalchemy import event, select

from escrow import integrity as escrow
from ledger import integrity as ledger
from ledger.tables import entries
from payments import integrity as payments
from payouts import integrity as payouts
from persistence import unit_of_work
from persistence.columns import Base
from persistence.engine import Database
from persistence.grants import grant_statements
from persistence.tables import IdempotencyKey
from persistence.unit_of_work import examining, reading
from tests.books import everything
from tests.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ExceptionContext
    from sqlalchemy.orm import Session

    from deploy.galera.cluster import Cluster, Node
    from tests.galera.load import Load

NAME = "holdfast"
# The service's own user, who may do what the service may do.
USER = "holdfast"
_WITH_TRIGGERS = (
    "SELECT DISTINCT event_object_table FROM information_schema.triggers"
    " WHERE event_object_schema = 'holdfast'"
)


def settle(cluster: Cluster) -> None:
    """Make the tables, and the user of the service."""
    cluster.nodes[0].execute(
        f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", f"CREATE USER {USER}@127.0.0.1"
    )
    migrate(cluster.nodes[0].url(NAME))
    cluster.nodes[0].execute(*grant_statements(Base.metadata, f"'{USER}'@'127.0.0.1'", NAME))


@contextmanager
def connected(at: Cluster | Node) -> Iterator[Database]:
    """The service's database: of the cluster, where the writer is, or one node past HAProxy."""
    database = Database.connect(at.url(NAME, USER), pool_size=8)
    unit_of_work.bind(database)
    try:
        yield database
    finally:
        database.engine.dispose()


@contextmanager
def spread(database: Database, nodes: Sequence[Node]) -> Iterator[list[tuple[int, bool]]]:
    """As a balancer does that spreads writers; yields every error: its number, and whether it was at COMMIT."""
    ports, errors = itertools.cycle([node.port for node in nodes]), []

    def send_elsewhere(*given: Any) -> None:
        given[-1].update(port=next(ports))

    def note(context: ExceptionContext) -> None:
        # A COMMIT has no statement.
        errors.append((context.original_exception.args[0], context.statement is None))

    listening = ((database.engine, "do_connect", send_elsewhere), (database.engine, "handle_error", note))
    for each in listening:
        event.listen(*each)
    yield errors
    for each in listening:
        event.remove(*each)


def open_tables(nodes: Sequence[Node], *, people: int) -> None:
    """Have the tables with triggers open for so many at once, before anybody is in anybody's way.

    A server that is stopped while it opens one keeps it without having read its triggers (docs/scale.md).
    """
    for node in nodes:
        names = [name for (name,) in node.execute(_WITH_TRIGGERS)]
        tables = ", ".join(f"{NAME}.{name} READ" for name in names)
        with ExitStack() as at_once:
            for _ in range(people):
                reader = pymysql.connect(unix_socket=str(node.socket), user="root")
                at_once.enter_context(reader)
                reader.cursor().execute(f"LOCK TABLES {tables}")


def check_every_node(cluster: Cluster, load: Load) -> None:
    """On every node: what was answered is there, once, nothing else is, and the books are right; and all agree."""
    seen = []
    for node in cluster.nodes:
        with connected(node):
            assert reading(_entries) == sorted(load.entries)
            assert load.answered <= set(reading(_answered))
            assert examining(_verified) == []
            seen.append(everything())
    assert all(other == seen[0] for other in seen)


def _entries(session: Session) -> list[str]:
    return sorted(session.scalars(select(entries.c.idempotency_key)))


def _answered(session: Session) -> list[str]:
    return list(
        session.scalars(select(IdempotencyKey.client_key).where(IdempotencyKey.recovery_point == "finished"))
    )


def _verified(session):
    """What does not fit, on a node where nobody seals."""
    packages = (ledger, payments, escrow, payouts)
    return [breach for package in packages for breach in package.verify(session)]
