"""The closed catalogue of what can happen to money: one pure function per business fact, returning a balanced entry.

Each function says which fact it records; the lines say where the money was and where it is afterwards. Nothing is
posted under a name that is not here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ParamSpec

from kernel.money import total
from ledger import chart
from ledger.entries import Entry, Posting, credit, debit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel.money import Money
    from ledger.chart import Account

P = ParamSpec("P")

# Every movement there is, by name.
CATALOGUE: dict[str, Callable[..., Entry]] = {}

# A movement that only holds money back, and the movement that carries it out.
HOLDS = {"payout_reserved": "payout_sent"}

# What a person does to the books by hand; it needs a reason, so that an auditor need not ask.
BY_HAND = frozenset({"adjustment", "reversal"})


def _movement(function: Callable[P, Entry]) -> Callable[P, Entry]:
    CATALOGUE[function.__name__] = function
    return function


@_movement
def milestone_funded(gateway: str, milestone_id: str, *, price: Money, client_fee: Money) -> Entry:
    """The client's card was charged: the gateway owes us the whole, we hold the price, and our fee is earned."""
    return Entry.of(
        "milestone_funded",
        debit(chart.gateway_pending(gateway, price.currency), price + client_fee),
        credit(chart.escrow(milestone_id, price.currency), price),
        credit(chart.client_fees(price.currency), client_fee),
    )


@_movement
def late_payment_received(gateway: str, *, amount: Money) -> Entry:
    """The client's card was charged after the payment had been given up: nothing is held or earned, all goes back."""
    return Entry.of(
        "late_payment_received",
        debit(chart.gateway_pending(gateway, amount.currency), amount),
        credit(chart.refunds_in_transit(amount.currency), amount),
    )


@_movement
def gateway_fee_charged(gateway: str, *, fee: Money) -> Entry:
    """The gateway kept its fee out of what it owes us; it is our cost and comes out of nobody's hold."""
    return Entry.of(
        "gateway_fee_charged",
        debit(chart.gateway_fees(fee.currency), fee),
        credit(chart.gateway_pending(gateway, fee.currency), fee),
    )


@_movement
def funds_settled(gateway: str, *, amount: Money) -> Entry:
    """What is left of a charge can be moved from today on; it is below zero where more had left than it brought.

    Then what is available makes up for it: a small charge may not even bring its own gateway fee.
    """
    pending, available = (
        chart.gateway_pending(gateway, amount.currency),
        chart.gateway_available(gateway, amount.currency),
    )
    if amount.amount_minor < 0:
        return Entry.of("funds_settled", debit(pending, -amount), credit(available, -amount))
    return Entry.of("funds_settled", debit(available, amount), credit(pending, amount))


@_movement
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


@_movement
def tip_paid(gateway: str, worker_id: str, *, amount: Money) -> Entry:
    """The client's card was charged a tip, which is the worker's at once and without a fee of ours."""
    return Entry.of(
        "tip_paid",
        debit(chart.gateway_pending(gateway, amount.currency), amount),
        credit(chart.wallet(worker_id, amount.currency), amount),
    )


@_movement
def refund_ordered(milestone_id: str, *, held: Money, client_fee: Money) -> Entry:
    """Held money goes back to the client with its share of our fee: no longer held, not yet gone from the gateway."""
    return Entry.of(
        "refund_ordered",
        debit(chart.escrow(milestone_id, held.currency), held),
        debit(chart.client_fees(held.currency), client_fee),
        credit(chart.refunds_in_transit(held.currency), held + client_fee),
    )


@_movement
def refund_confirmed(gateway: str, *, amount: Money) -> Entry:
    """The gateway gave the client the money out of our available balance."""
    return Entry.of(
        "refund_confirmed",
        debit(chart.refunds_in_transit(amount.currency), amount),
        credit(chart.gateway_available(gateway, amount.currency), amount),
    )


@_movement
def refund_came_back(gateway: str, *, amount: Money) -> Entry:
    """A confirmed refund bounced off the client's card: the gateway has the money again, and we still owe it."""
    return Entry.of(
        "refund_came_back",
        debit(chart.gateway_available(gateway, amount.currency), amount),
        credit(chart.refunds_in_transit(amount.currency), amount),
    )


@_movement
def refund_failed(milestone_id: str, *, amount: Money) -> Entry:
    """The refund did not arrive: it was decided to be the client's, so it is owed to them and never held again."""
    return Entry.of(
        "refund_failed",
        debit(chart.refunds_in_transit(amount.currency), amount),
        credit(chart.owed(milestone_id, amount.currency), amount),
    )


@_movement
def refund_ordered_again(milestone_id: str, *, amount: Money) -> Entry:
    """What came back from the client's bank goes out once more."""
    return Entry.of(
        "refund_ordered_again",
        debit(chart.owed(milestone_id, amount.currency), amount),
        credit(chart.refunds_in_transit(amount.currency), amount),
    )


@_movement
def transferred_to_worker(gateway: str, user_id: str, *, amount: Money, settled: bool) -> Entry:
    """Released money was moved, inside the gateway, to the worker's own account there; the wallet still owes it."""
    source = chart.gateway_available if settled else chart.gateway_pending
    return Entry.of(
        "transferred_to_worker",
        debit(chart.connected(gateway, user_id, amount.currency), amount),
        credit(source(gateway, amount.currency), amount),
    )


@_movement
def payout_reserved(user_id: str, *, amount: Money) -> Entry:
    """The worker asked for a withdrawal: the amount is held back in the wallet until the gateway has the order."""
    return _payout("payout_reserved", user_id, amount)


@_movement
def payout_sent(user_id: str, *, amount: Money) -> Entry:
    """The gateway has the order: the reserved amount leaves the wallet and is on its way to the bank."""
    return _payout("payout_sent", user_id, amount)


@_movement
def payout_paid(gateway: str, user_id: str, *, amount: Money) -> Entry:
    """The bank has the money: it left the worker's account at the gateway and nobody owes it any longer."""
    return Entry.of(
        "payout_paid",
        debit(chart.payouts_in_transit(amount.currency), amount),
        credit(chart.connected(gateway, user_id, amount.currency), amount),
    )


@_movement
def payout_failed(user_id: str, *, amount: Money) -> Entry:
    """The payout never left the gateway: the amount is in the wallet again."""
    return Entry.of(
        "payout_failed",
        debit(chart.payouts_in_transit(amount.currency), amount),
        credit(chart.wallet(user_id, amount.currency), amount),
    )


@_movement
def payout_returned(gateway: str, user_id: str, *, amount: Money) -> Entry:
    """The bank sent a paid payout back: it is at the gateway and in the wallet again."""
    return Entry.of(
        "payout_returned",
        debit(chart.connected(gateway, user_id, amount.currency), amount),
        credit(chart.wallet(user_id, amount.currency), amount),
    )


@_movement
def chargeback_withdrawn(
    gateway: str,
    *,
    fee: Money,
    held: tuple[str, Money] | None = None,
    owed: tuple[str, Money] | None = None,
    client_fee: Money | None = None,
    lost: Money | None = None,
) -> Entry:
    """The card's bank took a payment back, and the gateway took it from us together with its fee.

    Whoever has the money bears it, in this order: what is still held (milestone, amount) is held no longer; what the
    worker already has (worker, amount) is owed to us; our own fee is not earned; the rest is our loss.
    """
    currency = fee.currency
    borne = _chargeback(currency, debit, held=held, owed=owed, client_fee=client_fee, lost=lost)
    taken = total([line.amount for line in borne], currency) + fee
    return Entry.of(
        "chargeback_withdrawn",
        *borne,
        debit(chart.chargeback_fees(currency), fee),
        credit(chart.gateway_available(gateway, currency), taken),
    )


@_movement
def chargeback_won(
    gateway: str,
    *,
    fee: Money,
    held: tuple[str, Money] | None = None,
    owed: tuple[str, Money] | None = None,
    repaid: tuple[str, Money] | None = None,
    client_fee: Money | None = None,
    lost: Money | None = None,
) -> Entry:
    """The bank decided for us: the gateway gave the payment back, and `fee` of its fee (often nothing).

    Everybody who bore it is made whole: held again, no longer owed, or, where the worker had already paid (worker,
    amount), in the wallet.
    """
    currency = fee.currency
    lines = _chargeback(currency, credit, held=held, owed=owed, client_fee=client_fee, lost=lost)
    if repaid is not None:
        worker_id, amount = repaid
        lines.append(credit(chart.wallet(worker_id, currency), amount))
    given = total([line.amount for line in lines], currency) + fee
    return Entry.of(
        "chargeback_won",
        debit(chart.gateway_available(gateway, currency), given),
        *lines,
        credit(chart.chargeback_fees(currency), fee),
    )


@_movement
def chargeback_lost(user_id: str, *, forgiven: Money) -> Entry:
    """The bank decided against us, and we bear what the worker owed for it.

    The gateway keeps what it took at the withdrawal, so where nothing is forgiven there is nothing to post.
    """
    return Entry.of(
        "chargeback_lost",
        debit(chart.chargebacks(forgiven.currency), forgiven),
        credit(chart.receivable(user_id, forgiven.currency), forgiven),
    )


@_movement
def recovered_from_wallet(user_id: str, *, amount: Money) -> Entry:
    """The worker paid what was owed to us out of the wallet."""
    return Entry.of(
        "recovered_from_wallet",
        debit(chart.wallet(user_id, amount.currency), amount),
        credit(chart.receivable(user_id, amount.currency), amount),
    )


@_movement
def fx_difference(gateway: str, *, expected: Money, settled: Money) -> Entry:
    """The gateway converted, and settled another amount than was expected.

    Converting is a service of the gateway, so what is missing is a cost of the gateway and what is over lowers it.
    """
    cost, available = (
        chart.gateway_fees(expected.currency),
        chart.gateway_available(gateway, expected.currency),
    )
    if settled < expected:
        lines = debit(cost, expected - settled), credit(available, expected - settled)
    else:
        lines = debit(available, settled - expected), credit(cost, settled - expected)
    return Entry.of("fx_difference", *lines)


@_movement
def adjustment(*postings: Posting, approved_by: str) -> Entry:
    """Finance puts the books right by hand; somebody other than who posts it has approved it."""
    return Entry.of("adjustment", *postings, approved_by=approved_by)


@_movement
def reversal(postings: Sequence[Posting]) -> Entry:
    """An entry was wrong and is taken back: the same lines on the other sides."""
    return Entry.of("reversal", *(posting.mirrored for posting in postings))


def mirrors(one: Entry, other: Entry) -> bool:
    """Whether each takes back what the other does: the same lines on opposite sides, in whatever order."""
    return Counter(one.postings) == Counter(posting.mirrored for posting in other.postings)


def _payout(movement: str, user_id: str, amount: Money) -> Entry:
    return Entry.of(
        movement,
        debit(chart.wallet(user_id, amount.currency), amount),
        credit(chart.payouts_in_transit(amount.currency), amount),
    )


def _chargeback(
    currency: str,
    side: Callable[[Account, Money], Posting],
    *,
    held: tuple[str, Money] | None,
    owed: tuple[str, Money] | None,
    client_fee: Money | None,
    lost: Money | None,
) -> list[Posting]:
    lines = []
    if held is not None:
        lines.append(side(chart.escrow(held[0], currency), held[1]))
    if owed is not None:
        lines.append(side(chart.receivable(owed[0], currency), owed[1]))
    if client_fee is not None:
        lines.append(side(chart.client_fees(currency), client_fee))
    if lost is not None:
        lines.append(side(chart.chargebacks(currency), lost))
    return lines
