"""What a client's bank takes back, who bears it, and how it is made up for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.money import total
from ledger import chart
from ledger.entries import Entry, Posting, credit, debit
from ledger.movements.catalogue import movement

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.money import Money
    from ledger.chart import Account


@movement
def chargeback_withdrawn(
    gateway: str,
    *,
    fee: Money,
    held: tuple[str, Money] | None = None,
    came_back: tuple[str, Money] | None = None,
    owed: tuple[str, Money] | None = None,
    client_fee: Money | None = None,
    worker_fee: Money | None = None,
    lost: Money | None = None,
) -> Entry:
    """The card's bank took a payment back, and the gateway took it from us together with its fee.

    Whoever has the money bears it, in this order: what came back of a refund (milestone, amount) is owed to the client
    no longer; what is still held (milestone, amount) is held no longer; what the worker already has (worker, amount) is
    owed to us; our own fees are not earned; the rest is our loss.
    """
    currency = fee.currency
    borne = _chargeback(
        currency,
        debit,
        held=held,
        came_back=came_back,
        owed=owed,
        client_fee=client_fee,
        worker_fee=worker_fee,
        lost=lost,
    )
    taken = total([line.amount for line in borne], currency) + fee
    return Entry.of(
        "chargeback_withdrawn",
        *borne,
        _signed(debit, credit, chart.chargeback_fees(currency), fee),
        _signed(credit, debit, chart.gateway_available(gateway, currency), taken),
    )


@movement
def chargeback_won(
    gateway: str,
    *,
    fee: Money,
    held: tuple[str, Money] | None = None,
    came_back: tuple[str, Money] | None = None,
    owed: tuple[str, Money] | None = None,
    repaid: tuple[str, Money] | None = None,
    client_fee: Money | None = None,
    worker_fee: Money | None = None,
    lost: Money | None = None,
) -> Entry:
    """The bank decided for us: the gateway gave the payment back, and `fee` of its fee (often nothing).

    Everybody who bore it is made whole: held again, no longer owed, or, where the worker had already paid (worker,
    amount), in the wallet.
    """
    currency = fee.currency
    lines = _chargeback(
        currency,
        credit,
        held=held,
        came_back=came_back,
        owed=owed,
        client_fee=client_fee,
        worker_fee=worker_fee,
        lost=lost,
    )
    if repaid is not None:
        worker_id, amount = repaid
        lines.append(credit(chart.wallet(worker_id, currency), amount))
    given = total([line.amount for line in lines], currency) + fee
    return Entry.of(
        "chargeback_won",
        _signed(debit, credit, chart.gateway_available(gateway, currency), given),
        *lines,
        _signed(credit, debit, chart.chargeback_fees(currency), fee),
    )


@movement
def chargeback_covered(milestone_id: str, *, amount: Money) -> Entry:
    """A refund came back after the client's bank had taken the same money: what is owed to them makes up our loss."""
    return Entry.of(
        "chargeback_covered",
        debit(chart.owed(milestone_id, amount.currency), amount),
        credit(chart.chargebacks(amount.currency), amount),
    )


@movement
def chargeback_lost(user_id: str, *, forgiven: Money) -> Entry:
    """The bank decided against us, and we bear what the worker owed for it.

    The gateway keeps what it took at the withdrawal, so where nothing is forgiven there is nothing to post.
    """
    return Entry.of(
        "chargeback_lost",
        debit(chart.chargebacks(forgiven.currency), forgiven),
        credit(chart.receivable(user_id, forgiven.currency), forgiven),
    )


@movement
def released_money_refunded(worker_id: str, *, net: Money, worker_fee: Money, client_fee: Money) -> Entry:
    """What was released goes back to the client with our fees on it: the worker owes us what had reached the wallet."""
    currency = net.currency
    return Entry.of(
        "released_money_refunded",
        debit(chart.receivable(worker_id, currency), net),
        debit(chart.worker_fees(currency), worker_fee),
        debit(chart.client_fees(currency), client_fee),
        credit(chart.refunds_in_transit(currency), net + worker_fee + client_fee),
    )


@movement
def debt_forgiven(user_id: str, *, amount: Money) -> Entry:
    """We bear what a worker owed for money that had been released to them and was given back to the client."""
    return Entry.of(
        "debt_forgiven",
        debit(chart.goodwill(amount.currency), amount),
        credit(chart.receivable(user_id, amount.currency), amount),
    )


@movement
def recovered_from_wallet(user_id: str, *, amount: Money) -> Entry:
    """The worker paid what was owed to us out of the wallet."""
    return Entry.of(
        "recovered_from_wallet",
        debit(chart.wallet(user_id, amount.currency), amount),
        credit(chart.receivable(user_id, amount.currency), amount),
    )


def _signed(
    side: Callable[[Account, Money], Posting],
    other: Callable[[Account, Money], Posting],
    account: Account,
    amount: Money,
) -> Posting:
    # A gateway may give a fee back where it takes, and take one where it gives back.
    return side(account, amount) if amount.amount_minor >= 0 else other(account, -amount)


def _chargeback(
    currency: str,
    side: Callable[[Account, Money], Posting],
    *,
    held: tuple[str, Money] | None,
    came_back: tuple[str, Money] | None,
    owed: tuple[str, Money] | None,
    client_fee: Money | None,
    worker_fee: Money | None,
    lost: Money | None,
) -> list[Posting]:
    named = ((chart.escrow, held), (chart.owed, came_back), (chart.receivable, owed))
    ours = ((chart.client_fees, client_fee), (chart.worker_fees, worker_fee), (chart.chargebacks, lost))
    return [
        *(side(place(part[0], currency), part[1]) for place, part in named if part is not None),
        *(side(place(currency), amount) for place, amount in ours if amount is not None),
    ]
