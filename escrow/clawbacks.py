"""What was released goes back to the client after all: the worker gives it back, or finance claws it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow import states
from escrow.acts import hold_milestone, move, transition
from escrow.chargebacks import there
from escrow.refunds import client_fee_on
from escrow.release import AmountNotPositive, OtherCurrency
from kernel.money import movable
from kernel.refusals import Conflict
from ledger import chart
from ledger.balances import balance
from payments import bearing, clawbacks, collecting
from payments.refunds import refuse_what_is_undecided

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from escrow.acts import Held
    from escrow.views import MilestoneView
    from identity.actors import Actor
    from kernel.money import Money
    from payments.bearing import Shares
    from payments.views import RefundView


class AmountNotReleased(Conflict):
    """More was asked for than was released and is still the worker's."""

    code = "amount_not_released"


class WalletTooSmall(Conflict):
    """The worker would give back more than is in their wallet."""

    code = "wallet_too_small"


def give_back(
    session: Session,
    *,
    milestone_id: str,
    refund_id: str,
    clawback_id: str,
    amount: Money,
    reason: str,
    by: Actor,
) -> tuple[MilestoneView, RefundView]:
    """Refund `amount` of the price that was released, with the client's fee on it; what is held is refunded first.

    The worker owes us what they had of it, and we our fee on it: as with a chargeback. The client does not wait for the
    worker. A worker gives no more than is in their wallet; staff may, and the rest is owed.
    """
    on = hold_milestone(session, milestone_id, by=by)
    transition(states.MILESTONE, on.milestone.state, "give_back", on.party)
    payment = collecting.live_payment(session, milestone_id)
    assert payment is not None, "what was released was paid"
    refuse_what_is_undecided(session, milestone_id=milestone_id, payment_id=payment.id)
    of = there(session, on)
    price = _part_of_the_released(of, amount)
    worker_fee = bearing.part(of.worker_fee, price, of.worker + of.worker_fee)
    net = price - worker_fee
    if on.party == states.WORKER:
        _refuse_what_is_not_there(session, on, net)
    client_fee = client_fee_on(on.milestone, price)
    back = clawbacks.order(
        session,
        clawback_id=clawback_id,
        refund_id=refund_id,
        payment_id=payment.id,
        worker_id=on.contract.worker_id,
        net=net,
        worker_fee=worker_fee,
        client_fee=client_fee,
        by=by.id,
        reason=reason,
    )
    on.milestone.given_back_minor += price.amount_minor
    on.milestone.worker_fee_returned_minor += worker_fee.amount_minor
    on.milestone.refunded_minor += price.amount_minor
    on.milestone.client_fee_returned_minor += client_fee.amount_minor
    return move(
        session, on, "give_back", refund_id=back.id, amount_minor=price.amount_minor, currency=price.currency
    ), back


def _part_of_the_released(of: Shares, amount: Money) -> Money:
    released = of.worker + of.worker_fee
    if amount.currency != released.currency:
        raise OtherCurrency(f"This contract is in {released.currency}.", field="amount")
    if amount.amount_minor <= 0:
        raise AmountNotPositive("The amount must be more than zero.", field="amount")
    if amount > released:
        raise AmountNotReleased(
            f"Only {released} of what was released is left.", field="amount", released=released.decimal
        )
    return movable(amount, field="amount")


def _refuse_what_is_not_there(session: Session, on: Held, net: Money) -> None:
    free = balance(session, chart.wallet(on.contract.worker_id, net.currency)).available
    if net > free:
        raise WalletTooSmall(
            f"{net} would be taken out of your wallet, and {free} is in it.",
            field="amount",
            available=free.decimal,
        )
