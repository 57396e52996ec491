"""Balanced entries: what a movement of money looks like before it is written down."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ledger.chart import Account, Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel.money import Money


class Phase(Enum):
    """Whether an entry moves money, only holds it back, or resolves what an earlier one held back.

    An amount counts as moved (`posted`) once or not at all, and as held back (`pending`) once more, once less or not
    at all; `resolves` says whether the entry ends a hold.
    """

    POSTED = "posted"
    PENDING = "pending"
    POST_PENDING = "post_pending"
    VOID_PENDING = "void_pending"

    def __init__(self, value: str) -> None:
        # Computed once, because they are asked for at every line of every entry.
        self.resolves = value in {"post_pending", "void_pending"}
        self.posted = int(value in {"posted", "post_pending"})
        self.pending = int(value == "pending") - int(self.resolves)


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry: an amount on one side of one account."""

    account: Account
    side: Side
    amount: Money

    @property
    def mirrored(self) -> Posting:
        """The line that takes this one back."""
        return Posting(self.account, self.side.opposite, self.amount)


@dataclass(frozen=True, slots=True)
class Entry:
    """A named movement of money whose debits equal its credits in every currency."""

    movement: str
    postings: tuple[Posting, ...]
    approved_by: str | None = None

    @classmethod
    def of(cls, movement: str, *postings: Posting, approved_by: str | None = None) -> Entry:
        """The entry `movement` of these lines, without those of nothing; what does not balance is a bug of ours."""
        assert all(posting.amount.amount_minor >= 0 for posting in postings), (
            f"{movement}: a line cannot be negative"
        )
        lines = tuple(posting for posting in postings if posting.amount)
        assert lines, f"{movement}: nothing moves"
        uneven = unbalanced(lines)
        assert not uneven, f"{movement}: debits and credits differ in {', '.join(uneven)}"
        return cls(movement, lines, approved_by)


def debit(account: Account, amount: Money) -> Posting:
    """`amount` on the debit side of `account`."""
    return _posting(account, Side.DEBIT, amount)


def credit(account: Account, amount: Money) -> Posting:
    """`amount` on the credit side of `account`."""
    return _posting(account, Side.CREDIT, amount)


def unbalanced(postings: Iterable[Posting]) -> list[str]:
    """The currencies in which the debits and credits of these lines differ."""
    differences: defaultdict[str, int] = defaultdict(int)
    for posting in postings:
        sign = 1 if posting.side is Side.DEBIT else -1
        differences[posting.amount.currency] += sign * posting.amount.amount_minor
    return sorted(currency for currency, difference in differences.items() if difference)


def _posting(account: Account, side: Side, amount: Money) -> Posting:
    assert account.currency == amount.currency, f"{account.code} does not hold {amount.currency}"
    return Posting(account, side, amount)
