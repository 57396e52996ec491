"""The report of a day as a table: what moved, and under it every break that was open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.ledger.tables import Column, Row, Style, Table, said
from reconciliation.reports import open_breaks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from reconciliation.reports import ReportView


def day_table(session: Session, report: ReportView) -> Table:
    """The report with its breaks, as known when it was made."""
    columns = (
        Column("", 40),
        Column("Kind", 16),
        Column("Owner", 30),
        Column("Lines, or hours", 14, right=True),
        Column("Gross, or gateway", 20, right=True),
        Column("Fee, or books", 20, right=True),
        Column("Net, or difference", 20, right=True),
    )
    about = (f"{report.gateway}, {report.currency}", f"The day {report.day}", said(report.known_at))
    return Table("Reconciliation", about, columns, _rows(session, report))


def _rows(session: Session, report: ReportView) -> Iterator[Row]:
    yield Row(("Opening", None, None, None, None, None, report.opening), Style.SUBTOTAL)
    for line in report.movements:
        yield Row(
            (line.type, line.kind, line.whose, line.lines, line.gross, line.fee, line.net),
        )
    yield Row(("Closing", None, None, None, None, None, report.closing), Style.TOTAL)
    yield Row(("By the books", None, None, None, None, None, report.books))
    yield Row(("Difference", None, None, None, None, None, report.difference), Style.SUBTOTAL)
    yield Row(("Open breaks", *[None] * 6), Style.HEADING)
    found = open_breaks(session, gateway=report.gateway, currency=report.currency, at=report.known_at)
    for each in found:
        amounts = (each.at_gateway, each.books, each.difference)
        yield Row((each.item, each.kind, each.owner, each.age_hours, *amounts))
