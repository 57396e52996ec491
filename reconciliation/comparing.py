"""Comparing the sides: what comes out even is closed, and what does not is a break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select, true, update

from gateways.lines import LineKind
from kernel.ids import new_id
from persistence.locks import locked_rows
from reconciliation.breaks import close_break, open_break
from reconciliation.items import ALLOWED_THERE
from reconciliation.sides import BATCH, LINE
from reconciliation.tables import Break, Part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

_OF_LINES = func.sum(case((Part.side == LINE, Part.minor), else_=0))
_OF_ENTRIES = func.sum(case((Part.side == LINE, 0), else_=Part.minor))


def compare(
    session: Session,
    *,
    gateway: str,
    after: str | None,
    at: datetime,
    allowed: Mapping[LineKind, timedelta],
    batch: int = BATCH,
) -> str | None:
    """Compare the next items that are open; returns the last of them, None when there are no more.

    Breaks open and close at `at`, the instant until which both sides are known; what is missing here is a matter of
    time for as long as is `allowed` for its kind.
    """
    open_ = [Part.gateway == gateway, Part.open == true(), Part.item > (after or "")]
    items = session.scalars(select(Part.item).where(*open_).distinct().order_by(Part.item).limit(batch)).all()
    if not items:
        return None
    these = [Part.gateway == gateway, Part.open == true(), Part.item >= items[0], Part.item <= items[-1]]
    uneven = {(row.item, row.currency): row for row in _uneven(session, gateway, these)}
    _settle(session, gateway, (items[0], items[-1]), uneven, at=at, allowed=allowed)
    even = [*these, Part.item.not_in({item for item, _ in uneven})] if uneven else these
    session.execute(update(Part).where(*even).values(open=False).execution_options(synchronize_session=False))
    return items[-1]


def _uneven(session: Session, gateway: str, these: list[ColumnElement[bool]]) -> list[Row[Any]]:
    keys = select(Part.item, Part.currency).where(*these).distinct().subquery()
    # All sides of an item that is open, those too that had come out even before another came.
    found = session.execute(
        select(
            Part.item,
            Part.currency,
            func.max(Part.worker).label("worker"),
            _OF_LINES.label("gateway_minor"),
            _OF_ENTRIES.label("books_minor"),
            func.sum(case((Part.side == LINE, 1), else_=0)).label("lines"),
            func.count().label("sides"),
            func.max(case((Part.side == LINE, Part.kind))).label("line_kind"),
            # The newest: what was even before is no older break.
            func.max(Part.at).label("since"),
        )
        .join(keys, (keys.c.item == Part.item) & (keys.c.currency == Part.currency))
        .where(Part.gateway == gateway)
        .group_by(Part.item, Part.currency)
        .having(_OF_LINES != _OF_ENTRIES)
    )
    return list(found)


def _settle(
    session: Session,
    gateway: str,
    between: tuple[str, str],
    uneven: dict[tuple[str, str], Row[Any]],
    *,
    at: datetime,
    allowed: Mapping[LineKind, timedelta],
) -> None:
    found = session.scalars(
        select(Break.id).where(
            Break.gateway == gateway, Break.item.between(*between), Break.live_for.is_not(None)
        )
    ).all()
    # Whoever resolves or takes over one of them at this moment comes first, or finds what is left of it.
    live = [row for row in locked_rows(session, Break, found) if row.live_for is not None]
    known = {(row.item, row.currency): row for row in live}
    explained = _explained_since(session, gateway, between, at)
    for key, row in known.items():
        now = uneven.get(key)
        # What is in suspense stays a break until somebody explains it, however even the sides are.
        if row.kind != "unknown_type" and (now is None or not _same(row, now)):
            close_break(session, row, at=at, state="closed")
    for key, now in uneven.items():
        before = known.get(key)
        if key not in explained and (before is None or before.live_for is None):
            owner = before.owner if before else None
            open_break(
                session, _described(gateway, now, at, allowed) | {"owner": owner}, break_id=new_id("bk")
            )


def _explained_since(
    session: Session, gateway: str, between: tuple[str, str], at: datetime
) -> set[tuple[str, str]]:
    # Somebody has resolved these meanwhile, and the entry that did is not among those of this run.
    rows = session.execute(
        select(Break.item, Break.currency).where(
            Break.gateway == gateway,
            Break.item.between(*between),
            Break.state == "resolved",
            Break.closed_at > at,
        )
    )
    return {(item, currency) for item, currency in rows}


def _same(row: Break, now: Row[Any]) -> bool:
    return (row.gateway_minor, row.books_minor) == (int(now.gateway_minor), int(now.books_minor))


def _described(
    gateway: str, now: Row[Any], at: datetime, allowed: Mapping[LineKind, timedelta]
) -> dict[str, Any]:
    kind = _kind(now)
    return {
        "gateway": gateway,
        "item": now.item,
        "worker": now.worker,
        "currency": now.currency,
        "kind": kind,
        "line_kind": now.line_kind,
        "gateway_minor": int(now.gateway_minor),
        "books_minor": int(now.books_minor),
        "since": now.since,
        "allowed_until": _allowed_until(kind, now, allowed),
        "opened_at": at,
    }


def _kind(now: Row[Any]) -> str:
    if now.line_kind == LineKind.UNKNOWN:
        return "unknown_type"
    # A payout and its return are two on each side: the one that is missing is no difference of amounts.
    lines, entries = int(now.lines), int(now.sides) - int(now.lines)
    if lines == entries:
        return "amount_differs"
    return "missing_here" if lines > entries else "missing_there"


def _allowed_until(kind: str, now: Row[Any], allowed: Mapping[LineKind, timedelta]) -> datetime:
    since: datetime = now.since
    if kind == "missing_there":
        return since + ALLOWED_THERE
    return since + allowed[LineKind(now.line_kind)] if kind == "missing_here" else since
