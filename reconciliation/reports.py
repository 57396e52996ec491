"""The report of a day: what was there, what moved, what is there, and what the two sides do not agree about.

It is made of what was known at an instant, and is the same whenever it is made again as of then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select
from sqlalchemy.exc import IntegrityError

from kernel.refusals import NotFound
from persistence.unit_of_work import Retry
from reconciliation.breaks import KINDS, BreakView, money_or_none, open_at
from reconciliation.sides import ENTRY
from reconciliation.tables import Line, Part, Report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sqlalchemy.orm import Session

    from kernel.money import Money

_DAY = timedelta(days=1)
_PAGE = 500


class ReportNotFound(NotFound):
    """Nothing was reported for this run and currency."""

    code = "report_not_found"


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved on a day by one word of the gateway's, on our balance or on workers'."""

    whose: str
    type: str
    kind: str
    lines: int
    gross: Money | None
    fee: Money | None
    net: Money | None


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report as it was kept: amounts in the smallest unit of its currency."""

    run_id: str
    gateway: str
    currency: str
    day: date
    known_at: datetime
    said: dict[str, Any]

    @property
    def opening(self) -> Money | None:
        """What was at the gateway when the day began."""
        return money_or_none(self.said["opening"], self.currency)

    @property
    def closing(self) -> Money | None:
        """What was there when it ended."""
        return money_or_none(self.said["closing"], self.currency)

    @property
    def books(self) -> Money | None:
        """What the books say was there when it ended."""
        return money_or_none(self.said["books"], self.currency)

    @property
    def difference(self) -> Money | None:
        """What the gateway had more than the books."""
        return money_or_none(self.said["difference"], self.currency)

    @property
    def movements(self) -> list[Moved]:
        """What moved, by the gateway's words."""
        return [
            Moved(
                **{
                    **line,
                    **{name: money_or_none(line[name], self.currency) for name in ("gross", "fee", "net")},
                }
            )
            for line in self.said["movements"]
        ]

    @property
    def open_breaks(self) -> list[dict[str, Any]]:
        """How many breaks of each kind were open."""
        return [
            {**of_kind, "difference": money_or_none(of_kind["difference"], self.currency)}
            for of_kind in self.said["breaks"]
        ]


def said_of(session: Session, *, gateway: str, currency: str, day: date, at: datetime) -> dict[str, Any]:
    """What there is to say of a day, as known at an instant."""
    begins = datetime.combine(day, time.min, UTC)
    ends = begins + _DAY
    of = [Line.gateway == gateway, Line.currency == currency, Line.seen_at <= at]
    opening = session.scalar(select(func.sum(Line.net_minor)).where(*of, Line.created_at < begins)) or 0
    movements = _movements(session, [*of, Line.created_at >= begins, Line.created_at < ends])
    closing = int(opening) + sum(line["net"] for line in movements)
    books = session.scalar(
        select(func.sum(Part.minor)).where(
            Part.gateway == gateway,
            Part.currency == currency,
            Part.side == ENTRY,
            Part.at < min(ends, at + timedelta(microseconds=1)),
        )
    )
    return {
        "opening": int(opening),
        "movements": movements,
        "closing": closing,
        "books": int(books or 0),
        "difference": closing - int(books or 0),
        **_breaks(open_breaks(session, gateway=gateway, currency=currency, at=at)),
    }


def open_breaks(session: Session, *, gateway: str, currency: str, at: datetime) -> Iterator[BreakView]:
    """What was open at an instant, a few at a time."""
    after: str | None = None
    while True:
        page = open_at(session, gateway=gateway, currency=currency, at=at, after=after, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def keep(session: Session, *, run_id: str, gateway: str, currency: str, day: date, at: datetime) -> None:
    """Make the report of a run and keep it; a second time changes nothing."""
    if session.get(Report, (run_id, currency)) is not None:
        return
    said = said_of(session, gateway=gateway, currency=currency, day=day, at=at)
    session.add(Report(run_id=run_id, currency=currency, gateway=gateway, day=day, known_at=at, said=said))
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error


def reports_of(session: Session, *, run_id: str) -> list[ReportView]:
    """What a run reported, by currency."""
    rows = session.scalars(select(Report).where(Report.run_id == run_id).order_by(Report.currency))
    return [_view(row) for row in rows]


def report_of(session: Session, *, run_id: str, currency: str) -> ReportView:
    """What a run reported of one currency."""
    # What is not ASCII is no currency, and the column would not take it.
    row = session.get(Report, (run_id, currency)) if currency.isascii() else None
    if row is None:
        raise ReportNotFound("Nothing is reported for this run in this currency.", field="currency")
    return _view(row)


def made_again(session: Session, *, report: ReportView) -> dict[str, Any]:
    """The same report, made of everything as it was known then."""
    return said_of(
        session, gateway=report.gateway, currency=report.currency, day=report.day, at=report.known_at
    )


def _movements(session: Session, these: list[Any]) -> list[dict[str, Any]]:
    whose = case((Line.worker == "", "ours"), else_="workers")
    rows = session.execute(
        select(
            whose.label("whose"),
            Line.type,
            Line.kind,
            func.count(),
            func.sum(Line.gross_minor),
            func.sum(Line.fee_minor),
            func.sum(Line.net_minor),
        )
        .where(*these)
        .group_by("whose", Line.type, Line.kind)
        .order_by("whose", Line.type, Line.kind)
    )
    names = ("whose", "type", "kind", "lines", "gross", "fee", "net")
    # MariaDB sums up to a decimal.
    return [dict(zip(names, (*row[:3], *(int(number) for number in row[3:])), strict=True)) for row in rows]


def _breaks(found: Iterator[BreakView]) -> dict[str, Any]:
    # All of them may be many; their digest says whether they are the same.
    digest = sha256()
    counted = {kind: {"breaks": 0, "difference": 0, "oldest_hours": 0} for kind in KINDS}
    for each in found:
        of_kind = counted[each.kind]
        of_kind["breaks"] += 1
        of_kind["difference"] += each.difference_minor
        of_kind["oldest_hours"] = max(of_kind["oldest_hours"], each.age_hours)
        line = (each.id, each.item, each.kind, each.gateway_minor, each.books_minor, each.owner)
        digest.update(repr(line).encode())
    present = [{"kind": kind, **numbers} for kind, numbers in counted.items() if numbers["breaks"]]
    return {"breaks": present, "breaks_digest": digest.hexdigest()}


def _view(row: Report) -> ReportView:
    return ReportView(row.run_id, row.gateway, row.currency, row.day, row.known_at, row.said)
