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
from payouts.accounts import able_account, held_account, hold_accounts, takes_nothing_more
from payouts.destinations import redirect, step, wait
from payouts.looks import look_at_account, look_at_what_lies_there
from payouts.states import TRANSFER
from payouts.tables import PayoutAccount, Reversal, Transfer
from payouts.views import TransferView, transfer_view
from persistence import clock
from persistence.locks import locked
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


def order_anew(
    session: Session,
    *,
    transfer_id: str,
    reversal_id: str,
    worker_id: str,
    gateway: str,
) -> TransferView:
    """Have moved to the worker's account what was brought back from one that has left, once for its reversal."""
    account = held_account(session, user_id=worker_id, gateway=gateway)
    row = session.scalar(select(Transfer).where(Transfer.replaces == reversal_id))
    if row is None:
        back = session.get_one(Reversal, reversal_id)
        before = session.get_one(Transfer, back.transfer_id)
        row = _new(
            session,
            account,
            transfer_id=transfer_id,
            milestone_id=before.milestone_id,
            payment_id=before.payment_id,
            amount=Money(back.amount_minor, back.currency),
            replaces=reversal_id,
        )
        # While it was on its way back, nothing could be taken of it.
        debts.look_for_debts(session, worker_id=worker_id, because_of=row.id)
    return transfer_view(row, now=clock.now(session))


def order_again(session: Session, *, transfer_id: str) -> TransferView:
    """Staff has cleared up why the gateway refused: try once more, as a new order."""
    row = _locked(session, transfer_id)
    if TRANSFER.step(row.state, "order_again") is None:
        raise TransferNotFailed(
            f"The transfer is {row.state}; only one that failed is ordered again.", state=row.state
        )
    step(session, row, "order_again")
    return transfer_view(row, now=clock.now(session))


def to_send(session: Session, *, transfer_id: str) -> TransferToSend | None:
    """The order for the gateway; None when its answer is known, or when the account cannot take money now.

    What may be out already is asked about even then, but not sent.
    """
    accounts = _hold_accounts(session, transfer_id)
    row = _locked(session, transfer_id)
    account = accounts[row.account_id]
    if row.state not in {"ordered", "unknown"}:
        return None
    if row.out_since is None and not account.can_receive_transfers:
        _turn_elsewhere(session, row, account)
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
    accounts = _hold_accounts(session, intent.order.transfer_id)
    row = _locked(session, intent.order.transfer_id)
    account = accounts[row.account_id]
    if isinstance(outcome, TransferFound):
        _arrive(session, row, account, outcome)
        return None
    if row.state not in {"ordered", "unknown"}:
        # Answered meanwhile, or waiting: the next order asks about what may be out.
        return None
    verdict = orders.judge(row, call=intent.call, outcome=outcome)
    if verdict is Verdict.REFUSED:
        assert isinstance(outcome, Rejected), "only a refusal is for good"
        _refuse(session, row, account, outcome.code)
        return None
    return _try_later(session, row, verdict, intent.call, outcome)


def _hold_accounts(session: Session, transfer_id: str) -> dict[str, PayoutAccount]:
    """All of the worker's accounts first, as everywhere: one may leave or become able this moment."""
    known = session.get(Transfer, transfer_id)
    return hold_accounts(session, user_id=known.worker_id) if known is not None else {}


def _turn_elsewhere(session: Session, row: Transfer, account: PayoutAccount) -> None:
    stranded = takes_nothing_more(account)
    other = able_account(session, user_id=row.worker_id, gateway=row.gateway) if stranded else None
    redirect(session, row, account, to=other)


def _try_later(
    session: Session, row: Transfer, verdict: Verdict, call: Call, outcome: Rejected | Busy | Unknown | None
) -> datetime | None:
    instant = clock.now(session)
    later = orders.next_try(now=instant, since=row.created_at)
    if verdict is Verdict.REPLACED:
        return instant
    if verdict is Verdict.UNANSWERED:
        row.reason = words.NO_ANSWER
        step(session, row, "lose_answer")
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
        step(session, row, "put_off")
    return later


def _never_arrived(
    session: Session, row: Transfer, call: Call, instant: datetime, later: datetime
) -> datetime | None:
    if row.out_since is None:
        row.reason = words.MOVING
        step(session, row, "put_off")
        return instant
    account = session.get_one(PayoutAccount, row.account_id)
    if not call.forgotten and account.left_at is None:
        # It was only asked about, because the account can take nothing.
        wait(session, row, account)
        return None
    # Of an account that has left it is asked until nothing can be out any more: only then it goes to another one.
    return later


def _order(row: Transfer, destination: str, call: Call) -> TransferOrder:
    return TransferOrder(
        transfer_id=row.id,
        milestone_id=row.milestone_id,
        amount=Money(row.amount_minor, row.currency),
        destination=destination,
        source_charge=row.source_charge,
        attempt=call.attempt,
    )


def _arrive(session: Session, row: Transfer, account: PayoutAccount, found: TransferFound) -> None:
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
    step(session, row, "send")
    if account.left_at is not None:
        look_at_what_lies_there(session, account_id=account.id, because_of=row.id)


def _refuse(session: Session, row: Transfer, account: PayoutAccount, code: str) -> None:
    if account.left_at is not None:
        _turn_elsewhere(session, row, account)
        return
    row.failure_code = code[:_LONGEST_CODE]
    row.reason = words.transfer_failed(row.failure_code)
    step(session, row, "refuse")
    # It may be that the account has left us, and the news of it is late or lost.
    look_at_account(session, account_id=account.id, because_of=f"{row.id}:{row.attempt}")


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
    replaces: str | None = None,
) -> Transfer:
    row = Transfer(
        id=transfer_id,
        release_id=release_id,
        repays=repays,
        replaces=replaces,
        milestone_id=milestone_id,
        worker_id=account.user_id,
        payment_id=payment_id,
        account_id=account.id,
        gateway=account.gateway,
        source_charge=source_charge,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        state=TRANSFER.initial,
        reason=words.waits_for_account(amount, left=account.left_at is not None),
        created_at=clock.now(session),
        attempt=1,
        calls=0,
        calls_over=0,
    )
    _insert(session, row)
    if account.can_receive_transfers:
        step(session, row, "order")
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
