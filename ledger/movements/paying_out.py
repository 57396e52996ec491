"""Money that becomes the worker's, and its way to their bank and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import chart
from ledger.entries import Entry, credit, debit
from ledger.movements.catalogue import movement

if TYPE_CHECKING:
    from kernel.money import Money


@movement
def milestone_released(
    milestone_id: str,
    worker_id: str,
    *,
    gross: Money,
    worker_fee: Money,
    withheld_federal: Money | None = None,
    withheld_state: tuple[str, Money] | None = None,
) -> Entry:
    """The work was accepted: the hold becomes the worker's money, less our fee and the tax we must withhold."""
    currency = gross.currency
    net, taken = gross - worker_fee, [credit(chart.worker_fees(currency), worker_fee)]
    if withheld_federal is not None:
        net -= withheld_federal
        taken.append(credit(chart.withholding_federal(currency), withheld_federal))
    if withheld_state is not None:
        state, withheld = withheld_state
        net -= withheld
        taken.append(credit(chart.withholding_state(state, currency), withheld))
    return Entry.of(
        "milestone_released",
        debit(chart.escrow(milestone_id, currency), gross),
        credit(chart.wallet(worker_id, currency), net),
        *taken,
    )


@movement
def transferred_to_worker(gateway: str, user_id: str, *, amount: Money, settled: bool) -> Entry:
    """Released money was moved, inside the gateway, to the worker's own account there; the wallet still owes it."""
    source = chart.gateway_available if settled else chart.gateway_pending
    return Entry.of(
        "transferred_to_worker",
        debit(chart.connected(gateway, user_id, amount.currency), amount),
        credit(source(gateway, amount.currency), amount),
    )


@movement
def transfer_reversed(gateway: str, user_id: str, *, amount: Money, settled: bool) -> Entry:
    """Money was moved back, inside the gateway, out of the worker's account: the wallet does not owe it any more."""
    target = chart.gateway_available if settled else chart.gateway_pending
    return Entry.of(
        "transfer_reversed",
        debit(target(gateway, amount.currency), amount),
        credit(chart.connected(gateway, user_id, amount.currency), amount),
    )


@movement
def left_with_account(user_id: str, *, amount: Money) -> Entry:
    """The worker's account left us and the gateway gives none of this back: it lies there, and not in the wallet."""
    currency = amount.currency
    return Entry.of(
        "left_with_account",
        debit(chart.wallet(user_id, currency), amount),
        credit(chart.left_with(user_id, currency), amount),
    )


@movement
def returned_with_account(user_id: str, *, amount: Money) -> Entry:
    """The account is back, or gave it back after all: what lay there is in the wallet again."""
    currency = amount.currency
    return Entry.of(
        "returned_with_account",
        debit(chart.left_with(user_id, currency), amount),
        credit(chart.wallet(user_id, currency), amount),
    )


@movement
def payout_reserved(user_id: str, *, amount: Money) -> Entry:
    """The worker asked for a withdrawal: the amount is held back in the wallet until the gateway has the order."""
    return _payout("payout_reserved", user_id, amount)


@movement
def payout_sent(user_id: str, *, amount: Money) -> Entry:
    """The gateway has the order: the reserved amount leaves the wallet and is on its way to the bank."""
    return _payout("payout_sent", user_id, amount)


@movement
def instant_payout_reserved(user_id: str, *, amount: Money, fee: Money) -> Entry:
    """The worker asked for an instant withdrawal: what is to arrive and our fee are held back together."""
    return _instant_payout("instant_payout_reserved", user_id, amount, fee)


@movement
def instant_payout_sent(user_id: str, *, amount: Money, fee: Money) -> Entry:
    """The gateway has the order: the amount is on its way to the bank, and the fee is ours unless it never arrives."""
    return _instant_payout("instant_payout_sent", user_id, amount, fee)


@movement
def payout_paid(gateway: str, user_id: str, *, amount: Money) -> Entry:
    """The bank has the money: it left the worker's account at the gateway and nobody owes it any longer."""
    return Entry.of(
        "payout_paid",
        debit(chart.payouts_in_transit(amount.currency), amount),
        credit(chart.connected(gateway, user_id, amount.currency), amount),
    )


@movement
def payout_failed(user_id: str, *, amount: Money) -> Entry:
    """The payout never left the gateway: the amount is in the wallet again."""
    return Entry.of(
        "payout_failed",
        debit(chart.payouts_in_transit(amount.currency), amount),
        credit(chart.wallet(user_id, amount.currency), amount),
    )


@movement
def instant_payout_failed(user_id: str, *, amount: Money, fee: Money) -> Entry:
    """The instant payout never left the gateway: the amount is in the wallet again, and all of the fee with it."""
    currency = amount.currency
    return Entry.of(
        "instant_payout_failed",
        debit(chart.payouts_in_transit(currency), amount),
        debit(chart.payout_fees(currency), fee),
        credit(chart.wallet(user_id, currency), amount + fee),
    )


@movement
def payout_fee_collected(gateway: str, user_id: str, *, amount: Money, settled: bool) -> Entry:
    """The fee of a payout that was paid came, inside the gateway, out of the worker's account to us."""
    target = chart.gateway_available if settled else chart.gateway_pending
    return Entry.of(
        "payout_fee_collected",
        debit(target(gateway, amount.currency), amount),
        credit(chart.connected(gateway, user_id, amount.currency), amount),
    )


@movement
def payout_returned(gateway: str, user_id: str, *, amount: Money) -> Entry:
    """The bank sent a paid payout back: it is at the gateway and in the wallet again."""
    return Entry.of(
        "payout_returned",
        debit(chart.connected(gateway, user_id, amount.currency), amount),
        credit(chart.wallet(user_id, amount.currency), amount),
    )


def _payout(movement: str, user_id: str, amount: Money) -> Entry:
    return Entry.of(
        movement,
        debit(chart.wallet(user_id, amount.currency), amount),
        credit(chart.payouts_in_transit(amount.currency), amount),
    )


def _instant_payout(movement: str, user_id: str, amount: Money, fee: Money) -> Entry:
    currency = amount.currency
    return Entry.of(
        movement,
        debit(chart.wallet(user_id, currency), amount + fee),
        credit(chart.payouts_in_transit(currency), amount),
        credit(chart.payout_fees(currency), fee),
    )
