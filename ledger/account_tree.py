"""The accounts there are: found by their codes, and added up along them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from kernel.money import Money
from kernel.pages import Page
from ledger import journal
from ledger.balances import Balance, balance, balance_as_of, nets_as_of, nets_now
from ledger.tables import BY_CODE, accounts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

_STRETCH = 5_000
_GROWS_BY_DEBITS = ("assets", "expenses")


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account, and what it holds."""

    code: str
    currency: str
    balance: Balance


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the tree of codes: how deep it lies, how many accounts are in it, and what they hold together."""

    code: str
    currency: str
    depth: int
    accounts: int
    balance: Money


def accounts_found(
    session: Session,
    *,
    under: str = "",
    text: str = "",
    currency: str | None = None,
    at: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[AccountLine]:
    """The accounts whose codes begin with `under` and have `text` in them, by code, and what they hold or held `at`.

    Of any number of accounts, so many are looked at for a page: one may be short and still say where to go on.
    """
    stretch = _stretch(session, under, currency, after)
    fitting = [row for row in stretch if text.lower() in row.code.lower()]
    lines = [_line(session, row, at) for row in fitting[:limit]]
    if len(fitting) > limit:
        return Page(tuple(lines), _key(fitting[limit - 1]))
    return Page(tuple(lines), _key(stretch[-1]) if len(stretch) == _STRETCH else None)


def tree(
    session: Session, *, under: str = "", currency: str | None = None, at: datetime | None = None
) -> list[Node]:
    """Every place in the tree of codes, parents first, with the sum of what is below it; persons are not told apart."""
    only = _only(under, currency)
    nets = nets_now(session, *only) if at is None else nets_as_of(session, at, *only)
    sums: dict[tuple[str, str], list[int]] = {}
    for code, of_currency, shared, net in nets:
        parts = code.split(":")
        deepest = len(parts) if shared else len(parts) - 1
        sign = 1 if parts[0] in _GROWS_BY_DEBITS else -1
        for depth in range(1, deepest + 1):
            summed = sums.setdefault((":".join(parts[:depth]), of_currency), [0, 0])
            summed[0] += sign * net
            summed[1] += 1
    return [
        Node(code, of_currency, code.count(":"), count, Money(net, of_currency))
        for (code, of_currency), (net, count) in sorted(
            sums.items(), key=lambda item: (item[0][0].split(":"), item[0][1])
        )
    ]


def _stretch(session: Session, under: str, currency: str | None, after: str | None) -> Sequence[Row[Any]]:
    query = select(accounts).with_hint(accounts, BY_CODE, "mysql").where(*_only(under, currency))
    if after is not None:
        code, _, of_currency = after.partition("|")
        behind = and_(accounts.c.code == code, accounts.c.currency > of_currency)
        query = query.where(accounts.c.code >= code, or_(accounts.c.code > code, behind))
    return session.execute(query.order_by(accounts.c.code, accounts.c.currency).limit(_STRETCH)).all()


def _only(under: str, currency: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if under:
        conditions.append(accounts.c.code.startswith(under, autoescape=True))
    if currency is not None:
        conditions.append(accounts.c.currency == currency)
    return conditions


def _line(session: Session, row: Row[Any], at: datetime | None) -> AccountLine:
    account = journal.account_of(row)
    held = balance(session, account) if at is None else balance_as_of(session, account, at)
    return AccountLine(account.code, account.currency, held)


def _key(row: Row[Any]) -> str:
    return f"{row.code}|{row.currency}"
