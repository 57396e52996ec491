"""Lanes: as many balance rows for one shared account as there are transactions that touch it at once.

A transaction takes one free lane and writes only the rows of that lane until it ends, so nobody waits for a shared
account. Its balance is the sum over its lanes.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from ledger.tables import LANES, lanes, seed_lanes
from ledger.transaction import memory

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

_FREE = "SELECT lane FROM ledger_lanes ORDER BY lane LIMIT 1 FOR UPDATE SKIP LOCKED"
_ALL = select(lanes.c.lane).order_by(lanes.c.lane).with_for_update()
_THIS = select(lanes.c.lane).where(lanes.c.lane == bindparam("lane")).with_for_update()


def has_lane(session: Session) -> bool:
    """Whether this transaction has its lane."""
    return memory(session).lane is not None


def keep_lane(session: Session, lane: int) -> None:
    """Remember that this transaction has taken that lane."""
    memory(session).lane = lane


def own_lane(session: Session, connection: Connection) -> int:
    """The lane of this transaction, taken at the first call and its own until it ends."""
    known = memory(session)
    if known.lane is None:
        known.lane = _taken(connection)
    return known.lane


def wait_for_posters(session: Session) -> None:
    """Come back when everybody who was posting has committed or given up.

    Until this transaction ends nobody begins; whoever begins afterwards reads the clock afterwards. So nothing that is
    not to be seen by then will be recorded at an instant before this was called.
    """
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        # Those who post keep to lanes that are free, so they wait only while the last of these is waited for.
        connection.execute(_ALL).all()


def _taken(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        # The database has one writer at a time.
        return 0
    free: int | None = connection.exec_driver_sql(_FREE).scalar()
    return _waited_for(connection) if free is None else free


def _waited_for(connection: Connection) -> int:
    # A lane by chance, so that those who wait spread out.
    any_lane = {"lane": random.randrange(LANES)}  # noqa: S311 - not a secret
    lane: int | None = connection.execute(_THIS, any_lane).scalar()
    if lane is None:
        # Somebody emptied the table. The rows are the same whoever puts them back.
        seed_lanes(connection)
        lane = connection.execute(_THIS, any_lane).scalar_one()
    return lane
