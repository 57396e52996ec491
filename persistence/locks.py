"""Row locks, always taken in id order so that two transactions cannot wait for each other in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

Row = TypeVar("Row")


def locked(session: Session, table: type[Row], row_id: str) -> Row | None:
    """The row as it is now, locked until the transaction ends; None when there is none."""
    return next(iter(locked_rows(session, table, [row_id])), None)


def locked_rows(session: Session, table: type[Row], row_ids: Iterable[str]) -> list[Row]:
    """The rows with these ids, locked in id order; ids without a row are left out."""
    key = table.__table__.primary_key.columns.values()[0]  # type: ignore[attr-defined]
    statement = (
        select(table)
        .where(key.in_(sorted(set(row_ids))))
        .order_by(key)
        .with_for_update()
        # A row read before the lock may be stale by now.
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(statement))
