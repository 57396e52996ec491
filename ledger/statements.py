"""What happened in an account, line by line, and the entries behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, or_, select

from kernel.money import Money
from kernel.pages import CursorMalformed, Page
from kernel.time import rfc3339
from ledger import journal
from ledger.balances import Balance
from ledger.chart import Account, Side
from ledger.entries import Phase
from ledger.tables import accounts, balances, dated, entries, postings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

    from ledger.journal import PostedEntry


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line: what it moved (`change`, signed; nothing for a hold) and what the account held `after` it.

    `cursor` is its place in the statement: the lines older than it come after it.
    """

    entry_id: str
    movement: str
    phase: Phase
    reference: str
    actor: str
    reason: str | None
    value_date: date
    belongs_to: date | None
    recorded_at: datetime
    side: Side
    amount: Money
    change: Money
    after: Balance
    cursor: str

    @property
    def backdated(self) -> bool:
        """Whether it counts for a day before the one on which it was recorded."""
        return self.value_date < self.recorded_at.date()


# As `rfc3339` writes an instant, and with numbers that a database can compare.
_CURSOR = re.compile(
    r"(?P<recorded_at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\|(?P<lane>\d{1,9})\|(?P<sequence>\d{1,18})",
    re.ASCII,
)


class _Place(NamedTuple):
    recorded_at: datetime
    lane: int
    sequence: int


class _Part(NamedTuple):
    """How much of an account is asked for: at most so many lines from a place on, of those there were at an instant."""

    place: _Place | None
    most: int
    at: datetime | None


def statement(
    session: Session,
    account: Account,
    *,
    after: str | None = None,
    limit: int = 50,
    at: datetime | None = None,
) -> Page[StatementLine]:
    """The lines of an account, newest first; `after` is the `next_after` of the page before.

    With `at`, as it stood at that instant (`runtime.past.settled`), whatever came later.
    """
    place = None if after is None else _place(after)
    lanes = session.scalars(select(balances.c.lane).where(balances.c.account_id == account.row_id))
    by_lane = [_newest(session, account, lane, _Part(place, limit + 1, at)) for lane in lanes]
    merged = sorted(
        (row for rows in by_lane for row in rows),
        key=attrgetter("recorded_at", "lane", "sequence"),
        reverse=True,
    )
    shown, more = merged[:limit], merged[limit:]
    # Every line knows its own lane's balance; the account's is the sum over the lanes.
    posted = sum(rows[0].balance_minor for rows in by_lane if rows)
    held = sum(rows[0].held_minor for rows in by_lane if rows)
    lines = []
    for row in shown:
        line = _line(account, row, posted, held)
        lines.append(line)
        posted -= line.change.amount_minor
        held -= _held_by(account, row)
    return Page(tuple(lines), lines[-1].cursor if more else None)


def accounts_named(session: Session, code: str) -> list[Account]:
    """The accounts with this code that were ever touched, one for each currency."""
    if not code.isascii():
        # MariaDB will not compare it with a column of ASCII.
        return []
    rows = session.execute(select(accounts).where(accounts.c.code == code).order_by(accounts.c.currency))
    return [journal.account_of(row) for row in rows]


def was_ever_touched(session: Session, account: Account) -> bool:
    """Whether anything was ever posted to it."""
    return session.scalar(select(accounts.c.id).where(accounts.c.id == account.row_id)) is not None


def find_entry(session: Session, entry_id: str) -> PostedEntry | None:
    """The entry with this id."""
    return journal.entry_by_id(session.connection(), entry_id)


def entries_about(session: Session, references: Iterable[str]) -> list[PostedEntry]:
    """The entries that name one of these references, in the order in which they were recorded."""
    return journal.entries_where(session.connection(), entries.c.reference.in_(sorted(set(references))))


_ROW = (
    select(
        postings,
        entries.c.movement,
        entries.c.phase,
        entries.c.reference,
        entries.c.actor,
        entries.c.reason,
        entries.c.value_date,
        dated.c.belongs_to,
    )
    .join(entries, entries.c.id == postings.c.entry_id)
    .outerjoin(dated, dated.c.entry_id == postings.c.entry_id)
)


def _newest(session: Session, account: Account, lane: int, part: _Part) -> Sequence[Row[Any]]:
    query = _ROW.where(postings.c.account_id == account.row_id, postings.c.lane == lane)
    if part.place is not None:
        query = query.where(_before(part.place, lane))
    if part.at is not None:
        query = query.where(postings.c.recorded_at <= part.at)
    order = postings.c.recorded_at.desc(), postings.c.sequence.desc()
    return session.execute(query.order_by(*order).limit(part.most)).all()


def _before(place: _Place, lane: int) -> ColumnElement[bool]:
    earlier = postings.c.recorded_at < place.recorded_at
    if lane > place.lane:
        return earlier
    same_instant = postings.c.recorded_at == place.recorded_at
    if lane < place.lane:
        return or_(earlier, same_instant)
    return or_(earlier, and_(same_instant, postings.c.sequence < place.sequence))


def _line(account: Account, row: Row[Any], posted: int, held: int) -> StatementLine:
    currency, phase = account.currency, Phase(row.phase)
    sign = 1 if row.side == account.normal.value else -1
    return StatementLine(
        entry_id=row.entry_id,
        movement=row.movement,
        phase=phase,
        reference=row.reference,
        actor=row.actor,
        reason=row.reason,
        value_date=row.value_date,
        belongs_to=row.belongs_to,
        recorded_at=row.recorded_at,
        side=Side(row.side),
        amount=Money(row.amount_minor, currency),
        change=Money(sign * phase.posted * row.amount_minor, currency),
        after=Balance(Money(posted, currency), Money(held, currency)),
        cursor=f"{rfc3339(row.recorded_at)}|{row.lane}|{row.sequence}",
    )


def _held_by(account: Account, row: Row[Any]) -> int:
    takes_out = row.side != account.normal.value
    return Phase(row.phase).pending * int(row.amount_minor) if takes_out else 0


def _place(cursor: str) -> _Place:
    written = _CURSOR.fullmatch(cursor)
    try:
        recorded_at = datetime.fromisoformat(written["recorded_at"]) if written else None
    except ValueError:
        recorded_at = None
    if written is None or recorded_at is None:
        raise CursorMalformed("This is not the cursor of a page of this list.", field="cursor")
    return _Place(recorded_at, int(written["lane"]), int(written["sequence"]))
