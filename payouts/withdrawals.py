"""A worker withdraws: what is asked for is held back in the wallet, and sent to the worker's bank after the commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from gateways import orders
from gateways.contract import Busy, PayoutFound, PayoutOrder, Rejected, Unknown
from gateways.orders import Verdict
from kernel.money import Money, movable
from kernel.refusals import Conflict, Invalid
from kernel.time import rfc3339
from ledger import movements
from ledger.posting import hold
from payouts import booking, words
from payouts.accounts import held_account
from payouts.funds import allot, funds
from payouts.progress import bring_to
from payouts.states import PAYOUT, UNSENT
from payouts.tables import Payout, PayoutAccount, PayoutPart
from payouts.views import account_view
from persistence import clock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import Gateway
    from gateways.orders import Call
    from identity.actors import Actor
    from payouts.funds import Funds
    from payouts.views import PayoutView

_LONGEST_CODE = 64

Answer = PayoutFound | Rejected | Busy | Unknown


class PayoutAccountNotReady(Conflict):
    """The worker's account cannot pay out yet; `missing` says what it lacks."""

    code = "payout_account_not_ready"


class PayoutAmountNotPositive(Invalid):
    """The amount to withdraw is zero or below."""

    code = "payout_amount_not_positive"


class NotEnoughAvailable(Conflict):
    """More was asked for than can be withdrawn now; the answer says how much can, what still waits, and until when."""

    code = "not_enough_available"


@dataclass(frozen=True, slots=True)
class PayoutToSend:
    """A payout for the gateway, and the call that is to be made about it."""

    gateway: str
    order: PayoutOrder
    call: Call


def request_payout(session: Session, *, payout_id: str, amount: Money, gateway: str, by: Actor) -> PayoutView:
    """Hold `amount` back in the worker's wallet and order it to be sent to their bank.

    It is made up of the transfers that arrived first, so that each cent of a milestone can be followed to the bank.
    """
    if amount.amount_minor <= 0:
        raise PayoutAmountNotPositive("The amount must be more than nothing.", field="amount")
    movable(amount, field="amount")
    # Two withdrawals of one worker come one after the other from here on.
    account = held_account(session, user_id=by.id, gateway=gateway)
    _check_ready(account)
    there = funds(session, user_id=by.id, gateway=gateway, currency=amount.currency)
    if amount > there.available:
        raise _not_enough(there)
    row = _reserve(session, payout_id, account, amount, by)
    for transfer_id, part in allot(amount, there.usable):
        session.add(PayoutPart(payout_id=row.id, transfer_id=transfer_id, amount_minor=part.amount_minor))
    booking.tell(session, row, "payout.reserved")
    session.flush()
    return booking.view(session, row)


def to_send(session: Session, *, payout_id: str) -> PayoutToSend | None:
    """The order for the gateway; None when its answer is known."""
    row = booking.held_payout(session, payout_id)
    if row.state not in UNSENT:
        return None
    account = session.get_one(PayoutAccount, row.account_id)
    assert account.gateway_id is not None, "money is withdrawn from an account the gateway has made"
    call = orders.next_call(row, now=clock.now(session))
    order = PayoutOrder(
        payout_id=row.id,
        account=account.gateway_id,
        amount=Money(row.amount_minor, row.currency),
        attempt=call.attempt,
    )
    return PayoutToSend(row.gateway, order, call)


def send(intent: PayoutToSend, *, through: Gateway) -> Answer | None:
    """What the gateway says to the order; None when it was only asked, and has no such payout."""
    return orders.carry_out(
        intent.call,
        find=lambda: through.find_payout(intent.order),
        create=lambda: through.create_payout(intent.order),
    )


def record(session: Session, *, intent: PayoutToSend, outcome: Answer | None) -> datetime | None:
    """Write down what became of the order, and book it once; returns when to try again, if so."""
    row = booking.held_payout(session, intent.order.payout_id)
    if isinstance(outcome, PayoutFound):
        bring_to(session, row, outcome)
        return None
    if row.state not in UNSENT:
        # An event told meanwhile what this answer did not.
        return None
    verdict = orders.judge(row, call=intent.call, outcome=outcome)
    if verdict is Verdict.REFUSED:
        assert isinstance(outcome, Rejected), "only a refusal is for good"
        row.failure_code = outcome.code[:_LONGEST_CODE]
        row.reason = words.payout_failed(row.failure_code)
        booking.step(session, row, "refuse")
        return None
    return _try_later(session, row, verdict, outcome)


def _try_later(
    session: Session, row: Payout, verdict: Verdict, outcome: Rejected | Busy | Unknown | None
) -> datetime:
    instant = clock.now(session)
    later = orders.next_try(now=instant, since=row.requested_at)
    if verdict is Verdict.REPLACED:
        return instant
    if verdict is Verdict.UNANSWERED:
        row.reason = words.NO_ANSWER
        booking.step(session, row, "lose_answer")
        return later
    if isinstance(outcome, Busy):
        return instant + timedelta(seconds=outcome.retry_after_seconds)
    if isinstance(outcome, Rejected):
        row.reason = words.put_off(outcome.code)
    if row.out_since is not None:
        return later
    booking.step(session, row, "put_off")
    return instant if outcome is None else later


def _check_ready(account: PayoutAccount) -> None:
    if account.gateway_id is None or not account.can_be_paid_out:
        view = account_view(account, user_id=account.user_id, gateway=account.gateway)
        raise PayoutAccountNotReady(
            f"Your payout account cannot pay out yet. {view.next_step.text}",
            missing=[lack.text for lack in view.missing],
            next_step=view.next_step.action,
        )


def _not_enough(there: Funds) -> NotEnoughAvailable:
    sentence = f"You can withdraw {there.available.format()} now."
    until = there.next_available_at
    if there.pending:
        sentence += f" {there.pending.format()} is not available yet: {there.waiting[0].reason}"
    return NotEnoughAvailable(
        sentence,
        field="amount",
        available=there.available,
        pending=there.pending,
        available_from=rfc3339(until) if until is not None else None,
    )


def _reserve(session: Session, payout_id: str, account: PayoutAccount, amount: Money, by: Actor) -> Payout:
    held = hold(
        session,
        movements.payout_reserved(by.id, amount=amount),
        key=f"{payout_id}:reserved",
        reference=payout_id,
        actor=by.id,
    )
    instant = clock.now(session)
    row = Payout(
        id=payout_id,
        worker_id=by.id,
        account_id=account.id,
        gateway=account.gateway,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        state=PAYOUT.initial,
        bank_name=account.bank_name,
        bank_last4=account.bank_last4,
        requested_at=instant,
        attempt=1,
        calls=0,
        hold_entry_id=held.id,
    )
    session.add(row)
    session.flush()
    return row
