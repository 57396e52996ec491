"""Whether what we hold for others is there: by currency, from the books alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from kernel.money import EXPONENTS, Money
from ledger.tables import accounts, balances

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Coverage:
    """In one currency: what we hold for others, and what there is to meet it.

    Assets are what we hold plus what is unexplained plus what we earned less what it cost. So what is `missing` is
    what our costs took out of the money at the gateways before we had earned them: no mistake in the books, but owed
    to the people whose money we hold, and to be topped up. What a gateway has `converted` lies there in another
    currency (below zero: out of another one), and is missing in this one until it is changed back. More can be missing
    only when fees were given back that had never been earned, or money left a gateway and nobody can say why; that is
    `unexplained`.
    """

    held: Money
    at_gateways: Money
    receivable: Money
    costs: Money
    converted: Money

    @property
    def missing(self) -> Money:
        """What would be missing if everybody asked for theirs today."""
        return max(self._difference, Money.zero(self.held.currency))

    @property
    def unexplained(self) -> Money:
        """What is missing beyond our costs and what lies in another currency."""
        return max(self._difference - self.costs - self.converted, Money.zero(self.held.currency))

    @property
    def _difference(self) -> Money:
        return self.held - self.at_gateways - self.receivable


def coverage(session: Session) -> list[Coverage]:
    """What we hold for others and what there is to meet it, by currency."""
    # Tax withheld is held for the tax office. What is in suspense is nobody's until it is explained.
    held = accounts.c.code.startswith("liabilities:") & ~accounts.c.code.startswith("liabilities:suspense:")
    rows = session.execute(
        select(
            accounts.c.currency,
            _sum_where(held, -_NET),
            _sum_where(accounts.c.code.startswith("assets:gateway:"), _NET),
            _sum_where(accounts.c.code.startswith("assets:receivable:"), _NET),
            _sum_where(accounts.c.code.startswith("expenses:"), _NET),
            _sum_where(accounts.c.code.startswith("assets:conversion:"), _NET),
        )
        .join(balances, balances.c.account_id == accounts.c.id)
        # What is no currency of ours is a matter for `verify`; there is nothing to count it in.
        .where(accounts.c.currency.in_(EXPONENTS))
        .group_by(accounts.c.currency)
        .order_by(accounts.c.currency)
    )
    return [Coverage(*(Money(int(sum_), currency) for sum_ in sums)) for currency, *sums in rows]


_NET = balances.c.debits_posted - balances.c.credits_posted


def _sum_where(condition: ColumnElement[bool], amount: ColumnElement[int]) -> ColumnElement[int]:
    return func.sum(case((condition, amount), else_=0))
