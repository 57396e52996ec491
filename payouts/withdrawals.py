"""A worker withdraws: what is asked for is held back in the wallet, and sent to the worker's bank after the commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict, Unpack

from gateways import orders
from gateways.contract import Busy, PayoutFound, PayoutMethod, PayoutOrder, Rejected, Unknown
from gateways.orders import Verdict
from kernel.money import Money, movable
from kernel.refusals import Conflict, Invalid
from kernel.time import rfc3339
from ledger import movements
from ledger.posting import hold
from payouts import booking, words
from payouts.accounts import held_account
from payouts.funds import NotEnoughAvailable, allot, funds
from payouts.instant import checked_fee
from payouts.minimums import check_minimum
from payouts.progress import bring_to
from payouts.states import PAYOUT, UNSENT
from payouts.tables import Payout, PayoutAccount, PayoutPart
from payouts.views import account_view
from persistence import clock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import PaysOut
    from gateways.orders import Call
    from identity.actors import Actor
    from payouts.funds import Funds
    from payouts.instant import Asked
    from payouts.views import PayoutView

_LONGEST_CODE = 64
_INSTANT_GOES_WITHIN = timedelta(hours=1)
_NOT_AT_ONCE = "instant_not_at_once"

Answer = PayoutFound | Rejected | Busy | Unknown


class PayoutAccountNotReady(Conflict):
    """The worker's account cannot pay out yet; `missing` says what it lacks."""

    code = "payout_account_not_ready"


class PayoutAmountNotPositive(Invalid):
    """The amount to withdraw is zero or below."""

    code = "payout_amount_not_positive"


@dataclass(frozen=True, slots=True)
class PayoutToSend:
    """A payout for the gateway, and the call that is to be made about it."""

    gateway: str
    order: PayoutOrder
    call: Call


class _Said(TypedDict):
    payout_id: str
    method: PayoutMethod
    actor: str
    by_schedule: bool


def request_payout(
    session: Session, *, payout_id: str, amount: Money, gateway: str, by: Actor, instant: Asked | None = None
) -> PayoutView:
    """Hold `amount` back in the worker's wallet and order it to be sent to their bank; an instant one with its fee.

    It is made up of the transfers that arrived first, so that each cent of a milestone can be followed to the bank.
    """
    if amount.amount_minor <= 0:
        raise PayoutAmountNotPositive("The amount must be more than nothing.", field="amount")
    movable(amount, field="amount")
    check_minimum(amount)
    # Two withdrawals of one worker come one after the other from here on.
    account = held_account(session, user_id=by.id, gateway=gateway)
    _check_ready(account)
    there = funds(session, user_id=by.id, gateway=gateway, currency=amount.currency)
    if amount > there.available:
        raise _not_enough(there)
    fee = Money.zero(amount.currency)
    if instant is not None:
        fee = checked_fee(
            instant, amount=amount, available=there.available, takes_instant=account.takes_instant
        )
    return _order(
        session,
        account,
        there,
        payout_id=payout_id,
        amount=amount,
        fee=fee,
        method=PayoutMethod.STANDARD if instant is None else PayoutMethod.INSTANT,
        actor=by.id,
        by_schedule=False,
    )


def order_all(
    session: Session, account: PayoutAccount, there: Funds, *, payout_id: str, amount: Money
) -> PayoutView:
    """Order a standard withdrawal of what is there by the worker's schedule; the caller has the account, in order."""
    return _order(
        session,
        account,
        there,
        payout_id=payout_id,
        amount=amount,
        fee=Money.zero(amount.currency),
        method=PayoutMethod.STANDARD,
        actor="system",
        by_schedule=True,
    )


def _order(
    session: Session,
    account: PayoutAccount,
    there: Funds,
    *,
    amount: Money,
    fee: Money,
    **said: Unpack[_Said],
) -> PayoutView:
    row = _reserve(session, account, amount=amount, fee=fee, **said)
    session.add_all(
        PayoutPart(
            payout_id=row.id,
            transfer_id=part.transfer_id,
            amount_minor=part.amount.amount_minor,
            fee_minor=part.fee.amount_minor,
        )
        for part in allot(amount, fee, there.usable)
    )
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
        method=PayoutMethod(row.method),
    )
    return PayoutToSend(row.gateway, order, call)


def send(intent: PayoutToSend, *, through: PaysOut) -> Answer | None:
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
        _give_up(session, row, outcome.code)
        return None
    if _is_too_late(session, row, outcome):
        code = outcome.code if isinstance(outcome, Rejected) else _NOT_AT_ONCE
        _give_up(session, row, code)
        return None
    return _try_later(session, row, verdict, outcome)


def _is_too_late(session: Session, row: Payout, outcome: Rejected | Busy | Unknown | None) -> bool:
    """Whether an instant payout cannot go at once and none can be out: who pays for speed is not kept waiting."""
    if row.method != PayoutMethod.INSTANT or row.out_since is not None:
        return False
    if isinstance(outcome, Rejected) and not outcome.at_the_door:
        return True
    return clock.now(session) > row.requested_at + _INSTANT_GOES_WITHIN


def _give_up(session: Session, row: Payout, code: str) -> None:
    row.failure_code = code[:_LONGEST_CODE]
    row.reason = words.payout_failed(row.failure_code)
    booking.step(session, row, "refuse")


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


def _reserve(
    session: Session, account: PayoutAccount, *, amount: Money, fee: Money, **said: Unpack[_Said]
) -> Payout:
    payout_id, worker_id, method = said["payout_id"], account.user_id, said["method"]
    held = hold(
        session,
        movements.instant_payout_reserved(worker_id, amount=amount, fee=fee)
        if method is PayoutMethod.INSTANT
        else movements.payout_reserved(worker_id, amount=amount),
        key=f"{payout_id}:reserved",
        reference=payout_id,
        actor=said["actor"],
    )
    row = Payout(
        id=payout_id,
        worker_id=worker_id,
        account_id=account.id,
        gateway=account.gateway,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        method=method.value,
        fee_minor=fee.amount_minor,
        by_schedule=said["by_schedule"],
        state=PAYOUT.initial,
        bank_name=account.bank_name,
        bank_last4=account.bank_last4,
        requested_at=clock.now(session),
        attempt=1,
        calls=0,
        calls_over=0,
        hold_entry_id=held.id,
    )
    session.add(row)
    session.flush()
    return row
