"""Unclaimed money as a table: a line for each worker and currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.ledger.tables import Column, Row, Table, said
from payouts.unclaimed import unclaimed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

_BATCH = 500


def unclaimed_table(session: Session, *, at: datetime) -> Table:
    """Everybody who is owed money that has nowhere to go, as it is now."""
    columns = (
        Column("Worker", 30),
        Column("Gateway", 12),
        Column("Since", 24),
        Column("Last contact", 24),
        Column("Reminded", 24),
        Column("Currency", 10),
        Column("In the wallet", 20, right=True),
        Column("At accounts that left", 20, right=True),
        Column("Owed", 20, right=True),
    )
    return Table("Unclaimed money", (said(at),), columns, _rows(session))


def _rows(session: Session) -> Iterator[Row]:
    after: str | None = None
    while some := unclaimed(session, after=after, limit=_BATCH):
        for shown in some:
            known = (shown.since, shown.last_contact_at, shown.reminded_at)
            for each in shown.owed:
                amounts = (each.in_wallet, each.left_there, each.total)
                yield Row((shown.worker_id, shown.gateway, *known, each.currency, *amounts))
        after = some[-1].worker_id
