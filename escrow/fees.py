"""What the client and the worker pay Holdfast; frozen for a contract when it is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable


# All of the price, in basis points.
_WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Rates in basis points: the client's comes on top of the price, the worker's out of it."""

    client_basis_points: int
    worker_basis_points: int

    def __post_init__(self) -> None:
        assert 0 <= self.client_basis_points <= _WHOLE, "a fee is a part of the price"
        assert 0 <= self.worker_basis_points <= _WHOLE, "a fee is a part of the price"

    def client_fee(self, price: Money) -> Money:
        """What the client pays on top of `price`."""
        return price.basis_points(self.client_basis_points)

    def worker_fee(self, gross: Money) -> Money:
        """What is kept of `gross` when all of it goes to the worker."""
        return gross.basis_points(self.worker_basis_points)


def share(whole: Callable[[Money], Money], *, before: Money, part: Money) -> Money:
    """The fee on `part` when `before` was dealt with already: parts in any sizes add up to the fee on their sum.

    `whole` gives the fee on a sum. A fee never exceeds its part, so that net + fee = gross with neither below zero.
    """
    fee = whole(before + part) - whole(before)
    assert Money.zero(part.currency) <= fee <= part, "a fee is a part of what it is taken from"
    return fee


def fee_to_return(client_fee: Money, price: Money) -> Callable[[Money], Money]:
    """How much of the client's fee goes back with so much of the price: in proportion, all with the last part.

    Holdfast's rule: a client pays no fee for work that is not paid for. What the gateway kept stays Holdfast's expense.
    """

    def returned(refunded: Money) -> Money:
        steps = client_fee.amount_minor * refunded.amount_minor // (price.amount_minor * price.step)
        return Money(steps * price.step, price.currency)

    return returned
