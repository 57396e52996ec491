"""Do contracts and milestones agree with the ledger? Read by the same command and tests that verify the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from escrow.states import HOLDING
from escrow.tables import Milestone
from ledger import chart
from ledger.balances import balance
from ledger.integrity import Breach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

_PAGE = 500


def verify(session: Session) -> list[Breach]:
    """Every milestone whose hold in the ledger is not price less released less refunded; zero in every other state."""
    return [
        Breach("escrow_hold", row.id, f"is {row.state} and should hold {expected}, the ledger holds {held}")
        for row, expected, held in _differences(session)
    ]


def _differences(session: Session) -> Iterator[tuple[Milestone, int, int]]:
    for row in _milestones(session):
        expected = row.price_minor - row.released_minor - row.refunded_minor if row.state in HOLDING else 0
        held = balance(session, chart.escrow(row.id, row.currency)).posted.amount_minor
        if held != expected:
            yield row, expected, held


def _milestones(session: Session) -> Iterator[Milestone]:
    last: str | None = None
    while True:
        query = select(Milestone).order_by(Milestone.id).limit(_PAGE)
        page = list(session.scalars(query if last is None else query.where(Milestone.id > last)))
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].id
        session.expunge_all()
