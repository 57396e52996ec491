"""Released money moves to the worker's account: ordered once for each release, sent once, waiting where it must."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways import orders
from gateways.contract import Busy, Rejected, TransferFound, TransferOrder, Unknown
from gateways.orders import Verdict
from kernel.money import Money
from kernel.refusals import Conflict, NotFound
from ledger import movements
from ledger.posting import post
from payments import debts
from payments.charges import converted, draw
from payments.collecting import GatewayDisagrees
from payouts import words
from payouts.accounts import held_account
from payouts.states import TRANSFER
from payouts.tables import PayoutAccount, Transfer
from payouts.views import TransferView, transfer_view
from persistence import clock, outbox
from persistence.locks import locked, locked_rows
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import PaysOut
    from gateways.orders import Call

_LONGEST_CODE = 64

Answer = TransferFound | Rejected | Busy | Unknown


class TransferNotFound(NotFound):
    """There is no such transfer."""

    code = "transfer_not_found"


class TransferNotFailed(Conflict):
    """Only a transfer that the gateway refused is ordered again by hand."""

    code = "transfer_not_failed"


@dataclass(frozen=True, slots=True)
class TransferToSend:
    """A transfer for the gateway, and the call that is to be made about it."""

    gateway: str
    order: TransferOrder
    call: Call


def order(
    session: Session,
    *,
    transfer_id: str,
    release_id: str,
    milestone_id: str,
    worker_id: str,
    payment_id: str,
    gateway: str,
    source_charge: str | None,
    amount: Money,
) -> TransferView:
    """Have the worker's share of a release moved to their account, once; it waits while they have none."""
    # Before the transfer is looked for, so that two orders of one release come one after the other.
    account = held_account(session, user_id=worker_id, gateway=gateway)
    row = session.scalar(select(Transfer).where(Transfer.release_id == release_id))
    if row is None:
        row = _new(
            session,
            account,
            transfer_id=transfer_id,
            milestone_id=milestone_id,
            payment_id=payment_id,
            amount=amount,
            release_id=release_id,
            source_charge=source_charge,
        )
    return transfer_view(row, now=clock.now(session))


def repay(
    session: Session,
    *,
    transfer_id: str,
    line_id: str,
    milestone_id: str,
    worker_id: str,
    payment_id: str,
    gateway: str,
    amount: Money,
) -> TransferView:
    """Have moved again what a worker had given back for a chargeback that was won, once for its line."""
    account = held_account(session, user_id=worker_id, gateway=gateway)
    row = session.scalar(select(Transfer).where(Transfer.repays == line_id))
    if row is None:
        row = _new(
            session,
            account,
            transfer_id=transfer_id,
            milestone_id=milestone_id,
            payment_id=payment_id,
            amount=amount,
            repays=line_id,
        )
    return transfer_view(row, now=clock.now(session))


def order_waiting(session: Session, *, account: PayoutAccount) -> None:
    """The account, which the caller has locked, can take money now: everything that waited for it goes."""
    waiting = select(Transfer.id).where(Transfer.account_id == account.id, Transfer.state == "waiting")
    for row in locked_rows(session, Transfer, session.scalars(waiting)):
        _step(session, row, "order")


def order_again(session: Session, *, transfer_id: str) -> TransferView:
    """Staff has cleared up why the gateway refused: try once more, as a new order."""
    row = _locked(session, transfer_id)
    if TRANSFER.step(row.state, "order_again") is None:
        raise TransferNotFailed(
            f"The transfer is {row.state}; only one that failed is ordered again.", state=row.state
        )
    _step(session, row, "order_again")
    return transfer_view(row, now=clock.now(session))


def to_send(session: Session, *, transfer_id: str) -> TransferToSend | None:
    """The order for the gateway; None when its answer is known, or when the account cannot take money now.

    What may be out already is asked about even then, but not sent.
    """
    known = session.get(Transfer, transfer_id)
    # The account first, as everywhere: it may become able this moment and order all that waits.
    account = locked(session, PayoutAccount, known.account_id) if known is not None else None
    row = _locked(session, transfer_id)
    assert account is not None, "a transfer has an account"
    if row.state not in {"ordered", "unknown"}:
        return None
    if row.out_since is None and not account.can_receive_transfers:
        _wait(session, row)
        return None
    assert account.gateway_id is not None, "only an account the gateway has made can take money"
    call = orders.next_call(row, now=clock.now(session), may_send=account.can_receive_transfers)
    return TransferToSend(row.gateway, _order(row, account.gateway_id, call), call)


def send(intent: TransferToSend, *, through: PaysOut) -> Answer | None:
    """What the gateway says to the order; None when it was only asked, and has no such transfer."""
    return orders.carry_out(
        intent.call,
        find=lambda: through.find_transfer(intent.order),
        create=lambda: through.create_transfer(intent.order),
    )


def record(session: Session, *, intent: TransferToSend, outcome: Answer | None) -> datetime | None:
    """Write down what became of the order and book it once when the money moved; returns when to try again, if so."""
    row = _locked(session, intent.order.transfer_id)
    if isinstance(outcome, TransferFound):
        _arrive(session, row, outcome)
        return None
    if row.state not in {"ordered", "unknown"}:
        # Answered meanwhile, or waiting: the next order asks about what may be out.
        return None
    verdict = orders.judge(row, call=intent.call, outcome=outcome)
    if verdict is Verdict.REFUSED:
        assert isinstance(outcome, Rejected), "only a refusal is for good"
        _fail(session, row, outcome.code)
        return None
    return _try_later(session, row, verdict, intent.call, outcome)


def _try_later(
    session: Session, row: Transfer, verdict: Verdict, call: Call, outcome: Rejected | Busy | Unknown | None
) -> datetime | None:
    instant = clock.now(session)
    later = orders.next_try(now=instant, since=row.created_at)
    if verdict is Verdict.REPLACED:
        return instant
    if verdict is Verdict.UNANSWERED:
        row.reason = words.NO_ANSWER
        _step(session, row, "lose_answer")
        return later
    if verdict is Verdict.NEVER_ARRIVED:
        return _never_arrived(session, row, call, instant, later)
    if isinstance(outcome, Busy):
        return instant + timedelta(seconds=outcome.retry_after_seconds)
    assert isinstance(outcome, Rejected), "what was put off was refused for now"
    row.reason = words.put_off(outcome.code)
    if outcome.code == words.TOO_LITTLE and converted(session, [row.payment_id]):
        row.reason = words.waits_to_be_changed_back(row.currency)
    if row.out_since is None:
        _step(session, row, "put_off")
    return later


def _never_arrived(
    session: Session, row: Transfer, call: Call, instant: datetime, later: datetime
) -> datetime | None:
    if row.out_since is None:
        row.reason = words.MOVING
        _step(session, row, "put_off")
        return instant
    if not call.forgotten:
        # It was only asked about, because the account can take nothing.
        _wait(session, row)
        return None
    return later


def _wait(session: Session, row: Transfer) -> None:
    row.reason = words.waits_for_account(Money(row.amount_minor, row.currency))
    _step(session, row, "wait")


def _order(row: Transfer, destination: str, call: Call) -> TransferOrder:
    return TransferOrder(
        transfer_id=row.id,
        milestone_id=row.milestone_id,
        amount=Money(row.amount_minor, row.currency),
        destination=destination,
        source_charge=row.source_charge,
        attempt=call.attempt,
    )


def _arrive(session: Session, row: Transfer, found: TransferFound) -> None:
    amount = Money(row.amount_minor, row.currency)
    if found.amount != amount:
        raise GatewayDisagrees(
            f"The gateway's transfer {found.gateway_id} is over {found.amount}, not {amount}."
        )
    if row.gateway_id not in (None, found.gateway_id):
        raise GatewayDisagrees(f"The gateway has {row.id} twice: {row.gateway_id} and {found.gateway_id}.")
    if TRANSFER.step(row.state, "send") is None:
        # It was booked before.
        return
    if row.state == "unknown":
        # While it was not known whether it had moved, nothing could be taken back.
        debts.look_for_debts(session, worker_id=row.worker_id, because_of=row.id)
    row.gateway_id = found.gateway_id
    row.sent_at, row.available_at = clock.now(session), found.available_on
    row.reason = row.failure_code = None
    # What comes out of no charge comes out of what is available.
    settled = row.source_charge is None or draw(session, payment_id=row.payment_id, amount=amount)
    entry = post(
        session,
        movements.transferred_to_worker(row.gateway, row.worker_id, amount=amount, settled=settled),
        key=f"{row.id}:sent",
        reference=row.id,
        actor=row.gateway,
    )
    row.entry_id = entry.id
    _step(session, row, "send")


def _fail(session: Session, row: Transfer, code: str) -> None:
    row.failure_code = code[:_LONGEST_CODE]
    row.reason = words.transfer_failed(row.failure_code)
    _step(session, row, "refuse")


def _step(session: Session, row: Transfer, act: str) -> None:
    transition = TRANSFER.step(row.state, act)
    if transition is None:
        # The answer was lost before, too.
        return
    row.state = transition.to
    if transition.event == "transfer.ordered":
        row.reason, row.failure_code = words.MOVING, None
    outbox.publish(
        session,
        name=transition.event,
        subject=row.id,
        payload={
            "transfer_id": row.id,
            "milestone_id": row.milestone_id,
            "worker_id": row.worker_id,
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "reason": row.reason,
        },
    )
    session.flush()


def _new(
    session: Session,
    account: PayoutAccount,
    *,
    transfer_id: str,
    milestone_id: str,
    payment_id: str,
    amount: Money,
    release_id: str | None = None,
    source_charge: str | None = None,
    repays: str | None = None,
) -> Transfer:
    row = Transfer(
        id=transfer_id,
        release_id=release_id,
        repays=repays,
        milestone_id=milestone_id,
        worker_id=account.user_id,
        payment_id=payment_id,
        account_id=account.id,
        gateway=account.gateway,
        source_charge=source_charge,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        state=TRANSFER.initial,
        reason=words.waits_for_account(amount),
        created_at=clock.now(session),
        attempt=1,
        calls=0,
        calls_over=0,
    )
    _insert(session, row)
    if account.can_receive_transfers:
        _step(session, row, "order")
    return row


def _insert(session: Session, row: Transfer) -> None:
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error


def _locked(session: Session, transfer_id: str) -> Transfer:
    row = locked(session, Transfer, transfer_id)
    if row is None:
        raise TransferNotFound("There is no transfer with this id.")
    return row
