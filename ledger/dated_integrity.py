"""Whether every entry that counts for another day than that of its recording is listed as such, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Date, func, or_, select

from ledger.breaches import Breach
from ledger.tables import dated, entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


def dated_breaches(connection: Connection) -> Iterator[Breach]:
    """What the list of entries with a day of their own says, and the entries do not, or the other way round."""
    recorded_on = func.date(entries.c.recorded_at, type_=Date)
    is_listed = dated.c.entry_id.is_not(None)
    differs = or_(dated.c.value_date != entries.c.value_date, dated.c.recorded_at != entries.c.recorded_at)
    needed = entries.c.value_date != recorded_on
    wrong = select(entries.c.id).outerjoin(dated, dated.c.entry_id == entries.c.id)
    wrong = wrong.where(or_(is_listed & differs, ~is_listed & needed))
    for entry_id in connection.scalars(wrong):
        yield Breach("day_of_its_own_is_listed", entry_id, "the list of such entries says something else")
    alone = select(dated.c.entry_id).outerjoin(entries, entries.c.id == dated.c.entry_id)
    for entry_id in connection.scalars(alone.where(entries.c.id.is_(None))):
        yield Breach("day_of_its_own_is_listed", entry_id, "the entry is not there")
