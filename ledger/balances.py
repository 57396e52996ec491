"""What is in an account, now and at any past instant, and whether the books balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from kernel.money import Money
from ledger.chart import Side
from ledger.tables import BY_INSTANT, accounts, balances, postings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from ledger.chart import Account


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds (`posted`), what of it is held back (`held`), and what is left (`available`)."""

    posted: Money
    held: Money

    @property
    def available(self) -> Money:
        """What can be moved."""
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One account of the trial balance; its balance stands in one of the two columns."""

    code: str
    currency: str
    debit: Money
    credit: Money


def balance(session: Session, account: Account) -> Balance:
    """What is in the account now; an account that was never touched is empty."""
    debit_normal = account.normal is Side.DEBIT
    held = balances.c.credits_pending if debit_normal else balances.c.debits_pending
    posted, held_back = _sums(session, account, _NET, held)
    return Balance(
        Money(posted if debit_normal else -posted, account.currency), Money(held_back, account.currency)
    )


def balance_as_of(session: Session, account: Account, at: datetime) -> Balance:
    """What was in the account at an instant, by everything recorded until then, whatever came later."""
    posted = held = 0
    for lane in _lanes(session, account):
        # One read at the end of a range of the index; asked for all lanes at once, it would begin at the newest line.
        last = session.execute(
            select(postings.c.balance_minor, postings.c.held_minor)
            .with_hint(postings, BY_INSTANT, "mysql")
            .where(
                postings.c.account_id == account.row_id,
                postings.c.lane == lane,
                postings.c.recorded_at <= at,
            )
            .order_by(postings.c.recorded_at.desc(), postings.c.sequence.desc())
            .limit(1)
        ).first()
        if last is not None:
            posted, held = posted + last.balance_minor, held + last.held_minor
    return Balance(Money(posted, account.currency), Money(held, account.currency))


def trial_balance(session: Session, at: datetime | None = None) -> list[TrialLine]:
    """Every account that is not empty, by code; in each currency the two columns have one sum."""
    return list(trial_lines(session, at))


def trial_lines(session: Session, at: datetime | None = None) -> Iterator[TrialLine]:
    """The lines of the trial balance one after the other, for whoever does not want them all in memory."""
    nets = nets_now(session) if at is None else nets_as_of(session, at)
    return (_line(code, currency, net) for code, currency, _, net in nets if net)


def nets_now(session: Session, *only: ColumnElement[bool]) -> Iterator[tuple[str, str, bool, int]]:
    """Code, currency, whether it is shared, and debits less credits, of every account by code."""
    return _nets(session, _NET, only)


def nets_as_of(
    session: Session, at: datetime, *only: ColumnElement[bool]
) -> Iterator[tuple[str, str, bool, int]]:
    """The same at an instant (`runtime.past.settled`)."""
    last = _last(postings.c.balance_minor, at)
    return _nets(session, case((accounts.c.normal == Side.DEBIT.value, last), else_=-last), only)


def _nets(
    session: Session, net: ColumnElement[int], only: Sequence[ColumnElement[bool]]
) -> Iterator[tuple[str, str, bool, int]]:
    rows = session.execute(
        select(accounts.c.code, accounts.c.currency, accounts.c.shared, func.sum(net))
        .join(balances, balances.c.account_id == accounts.c.id)
        .where(*only)
        .group_by(accounts.c.code, accounts.c.currency, accounts.c.shared)
        .order_by(accounts.c.code, accounts.c.currency)
        .execution_options(yield_per=_BATCH)
    )
    return ((code, currency, shared, int(summed or 0)) for code, currency, shared, summed in rows)


_BATCH = 1_000
_NET = balances.c.debits_posted - balances.c.credits_posted


def _lanes(session: Session, account: Account) -> Sequence[int]:
    if not account.shared:
        return [0]
    return session.scalars(select(balances.c.lane).where(balances.c.account_id == account.row_id)).all()


def _sums(session: Session, account: Account, *columns: ColumnElement[int]) -> list[int]:
    summed = select(*(func.sum(column) for column in columns)).where(balances.c.account_id == account.row_id)
    # MariaDB answers with a decimal.
    return [int(value or 0) for value in session.execute(summed).one()]


def _line(code: str, currency: str, net: int) -> TrialLine:
    return TrialLine(code, currency, Money(max(net, 0), currency), Money(max(-net, 0), currency))


def _last(column: ColumnElement[int], at: datetime) -> ColumnElement[int]:
    return (
        select(column)
        .with_hint(postings, BY_INSTANT, "mysql")
        .where(
            postings.c.account_id == balances.c.account_id,
            postings.c.lane == balances.c.lane,
            postings.c.recorded_at <= at,
        )
        .order_by(postings.c.recorded_at.desc(), postings.c.sequence.desc())
        .limit(1)
        .correlate(balances)
        .scalar_subquery()
    )
