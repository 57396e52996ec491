"""Instant withdrawals: what they cost, whether one is possible now and up to how much, or in plain words why not.

The fee comes on top of what arrives. It is taken from the wallet with it, in one entry, and is earned when the bank has
the money: a payout that fails before gives all of it back, one that the bank returns after it was paid does not.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.contract import BalanceFound
from kernel.money import Money
from kernel.refusals import Conflict
from payments.answers import found
from payouts.minimums import smallest_payout

if TYPE_CHECKING:
    from gateways.contract import Busy, Rejected, Unknown

    # What a gateway says to the question what lies at a worker's account.
    Seen = BalanceFound | Rejected | Busy | Unknown

STANDARD_INSTEAD = "You can make a standard withdrawal instead, which is free."


class InstantPayoutNotPossible(Conflict):
    """Nothing can be paid out instantly now; `reason` says why, and a standard withdrawal is possible instead."""

    code = "instant_payout_not_possible"


class InstantPayoutNotCovered(Conflict):
    """The amount and its fee are more than can be paid out instantly; `at_most` says how much can."""

    code = "instant_payout_not_covered"


@dataclass(frozen=True, slots=True)
class InstantFee:
    """Basis points of what arrives, rounded half up to what can be moved, and never less than `least_minor`."""

    basis_points: int
    least_minor: int

    def of(self, amount: Money) -> Money:
        """What sending `amount` instantly costs."""
        return max(amount.basis_points(self.basis_points), self.least(amount.currency))

    def least(self, currency: str) -> Money:
        """The least that it costs, rounded up to what can be moved."""
        step = Money.zero(currency).step
        return Money(-(-self.least_minor // step) * step, currency)

    def most_within(self, wallet: Money) -> Money:
        """The largest amount that leaves the wallet enough for its own fee; nothing where the fee takes all."""
        currency, step = wallet.currency, wallet.step
        # An amount and its fee grow together, so the largest that fits is found by halving.
        steps = bisect_right(
            range(wallet.amount_minor // step + 1),
            wallet.amount_minor,
            key=lambda number: number * step + self.of(Money(number * step, currency)).amount_minor,
        )
        return Money(max(steps - 1, 0) * step, currency)


@dataclass(frozen=True, slots=True)
class InstantOffer:
    """Whether an instant withdrawal is possible; `reason` and `why_not` are missing when it is, `at_most` is then more.

    `fee` is what `at_most` would cost.
    """

    at_most: Money
    fee: Money
    reason: str | None
    why_not: str | None

    @property
    def possible(self) -> bool:
        """Whether anything can be paid out instantly now."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Asked:
    """An instant withdrawal, with today's fee and what the gateway said lies at the worker's account."""

    fee: InstantFee
    seen: Seen


def nothing(currency: str) -> BalanceFound:
    """What lies where there is no account."""
    zero = Money.zero(currency)
    return BalanceFound(available=zero, pending=zero, instant=zero)


def offer(
    *, takes_instant: bool, available: Money, seen: BalanceFound | None, fee: InstantFee
) -> InstantOffer:
    """What can be paid out instantly of `available`, to a bank that can be paid out to."""
    reason = _reason(takes_instant=takes_instant, seen=seen)
    if reason is not None or seen is None:
        return _none(available.currency, fee, reason or "not_known")
    at_most = min(fee.most_within(available), seen.instant)
    if at_most < smallest_payout(available.currency):
        short = seen.instant < smallest_payout(available.currency)
        return _none(available.currency, fee, "not_covered_there" if short else "below_minimum")
    return InstantOffer(at_most, fee.of(at_most), None, None)


def not_ready(currency: str, fee: InstantFee, next_step: str) -> InstantOffer:
    """The offer to a worker who cannot be paid out at all: none, and what to do about it."""
    zero = Money.zero(currency)
    return InstantOffer(zero, fee.least(currency), "account_not_ready", next_step)


def checked_fee(asked: Asked, *, amount: Money, available: Money, takes_instant: bool) -> Money:
    """What sending `amount` instantly costs; refuses what cannot be sent instantly now."""
    # Here and not before, so that a request that was answered is answered again while the gateway is away.
    seen = found(asked.seen)
    possible = offer(takes_instant=takes_instant, available=available, seen=seen, fee=asked.fee)
    if not possible.possible:
        raise InstantPayoutNotPossible(
            f"{possible.why_not} {STANDARD_INSTEAD}", field="method", reason=possible.reason
        )
    if amount > possible.at_most:
        raise InstantPayoutNotCovered(
            f"You can withdraw up to {possible.at_most.format()} instantly now, for a fee of"
            f" {possible.fee.format()} on top. {STANDARD_INSTEAD}",
            field="amount",
            at_most=possible.at_most,
            fee=possible.fee,
        )
    return asked.fee.of(amount)


def _reason(*, takes_instant: bool, seen: BalanceFound | None) -> str | None:
    if not takes_instant:
        return "bank_takes_none"
    if seen is None:
        return "not_known"
    return "negative_balance" if seen.is_negative else None


def _none(currency: str, fee: InstantFee, reason: str) -> InstantOffer:
    return InstantOffer(Money.zero(currency), fee.least(currency), reason, WHY_NOT[reason])


WHY_NOT = {
    "bank_takes_none": "Your bank account takes no instant payouts.",
    "not_known": "The payment provider does not say at the moment what can be paid out instantly.",
    "negative_balance": "Your account at the payment provider is below zero.",
    "not_covered_there": "The payment provider pays nothing out instantly for you at the moment.",
    "below_minimum": "What you can withdraw is too little for an instant payout and its fee.",
}
