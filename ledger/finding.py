"""Finding entries in books of any size: a page is read from a stretch of an index and never from everything.

What is asked for narrows the stretch down where there is an index for it (an instant, a day, a reference, a person's
account), and is looked at entry by entry otherwise: so many for a page and no more, so that a page may be short, or
empty, and still say where to go on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, or_, select, true

from kernel.ids import IdUnknown, decode
from kernel.pages import CursorMalformed, Page
from kernel.time import rfc3339
from ledger import journal
from ledger.tables import BY_ENTRY, accounts, dated, entries, postings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from kernel.money import Money
    from ledger.chart import Account
    from ledger.journal import PostedEntry

_STRETCH = 1_000
_STRETCHES = 5
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\|(en_[0-9a-z]{26})", re.ASCII)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EntriesAsked:
    """Which entries are looked for; what is None is not asked about. An amount is that of any line."""

    movement: str | None = None
    account: Account | None = None
    reference: str | None = None
    actor: str | None = None
    least: Money | None = None
    most: Money | None = None
    recorded_from: datetime | None = None
    recorded_until: datetime | None = None
    value_from: date | None = None
    value_to: date | None = None


class _Place(NamedTuple):
    recorded_at: datetime
    entry_id: str


class _Stretch(NamedTuple):
    places: list[_Place]
    more: bool


class _Source(NamedTuple):
    recorded_at: ColumnElement[datetime]
    entry_id: ColumnElement[str]


def entries_found(
    session: Session, asked: EntriesAsked, *, after: str | None = None, limit: int = 50
) -> Page[PostedEntry]:
    """The entries that fit, newest first; `after` is the `next_after` of the page before."""
    place = None if after is None else _place(after)
    found: list[PostedEntry] = []
    for _ in range(_STRETCHES):
        stretch = _stretch(session, asked, place)
        found += _fitting(session, asked, stretch.places)
        if len(found) > limit:
            return Page(tuple(found[:limit]), _cursor(found[limit - 1].recorded_at, found[limit - 1].id))
        if not stretch.more:
            return Page(tuple(found), None)
        place = stretch.places[-1]
    assert place is not None, "a whole stretch has an end"
    return Page(tuple(found), _cursor(*place))


def _stretch(session: Session, asked: EntriesAsked, place: _Place | None) -> _Stretch:
    """The next entries, newest first, of which some may fit."""
    by_time = _Source(entries.c.recorded_at, entries.c.id)
    if asked.reference is not None:
        return _read(session, by_time, _bounds(asked, place), entries.c.reference == asked.reference)
    if asked.account is not None and not asked.account.shared:
        return _of_account(session, asked, place, asked.account)
    if asked.value_from is None and asked.value_to is None:
        return _read(session, by_time, _bounds(asked, place))
    # Most entries count for the day on which they were recorded, and the others are listed.
    usual = _read(session, by_time, _bounds(asked, place), _on_days(asked))
    listed = _Source(dated.c.recorded_at, dated.c.entry_id)
    others = _read(session, listed, _bounds(asked, place, dated), _counts_for(asked, dated))
    both = sorted({*usual.places, *others.places}, reverse=True)
    return _Stretch(both[:_STRETCH], usual.more or others.more or len(both) > _STRETCH)


def _of_account(session: Session, asked: EntriesAsked, place: _Place | None, account: Account) -> _Stretch:
    lines = select(postings.c.recorded_at, postings.c.entry_id).where(
        postings.c.account_id == account.row_id, postings.c.lane == 0, _bounds(asked, place, postings)
    )
    # In the order of the index, which is not that of the entries where several are of one instant.
    in_order = lines.order_by(postings.c.recorded_at.desc(), postings.c.sequence.desc()).limit(_STRETCH)
    rows = [_Place(*row) for row in session.execute(in_order)]
    more = len(rows) == _STRETCH
    if more:
        same_instant = lines.where(postings.c.recorded_at == rows[-1].recorded_at)
        rows += [_Place(*row) for row in session.execute(same_instant)]
    return _Stretch(sorted(set(rows), reverse=True), more)


def _read(session: Session, source: _Source, *conditions: ColumnElement[bool]) -> _Stretch:
    rows = session.execute(
        select(*source)
        .where(*conditions)
        .order_by(source.recorded_at.desc(), source.entry_id.desc())
        .limit(_STRETCH)
    )
    places = [_Place(*row) for row in rows]
    return _Stretch(places, len(places) == _STRETCH)


def _bounds(asked: EntriesAsked, place: _Place | None, table: Any = entries) -> ColumnElement[bool]:  # noqa: ANN401 - any of the three tables
    recorded_at = table.c.recorded_at
    entry_id = table.c.id if table is entries else table.c.entry_id
    conditions: list[ColumnElement[bool]] = []
    if asked.recorded_from is not None:
        conditions.append(recorded_at >= asked.recorded_from)
    if asked.recorded_until is not None:
        conditions.append(recorded_at <= asked.recorded_until)
    if place is not None:
        # The first half alone is what an index can be entered at.
        conditions.append(recorded_at <= place.recorded_at)
        conditions.append(or_(recorded_at < place.recorded_at, entry_id < place.entry_id))
    return and_(true(), *conditions)


def _on_days(asked: EntriesAsked) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if asked.value_from is not None:
        conditions.append(entries.c.recorded_at >= _midnight(asked.value_from))
    if asked.value_to is not None:
        conditions.append(entries.c.recorded_at < _midnight(asked.value_to) + _DAY)
    return and_(true(), *conditions)


def _counts_for(asked: EntriesAsked, table: Any) -> ColumnElement[bool]:  # noqa: ANN401 - either of two tables
    conditions: list[ColumnElement[bool]] = []
    if asked.value_from is not None:
        conditions.append(table.c.value_date >= asked.value_from)
    if asked.value_to is not None:
        conditions.append(table.c.value_date <= asked.value_to)
    return and_(true(), *conditions)


def _fitting(session: Session, asked: EntriesAsked, stretch: Sequence[_Place]) -> list[PostedEntry]:
    if not stretch:
        return []
    ids = [place.entry_id for place in stretch]
    conditions = [entries.c.id.in_(ids), _counts_for(asked, entries), *_about(asked, ids)]
    order = entries.c.recorded_at.desc(), entries.c.id.desc()
    return journal.entries_of(session.connection(), journal.HEADS.where(*conditions).order_by(*order))


def _about(asked: EntriesAsked, ids: Sequence[str]) -> Iterable[ColumnElement[bool]]:
    for column, value in ((entries.c.movement, asked.movement), (entries.c.actor, asked.actor)):
        if value is not None:
            yield column == value
    lines: list[ColumnElement[bool]] = []
    if asked.account is not None:
        lines.append(postings.c.account_id == asked.account.row_id)
    lines += _amounts(asked)
    if lines:
        # Of these entries and no others, whichever of the two MariaDB begins with.
        fitting = select(postings.c.entry_id).where(postings.c.entry_id.in_(ids), *lines)
        yield entries.c.id.in_(fitting.with_hint(postings, BY_ENTRY, "mysql"))


def _amounts(asked: EntriesAsked) -> Iterable[ColumnElement[bool]]:
    if asked.least is not None:
        yield postings.c.amount_minor >= asked.least.amount_minor
    if asked.most is not None:
        yield postings.c.amount_minor <= asked.most.amount_minor
    money = asked.least or asked.most
    if money is not None:
        of_currency = select(accounts.c.id).where(accounts.c.id == postings.c.account_id)
        yield of_currency.where(accounts.c.currency == money.currency).exists()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _cursor(recorded_at: datetime, entry_id: str) -> str:
    return f"{rfc3339(recorded_at)}|{entry_id}"


def _place(cursor: str) -> _Place:
    written = _CURSOR.fullmatch(cursor)
    try:
        if written is not None:
            decode("en", written[2])
            return _Place(datetime.fromisoformat(written[1]), written[2])
    except (ValueError, IdUnknown):
        pass
    raise CursorMalformed("This is not the cursor of a page of this list.", field="cursor")
