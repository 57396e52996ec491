"""Do the sides of items agree with the lines and the ledger? Read by whatever verifies the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, func, select, true

from ledger.breaches import Breach
from reconciliation import solvency
from reconciliation.sides import LINE
from reconciliation.tables import Line, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from ledger.seals import TrustedKeys


def verify(session: Session, *, trusted: TrustedKeys) -> list[Breach]:
    """Everything that does not fit; an empty list means that nothing does not."""
    return [*_spread(session), *_closed(session), *solvency.breaches(session, trusted=trusted)]


def _spread(session: Session) -> Iterator[Breach]:
    """The lines that stand among the sides stand there with all that they are over."""
    lines = select(Line.gateway, Line.currency, func.sum(Line.net_minor)).where(Line.spread == true())
    sides = select(Part.gateway, Part.currency, func.sum(Part.minor)).where(Part.side == LINE)
    by_lines = _sums(session, lines.group_by(Line.gateway, Line.currency))
    by_sides = _sums(session, sides.group_by(Part.gateway, Part.currency))
    for key in sorted({*by_lines, *by_sides}):
        if by_lines.get(key, 0) != by_sides.get(key, 0):
            detail = f"{by_lines.get(key, 0)} by its lines, {by_sides.get(key, 0)} by the sides of items"
            yield Breach("lines_are_items", " ".join(key), detail)


def _closed(session: Session) -> Iterator[Breach]:
    """An item of which nothing is open has come out even."""
    signed = case((Part.side == LINE, Part.minor), else_=-Part.minor)
    rows = session.execute(
        select(Part.gateway, Part.item, func.sum(signed))
        .group_by(Part.gateway, Part.item, Part.currency)
        .having((func.max(Part.open) == 0) & (func.sum(signed) != 0))
    )
    for gateway, item, difference in rows:
        yield Breach("closed_items_are_even", f"{gateway} {item}", f"the sides differ by {difference}")


def _sums(session: Session, query: object) -> dict[tuple[str, str], int]:
    return {(gateway, currency): int(minor) for gateway, currency, minor in session.execute(query)}  # type: ignore[call-overload]
