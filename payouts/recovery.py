"""A client has back what a worker was paid: what of it has not left for the worker's bank is taken back too.

Only the money of the same milestone is: what the worker earns elsewhere is theirs, and goes towards the debt when they
agree to it. What never left us is simply not sent; what lies at the worker's account is reversed there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gateways import orders
from gateways.contract import Busy, Rejected, ReversalFound, ReversalOrder, Unknown
from gateways.orders import Verdict
from kernel.ids import new_id
from kernel.money import Money
from ledger import chart, movements
from ledger.balances import balance
from ledger.posting import post
from payments import debts
from payments.charges import give_back
from payments.collecting import GatewayDisagrees
from payouts.accounts import hold_accounts
from payouts.funds import NotEnoughAvailable, not_used_up, spoken_for
from payouts.states import REVERSAL, TRANSFER, UNDONE
from payouts.tables import Payout, PayoutPart, Reversal, Transfer
from persistence import clock, outbox
from persistence.locks import locked, locked_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import PaysOut
    from gateways.orders import Call
    from identity.actors import Actor
    from payments.debts import Debt

Answer = ReversalFound | Rejected | Busy | Unknown

_LONGEST_CODE = 64
_ANOTHER_DAY = timedelta(days=1)
_COMES_BACK_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ReversalToSend:
    """A reversal for the gateway, and the call that is to be made about it."""

    gateway: str
    order: ReversalOrder
    call: Call


def recover(session: Session, *, debt_id: str, recovery_id: str) -> Debt:
    """Take back what the worker owes, as far as the milestone's money is still in their wallet.

    What they gave back of themselves is taken out of whatever is in it.
    """
    owing = _hold(session, debt_id)
    _recover(session, owing, most=owing.outstanding, recovery_id=recovery_id, by=owing.gateway)
    return debts.find(session, debt_id)


def pay(session: Session, *, debt_id: str, amount: Money, recovery_id: str, by: Actor) -> Debt:
    """The worker has what they owe, or a part of it, taken out of whatever is in their wallet."""
    if debts.find(session, debt_id).worker_id != by.id:
        raise debts.DebtNotFound("There is no debt with this id.")
    owing = replace(_hold(session, debt_id), agreed=True)
    debts.refuse_more_than_is_owed(owing, amount)
    taken = _recover(session, owing, most=amount, recovery_id=recovery_id, by=by.id)
    if taken < amount:
        raise NotEnoughAvailable(
            f"Only {taken} of your wallet can be used for it now.", field="amount", available=taken.decimal
        )
    return debts.find(session, debt_id)


def _hold(session: Session, debt_id: str) -> Debt:
    seen = debts.find(session, debt_id)
    # The account first, as everywhere: whoever withdraws meanwhile waits, or has been before.
    hold_accounts(session, user_id=seen.worker_id)
    return debts.hold(session, debt_id)


def _recover(session: Session, owing: Debt, *, most: Money, recovery_id: str, by: str) -> Money:
    most = min(most, balance(session, chart.wallet(owing.worker_id, most.currency)).available)
    taken = Money.zero(most.currency)
    for transfer in _transfers(session, owing):
        taken += _take(session, transfer, owing, most - taken)
    if taken:
        post(
            session,
            movements.recovered_from_wallet(owing.worker_id, amount=taken),
            key=f"{recovery_id}:recovered",
            reference=owing.milestone_id,
            actor=by,
            reason=owing.id,
        )
        debts.recovered(session, debt_id=owing.id, amount=taken)
    return taken


def order_reversal(
    session: Session,
    transfer: Transfer,
    amount: Money,
    *,
    owing: Debt | None = None,
    payout_id: str | None = None,
    left_account_id: str | None = None,
) -> None:
    """Have so much of a transfer that was sent brought back: it is owed, a payout's fee, or its account has left."""
    row = Reversal(
        id=new_id("rv"),
        transfer_id=transfer.id,
        chargeback_id=owing.id if owing is not None and owing.by_bank else None,
        clawback_id=owing.id if owing is not None and not owing.by_bank else None,
        payout_id=payout_id,
        left_account_id=left_account_id,
        worker_id=transfer.worker_id,
        gateway=transfer.gateway,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        state=REVERSAL.initial,
        ordered_at=clock.now(session),
        attempt=1,
        calls=0,
        calls_over=0,
    )
    session.add(row)
    _tell(session, row, "reversal.ordered")


def to_send(session: Session, *, reversal_id: str) -> ReversalToSend | None:
    """The order for the gateway; None when its answer is known."""
    row = locked(session, Reversal, reversal_id)
    assert row is not None, "a reversal is never deleted"
    if row.state not in {"ordered", "unknown"}:
        return None
    transfer = session.get_one(Transfer, row.transfer_id)
    assert transfer.gateway_id is not None, "only what was sent is reversed"
    call = orders.next_call(row, now=clock.now(session))
    order = ReversalOrder(row.id, transfer.gateway_id, Money(row.amount_minor, row.currency), call.attempt)
    return ReversalToSend(row.gateway, order, call)


def send(intent: ReversalToSend, *, through: PaysOut) -> Answer | None:
    """What the gateway says to the order; None when it was only asked, and has no such reversal."""
    return orders.carry_out(
        intent.call,
        find=lambda: through.find_reversal(intent.order),
        create=lambda: through.create_reversal(intent.order),
    )


def record(session: Session, *, intent: ReversalToSend, outcome: Answer | None) -> datetime | None:
    """Write down what became of the order and book it once; returns when to try again, if so."""
    row = locked(session, Reversal, intent.order.reversal_id)
    assert row is not None, "a reversal is never deleted"
    if isinstance(outcome, ReversalFound):
        _arrive(session, row, outcome)
        return None
    if row.state not in {"ordered", "unknown"}:
        return None
    verdict = orders.judge(row, call=intent.call, outcome=outcome)
    instant = clock.now(session)
    if isinstance(outcome, Rejected):
        row.failure_code = outcome.code[:_LONGEST_CODE]
    if row.left_account_id is not None and _stays_there(row, verdict, outcome, instant):
        _leave_behind(session, row)
        return None
    return _try_later(session, row, verdict, outcome)


def _try_later(session: Session, row: Reversal, verdict: Verdict, outcome: Answer | None) -> datetime | None:
    instant = clock.now(session)
    if verdict is Verdict.REFUSED:
        # The books know that this money is ours, wherever it lies: the account may have it another day.
        _step(session, row, "put_off")
        return instant + _ANOTHER_DAY
    if verdict is Verdict.UNANSWERED:
        _step(session, row, "lose_answer")
    if isinstance(outcome, Busy):
        return instant + timedelta(seconds=outcome.retry_after_seconds)
    if verdict is Verdict.REPLACED or (outcome is None and row.out_since is None):
        return instant
    return orders.next_try(now=instant, since=row.ordered_at)


def _leave_behind(session: Session, row: Reversal) -> None:
    """The gateway does not give it back: it lies at the account that has left, and is its worker's to fetch there."""
    post(
        session,
        movements.left_with_account(row.worker_id, amount=Money(row.amount_minor, row.currency)),
        key=f"{row.id}:left:{row.attempt}",
        reference=_milestone(session, row),
        actor=row.gateway,
    )
    _step(session, row, "refuse")


def try_again(session: Session, row: Reversal) -> None:
    """The account is back: what was left there is in the wallet again, and it is tried to bring it back."""
    _into_wallet_again(session, row)
    row.attempt, row.ordered_at = row.attempt + 1, clock.now(session)
    _step(session, row, "order_again")


def _into_wallet_again(session: Session, row: Reversal) -> None:
    post(
        session,
        movements.returned_with_account(row.worker_id, amount=Money(row.amount_minor, row.currency)),
        key=f"{row.id}:returned:{row.attempt}",
        reference=_milestone(session, row),
        actor=row.gateway,
    )


def _milestone(session: Session, row: Reversal) -> str:
    return session.get_one(Transfer, row.transfer_id).milestone_id


def _stays_there(row: Reversal, verdict: Verdict, outcome: Answer | None, instant: datetime) -> bool:
    if verdict is Verdict.REFUSED:
        return True
    # Short of money, it may get some: what was on its way to a bank comes back. After a month nothing does.
    late = row.ordered_at + _COMES_BACK_WITHIN <= instant
    return late and isinstance(outcome, Rejected) and not outcome.at_the_door and row.out_since is None


def _transfers(session: Session, owing: Debt) -> list[Transfer]:
    """Those of the milestone, last first; where the worker has agreed, then what was moved for others."""
    own = session.scalars(select(Transfer.id).where(Transfer.milestone_id == owing.milestone_id)).all()
    ids = [*own, *_elsewhere(session, owing)] if owing.agreed else own
    rows = locked_rows(session, Transfer, ids)
    return sorted(rows, key=lambda row: (row.milestone_id == owing.milestone_id, row.id), reverse=True)


def _elsewhere(session: Session, owing: Debt) -> Iterator[str]:
    # What was never moved is left to be: each of these is for one milestone, and whole.
    for row, _ in not_used_up(session, owing.worker_id, owing.amount.currency):
        if row.state == "sent" and row.milestone_id != owing.milestone_id:
            yield row.id


def _take(session: Session, row: Transfer, owing: Debt, most: Money) -> Money:
    amount = min(most, left_of(session, row))
    if not amount:
        return amount
    if row.state == "sent":
        order_reversal(session, row, amount, owing=owing)
    elif row.out_since is None:
        row.amount_minor -= amount.amount_minor
        if not row.amount_minor:
            _take_back(session, row)
    else:
        # Whether it was moved is not known: it is looked at again when it is.
        return Money.zero(most.currency)
    session.flush()
    return amount


def left_of(session: Session, row: Transfer) -> Money:
    """What of a transfer was neither withdrawn nor taken back."""
    withdrawn = (
        select(func.coalesce(func.sum(spoken_for()), 0))
        .join(Payout, Payout.id == PayoutPart.payout_id)
        .where(PayoutPart.transfer_id == row.id, Payout.state.not_in(UNDONE))
        .scalar_subquery()
    )
    reversed_ = (
        select(func.coalesce(func.sum(Reversal.amount_minor), 0))
        .where(Reversal.transfer_id == row.id)
        .scalar_subquery()
    )
    # In one statement: a fee that becomes a reversal meanwhile is seen as the one or the other.
    gone = int(session.scalar(select(withdrawn + reversed_)) or 0)
    return Money(row.amount_minor - gone, row.currency)


def _take_back(session: Session, row: Transfer) -> None:
    step = TRANSFER.step(row.state, "take_back")
    assert step is not None, "what was not sent can stay"
    row.state, row.reason = step.to, None
    outbox.publish(session, name=step.event, subject=row.id, payload={"worker_id": row.worker_id})


def _arrive(session: Session, row: Reversal, found: ReversalFound) -> None:
    amount = Money(row.amount_minor, row.currency)
    if found.amount != amount or row.gateway_id not in (None, found.gateway_id):
        raise GatewayDisagrees(
            f"The gateway's {found.gateway_id} over {found.amount} is not {row.id}, {amount}."
        )
    if REVERSAL.step(row.state, "reverse") is None:
        return
    if row.state == "refused":
        _into_wallet_again(session, row)
    row.gateway_id, row.finished_at, row.failure_code = found.gateway_id, clock.now(session), None
    transfer = session.get_one(Transfer, row.transfer_id)
    sourced = transfer.source_charge is not None
    settled = not sourced or give_back(session, payment_id=transfer.payment_id, amount=amount)
    back = movements.transfer_reversed if row.payout_id is None else movements.payout_fee_collected
    post(
        session,
        back(row.gateway, row.worker_id, amount=amount, settled=settled),
        key=f"{row.id}:reversed",
        reference=row.payout_id or row.transfer_id,
        actor=row.gateway,
    )
    _step(session, row, "reverse")


def _step(session: Session, row: Reversal, act: str) -> None:
    step = REVERSAL.step(row.state, act)
    if step is None:
        return
    row.state = step.to
    _tell(session, row, step.event)
    session.flush()


def _tell(session: Session, row: Reversal, event: str) -> None:
    outbox.publish(
        session,
        name=event,
        subject=row.id,
        payload={
            "transfer_id": row.transfer_id,
            "debt_id": row.chargeback_id or row.clawback_id,
            "payout_id": row.payout_id,
            "left_account_id": row.left_account_id,
            "gateway": row.gateway,
            "worker_id": row.worker_id,
            "amount_minor": row.amount_minor,
            "currency": row.currency,
        },
    )
