"""The reports by day: income statement and balance sheet, as they were known at an instant.

Which day an entry counts for and when it was recorded are two things. What was known at an instant about a day is what
the accounts held when that day ended, plus what was recorded later and counts for that day or one before it, less what
was recorded before and counts for a later day. Of both there is little, and it is listed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, or_, select

from kernel.money import Money
from kernel.refusals import Invalid
from ledger.balances import nets_as_of
from ledger.entries import Phase
from ledger.tables import accounts, dated, entries, postings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_MOVED = (Phase.POSTED.value, Phase.POST_PENDING.value)

RETAINED = "equity:retained_earnings"


class PeriodBackwards(Invalid):
    """The period ends before it begins."""

    code = "period_backwards"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One account, or all those of one kind (`accounts` of them), and what stands under it.

    Income, liabilities and equity are told as what grew them, so that a gain is positive everywhere.
    """

    code: str
    amount: Money
    accounts: int = 1


@dataclass(frozen=True, slots=True)
class IncomeStatement:
    """What was earned and what it cost, in one currency."""

    currency: str
    income: tuple[ReportLine, ...]
    expenses: tuple[ReportLine, ...]

    @property
    def total_income(self) -> Money:
        """All that was earned."""
        return _total(self.income, self.currency)

    @property
    def total_expenses(self) -> Money:
        """All that it cost."""
        return _total(self.expenses, self.currency)

    @property
    def net(self) -> Money:
        """What is left of it; below zero, a loss."""
        return self.total_income - self.total_expenses


@dataclass(frozen=True, slots=True)
class BalanceSheet:
    """What there is, what is owed and what is ours, in one currency; the first is the sum of the others."""

    currency: str
    assets: tuple[ReportLine, ...]
    liabilities: tuple[ReportLine, ...]
    equity: tuple[ReportLine, ...]

    @property
    def total_assets(self) -> Money:
        """All that there is."""
        return _total(self.assets, self.currency)

    @property
    def total_liabilities(self) -> Money:
        """All that is owed."""
        return _total(self.liabilities, self.currency)

    @property
    def total_equity(self) -> Money:
        """All that is ours."""
        return _total(self.equity, self.currency)


def income_statement(session: Session, *, first: date, last: date, at: datetime) -> list[IncomeStatement]:
    """What counts for the days from `first` to `last`, as known at `at`, by currency."""
    if last < first:
        raise PeriodBackwards("The last day comes before the first.", field="to")
    kinds = ("income:", "expenses:")
    nets = _differences(
        _by_code(_known(session, last, at, kinds)), _by_code(_known(session, first - _DAY, at, kinds))
    )
    found = []
    for currency in sorted({currency for _, currency in nets}):
        of_currency = {code: net for (code, currency_), net in nets.items() if currency_ == currency}
        found.append(
            IncomeStatement(
                currency,
                _section(of_currency, "income:", currency, -1),
                _section(of_currency, "expenses:", currency, 1),
            )
        )
    return found


def balance_sheet(session: Session, *, day: date, at: datetime) -> list[BalanceSheet]:
    """What there is at the end of a day, as known at `at`, by currency; accounts of one kind of owner are one line."""
    nets: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for code, currency, shared, net in _known(session, day, at, ("",)):
        if net:
            summed = nets[code if shared else _kind(code), currency]
            summed[0] += net
            summed[1] += 1
    return [
        _sheet(currency, {code: (net, count) for (code, of), (net, count) in nets.items() if of == currency})
        for currency in sorted({currency for _, currency in nets})
    ]


def _sheet(currency: str, nets: Mapping[str, tuple[int, int]]) -> BalanceSheet:
    def lines(kind: str, sign: int) -> tuple[ReportLine, ...]:
        return tuple(
            ReportLine(code, Money(sign * net, currency), count)
            for code, (net, count) in sorted(nets.items())
            if code.startswith(kind) and net
        )

    earned = -sum(net for code, (net, _) in nets.items() if code.startswith(("income:", "expenses:")))
    return BalanceSheet(
        currency,
        assets=lines("assets:", 1),
        liabilities=lines("liabilities:", -1),
        # The books are never closed into a capital account: all that was ever earned, less all that it cost.
        equity=(ReportLine(RETAINED, Money(earned, currency)),) if earned else (),
    )


def _known(
    session: Session, day: date, at: datetime, kinds: tuple[str, ...]
) -> Iterator[tuple[str, str, bool, int]]:
    """Code, currency, whether it is shared, and debits less credits of every account, up to a day."""
    ended = datetime.combine(day + _DAY, time.min, UTC) - _MICROSECOND
    cut = min(ended, at)
    moved = _moved_by_day(session, day, cut, at, kinds)
    for code, currency, shared, net in nets_as_of(session, cut, _of_kinds(kinds)):
        yield code, currency, shared, net + moved.pop((code, currency, shared), 0)
    # Opened after the day it already counts for.
    yield from ((*account, net) for account, net in sorted(moved.items()))


def _moved_by_day(
    session: Session, day: date, cut: datetime, at: datetime, kinds: tuple[str, ...]
) -> dict[tuple[str, str, bool], int]:
    recorded, counts_for = dated.c.recorded_at, dated.c.value_date
    came_later = (recorded > cut) & (recorded <= at) & (counts_for <= day)
    came_too_early = (recorded <= cut) & (counts_for > day)
    signed = case((postings.c.side == "debit", postings.c.amount_minor), else_=-postings.c.amount_minor)
    rows = session.execute(
        select(accounts.c.code, accounts.c.currency, accounts.c.shared, signed, counts_for <= day)
        .select_from(dated)
        .join(entries, entries.c.id == dated.c.entry_id)
        .join(postings, postings.c.entry_id == dated.c.entry_id)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .where(or_(came_later, came_too_early), entries.c.phase.in_(_MOVED), _of_kinds(kinds))
    )
    moved: defaultdict[tuple[str, str, bool], int] = defaultdict(int)
    for code, currency, shared, minor, counts in rows:
        moved[code, currency, shared] += minor if counts else -minor
    return dict(moved)


def _of_kinds(kinds: tuple[str, ...]) -> ColumnElement[bool]:
    return or_(*(accounts.c.code.startswith(kind) for kind in kinds))


def _by_code(found: Iterable[tuple[str, str, bool, int]]) -> dict[tuple[str, str], int]:
    return {(code, currency): net for code, currency, _, net in found}


def _differences(
    later: Mapping[tuple[str, str], int], earlier: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    nets = {account: later.get(account, 0) - earlier.get(account, 0) for account in {*later, *earlier}}
    return {account: net for account, net in nets.items() if net}


def _section(nets: Mapping[str, int], kind: str, currency: str, sign: int) -> tuple[ReportLine, ...]:
    return tuple(
        ReportLine(code, Money(sign * net, currency))
        for code, net in sorted(nets.items())
        if code.startswith(kind)
    )


def _kind(code: str) -> str:
    """What all accounts of this kind of owner have in common: `liabilities:wallet` of `liabilities:wallet:us_…`."""
    return code.rpartition(":")[0]


def _total(lines: tuple[ReportLine, ...], currency: str) -> Money:
    return Money(sum(line.amount.amount_minor for line in lines), currency)
