"""To which account of a worker's a transfer goes: what waits and may not be out is pointed to one that can take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from kernel.money import Money
from payouts import words
from payouts.accounts import able_account, takes_nothing_more
from payouts.states import TRANSFER
from payouts.tables import PayoutAccount, Transfer
from persistence import outbox
from persistence.locks import locked_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

_UNSENT = ("waiting", "ordered", "unknown", "failed")


def order_waiting(session: Session, *, account: PayoutAccount) -> None:
    """The account can take money now: everything that waited for it goes, and what can go to no other does too.

    The caller has locked all of the worker's accounts.
    """
    for row in _of(session, account.user_id, ["waiting"]):
        # Where it may be out, its own account is asked for it first.
        if row.account_id == account.id or (row.out_since is None and _is_stranded(session, row)):
            _point(row, account)
            step(session, row, "order")


def move_on(session: Session, *, account: PayoutAccount) -> None:
    """The account has left us: what was not sent goes to another of the worker's, or waits until there is one.

    What may be out is asked for first. The caller has locked all of the worker's accounts.
    """
    other = able_account(session, user_id=account.user_id, gateway=account.gateway)
    for row in _of(session, account.user_id, _UNSENT):
        if row.account_id != account.id:
            continue
        if row.out_since is not None:
            step(session, row, "order")
        else:
            redirect(session, row, account, to=other)


def redirect(session: Session, row: Transfer, account: PayoutAccount, *, to: PayoutAccount | None) -> None:
    """Nothing of the transfer is out, and the account takes nothing: it goes to another one, or waits."""
    assert row.out_since is None, "what may be out has its account"
    wait(session, row, account)
    if to is not None:
        _point(row, to)
        step(session, row, "order")


def wait(session: Session, row: Transfer, account: PayoutAccount) -> None:
    """The transfer waits for its worker to finish the account, or to set up another one."""
    amount = Money(row.amount_minor, row.currency)
    row.reason = words.waits_for_account(amount, left=account.left_at is not None)
    step(session, row, "wait")


def step(session: Session, row: Transfer, act: str) -> None:
    """Take the step if it can be taken from here, and tell."""
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


def _of(session: Session, worker_id: str, states: Iterable[str]) -> list[Transfer]:
    ids = session.scalars(
        select(Transfer.id).where(Transfer.worker_id == worker_id, Transfer.state.in_(states))
    )
    # By now another may have been first.
    return [row for row in locked_rows(session, Transfer, ids) if row.state in states]


def _is_stranded(session: Session, row: Transfer) -> bool:
    return takes_nothing_more(session.get_one(PayoutAccount, row.account_id))


def _point(row: Transfer, account: PayoutAccount) -> None:
    if row.gateway != account.gateway:
        # Of a charge at another gateway nothing is known there: it comes out of what is available to us.
        row.gateway, row.source_charge = account.gateway, None
    row.account_id = account.id
