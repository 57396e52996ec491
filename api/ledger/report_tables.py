"""The reports of the books as tables, read as they are written."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from api.ledger.tables import Column, Row, Style, Table, said
from kernel.money import Money
from ledger.balances import trial_lines
from ledger.chart import Side
from ledger.finding import entries_found
from ledger.reports import balance_sheet, income_statement
from ledger.statements import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from ledger.chart import Account
    from ledger.finding import EntriesAsked
    from ledger.journal import PostedEntry
    from ledger.reports import ReportLine
    from ledger.statements import StatementLine

_PAGE = 500


def trial_table(session: Session, *, at: datetime) -> Table:
    """The trial balance at an instant."""
    columns = (
        Column("Account", 52),
        Column("Currency", 9),
        Column("Debit", 20, right=True),
        Column("Credit", 20, right=True),
    )
    return Table("Trial balance", (said(at),), columns, _trial_rows(session, at))


def income_table(session: Session, *, first: date, last: date, at: datetime) -> Table:
    """What counts for some days, as known at an instant."""
    about = (f"For the days from {first} to {last}", said(at))
    rows = _income_rows(session, first, last, at)
    return Table("Income statement", about, (Column("", 60), Column("Amount", 25, right=True)), rows)


def sheet_table(session: Session, *, day: date, at: datetime) -> Table:
    """What there is at the end of a day, as known at an instant."""
    about = (f"At the end of {day}", said(at))
    columns = (Column("", 50), Column("Accounts", 12, right=True), Column("Amount", 25, right=True))
    return Table("Balance sheet", about, columns, _sheet_rows(session, day, at))


def statement_table(session: Session, account: Account, *, at: datetime) -> Table:
    """All lines of an account until an instant, newest first."""
    columns = (
        Column("Recorded (UTC)", 19),
        Column("Counts for", 11),
        Column("Movement", 20),
        Column("Phase", 11),
        Column("Reference", 27),
        Column("Change", 15, right=True),
        Column("Balance", 15, right=True),
        Column("Held", 13, right=True),
        Column("Remark", 17),
        Column("Reason", 24),
    )
    about = (f"{account.code}, {account.currency}", said(at))
    return Table("Statement", about, columns, _statement_rows(session, account, at))


def entries_table(session: Session, asked: EntriesAsked, *, at: datetime) -> Table:
    """The entries that fit, newest first, line by line."""
    columns = (
        Column("Entry", 27),
        Column("Recorded (UTC)", 18),
        Column("Counts for", 10),
        Column("Movement", 19),
        Column("Phase", 11),
        Column("Reference", 27),
        Column("Actor", 27),
        Column("Reason", 16),
        Column("Account", 40),
        Column("Currency", 8),
        Column("Debit", 17, right=True),
        Column("Credit", 17, right=True),
        Column("Remark", 18),
    )
    return Table("Entries", (said(at),), columns, _entry_rows(session, asked))


def remark(of: PostedEntry | StatementLine) -> str:
    """What a reader has to know about the day that an entry counts for."""
    if of.belongs_to is not None:
        return f"late, for {of.belongs_to}"
    return "backdated" if of.backdated else ""


def _trial_rows(session: Session, at: datetime) -> Iterator[Row]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in trial_lines(session, at):
        sums[line.currency][0] += line.debit.amount_minor
        sums[line.currency][1] += line.credit.amount_minor
        yield Row((line.code, line.currency, line.debit or None, line.credit or None))
    for currency, (debit, credit) in sorted(sums.items()):
        yield Row(("Total", currency, Money(debit, currency), Money(credit, currency)), Style.TOTAL)


def _income_rows(session: Session, first: date, last: date, at: datetime) -> Iterator[Row]:
    for found in income_statement(session, first=first, last=last, at=at):
        of = found.currency
        yield from _section(f"Income, {of}", found.income)
        yield Row((f"Total income, {of}", found.total_income), Style.SUBTOTAL)
        yield from _section(f"Expenses, {of}", found.expenses)
        yield Row((f"Total expenses, {of}", found.total_expenses), Style.SUBTOTAL)
        yield Row((f"{'Loss' if found.net.amount_minor < 0 else 'Profit'}, {of}", found.net), Style.TOTAL)


def _section(title: str, lines: Iterable[ReportLine]) -> Iterator[Row]:
    yield Row((title, None), Style.HEADING)
    for line in lines:
        yield Row((line.code, line.amount))


def _sheet_rows(session: Session, day: date, at: datetime) -> Iterator[Row]:
    for found in balance_sheet(session, day=day, at=at):
        of = found.currency
        yield from _counted(f"Assets, {of}", found.assets)
        yield Row((f"Total assets, {of}", None, found.total_assets), Style.TOTAL)
        yield from _counted(f"Liabilities, {of}", found.liabilities)
        yield Row((f"Total liabilities, {of}", None, found.total_liabilities), Style.SUBTOTAL)
        yield from _counted(f"Equity, {of}", found.equity)
        both = found.total_liabilities + found.total_equity
        yield Row((f"Total liabilities and equity, {of}", None, both), Style.TOTAL)


def _counted(title: str, lines: Iterable[ReportLine]) -> Iterator[Row]:
    yield Row((title, None, None), Style.HEADING)
    for line in lines:
        yield Row((line.code, line.accounts if line.accounts > 1 else None, line.amount))


def _statement_rows(session: Session, account: Account, at: datetime) -> Iterator[Row]:
    after: str | None = None
    while True:
        page = statement(session, account, after=after, limit=_PAGE, at=at)
        for line in page.items:
            yield Row(
                (
                    line.recorded_at,
                    line.value_date,
                    line.movement,
                    line.phase.value,
                    line.reference,
                    line.change or None,
                    line.after.posted,
                    line.after.held or None,
                    remark(line),
                    line.reason,
                )
            )
        after = page.next_after
        if after is None:
            return


def _entry_rows(session: Session, asked: EntriesAsked) -> Iterator[Row]:
    after: str | None = None
    while True:
        page = entries_found(session, asked, after=after, limit=_PAGE)
        for entry in page.items:
            yield from _lines_of(entry)
        after = page.next_after
        if after is None:
            return


def _lines_of(entry: PostedEntry) -> Iterator[Row]:
    head = (
        entry.id,
        entry.recorded_at,
        entry.value_date,
        entry.movement,
        entry.phase.value,
        entry.reference,
        entry.actor,
        entry.reason,
    )
    for line in entry.postings:
        debit = line.amount if line.side is Side.DEBIT else None
        credit = line.amount if line.side is Side.CREDIT else None
        yield Row((*head, line.account.code, line.account.currency, debit, credit, remark(entry)))
