"""An account leaves us, or comes back: where its worker's money goes then, what was not sent and what lies there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from payouts.accounts import held_with_others, live_account
from payouts.destinations import move_on
from payouts.recovery import left_of, order_reversal, try_again
from payouts.states import LEFT
from payouts.tables import Payout, PayoutAccount, Reversal, Transfer
from persistence import clock, due, outbox
from persistence.locks import locked_rows

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_LONGEST_REASON = 64


def leave(session: Session, row: PayoutAccount, *, code: str) -> None:
    """The gateway speaks of the account no longer; the caller has locked all of its worker's accounts.

    What was not sent goes to another account, and what lies there is brought back where the gateway lets us.
    """
    if row.left_at is not None:
        return
    row.can_receive_transfers = row.can_be_paid_out = row.takes_instant = False
    row.missing, row.disabled_reason = [], code[:_LONGEST_REASON]
    row.live_for, row.left_at = None, clock.now(session)
    enter(session, row, LEFT)
    move_on(session, account=row)
    _bring_back(session, row)


def come_back(session: Session, row: PayoutAccount) -> bool:
    """The gateway speaks again of an account that had left; whether it is in use again.

    It is not where another is: that one knows its worker's bank, and money is on its way to it. What lay there is
    brought back from it either way.
    """
    returned = not _is_replaced(session, row)
    if returned:
        row.live_for, row.left_at, row.returned_at = row.user_id, None, None
    elif row.returned_at is None:
        row.returned_at = clock.now(session)
        row.version += 1
        _tell(session, row, "payout_account.returned")
    else:
        return False
    session.flush()
    _try_again(session, row)
    return returned


def bring_back(session: Session, *, account_id: str) -> None:
    """Bring back what has come to an account since it left us."""
    row = held_with_others(session, account_id)
    if row.left_at is not None:
        _bring_back(session, row)


def enter(session: Session, row: PayoutAccount, state: str) -> None:
    """The account is as the gateway says, and whoever listens hears of it when that is something else."""
    changed, row.state = row.state != state, str(state)
    row.version += 1
    if changed:
        _tell(session, row, f"payout_account.{row.state}")
    session.flush()


def _bring_back(session: Session, account: PayoutAccount) -> None:
    sent = select(Transfer.id).where(
        Transfer.worker_id == account.user_id, Transfer.account_id == account.id, Transfer.state == "sent"
    )
    for transfer in locked_rows(session, Transfer, session.scalars(sent)):
        left = left_of(session, transfer)
        if left:
            order_reversal(session, transfer, left, left_account_id=account.id)
    session.flush()


def _is_replaced(session: Session, row: PayoutAccount) -> bool:
    other = session.scalar(live_account(row.user_id, row.gateway))
    if other is None:
        return False
    if other.gateway_id is not None or other.calls:
        return True
    # Nobody has been asked to make that one: the row of a worker who has not come by yet.
    other.live_for, other.left_at = None, clock.now(session)
    enter(session, other, LEFT)
    return False


def _try_again(session: Session, account: PayoutAccount) -> None:
    refused = select(Reversal.id).where(Reversal.left_account_id == account.id, Reversal.state == "refused")
    for row in locked_rows(session, Reversal, session.scalars(refused)):
        try_again(session, row)
    # While it was away, nobody could say how far these are.
    sent = select(Payout.id).where(
        Payout.worker_id == account.user_id, Payout.account_id == account.id, Payout.state == "sent"
    )
    for payout_id in session.scalars(sent).all():
        due.schedule(
            session,
            kind="refresh_payout",
            subject=payout_id,
            due_at=clock.now(session),
            key=f"refresh_payout:{payout_id}:{account.version}",
        )


def _tell(session: Session, row: PayoutAccount, event: str) -> None:
    outbox.publish(
        session,
        name=event,
        subject=row.id,
        payload={"account_id": row.id, "user_id": row.user_id},
    )
