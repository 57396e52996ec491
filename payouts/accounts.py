"""The worker's account at a gateway: one live one each, made when the worker sets it up, and those that have left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways import orders
from gateways.contract import AccountOrder, AccountState
from identity.accounts import account as person
from kernel.ids import new_id
from kernel.refusals import Conflict, NotFound
from payouts.tables import PayoutAccount
from payouts.views import AccountView, account_view
from persistence import clock
from persistence.locks import locked, locked_rows
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from gateways.contract import AccountFound, Busy, PaysOut, Rejected, Unknown
    from gateways.orders import Call
    from identity.actors import Actor


class PayoutAccountMissing(Conflict):
    """The worker has no account to be paid to yet."""

    code = "payout_account_missing"


class PayoutAccountNotFound(NotFound):
    """There is no such payout account, or it is somebody else's."""

    code = "payout_account_not_found"


def account_of(session: Session, *, user_id: str, gateway: str, by: Actor) -> AccountView:
    """Whether a worker can be paid and what is missing; everybody asks for themselves, staff for anybody."""
    if user_id != by.id and not by.is_staff:
        raise PayoutAccountNotFound("There is no payout account of this person among yours.")
    row = account_to_show(session, user_id=user_id, gateway=gateway)
    return account_view(row, user_id=user_id, gateway=gateway)


def account_to_show(session: Session, *, user_id: str, gateway: str) -> PayoutAccount | None:
    """The account a worker is told of: the live one or, until the gateway has made that, the last that left."""
    live = session.scalar(live_account(user_id, gateway))
    if live is not None and live.gateway_id is not None:
        return live
    last = (
        select(PayoutAccount)
        .where(
            PayoutAccount.user_id == user_id,
            PayoutAccount.gateway == gateway,
            PayoutAccount.gateway_id.is_not(None),
            PayoutAccount.left_at.is_not(None),
        )
        .order_by(PayoutAccount.left_at.desc(), PayoutAccount.id.desc())
        .limit(1)
    )
    return session.scalar(last) or live


def live_account(user_id: str, gateway: str) -> Select[PayoutAccount]:
    """The one account of the worker at the gateway that has not left us."""
    return select(PayoutAccount).where(PayoutAccount.live_for == user_id, PayoutAccount.gateway == gateway)


def held_account(session: Session, *, user_id: str, gateway: str) -> PayoutAccount:
    """The worker's live account, locked; who has none gets the row of one that no gateway has made yet."""
    known = session.scalar(live_account(user_id, gateway))
    if known is None:
        return _blank(session, user_id, gateway)
    row = locked(session, PayoutAccount, known.id)
    assert row is not None, "a payout account is never deleted"
    if row.live_for is None:
        # It left this moment; there may be another by now.
        raise Retry
    return row


@dataclass(frozen=True, slots=True)
class AccountToOpen:
    """A worker's account for the gateway to open, and the call that is to be made about it."""

    order: AccountOrder
    call: Call


def order_account(session: Session, *, user_id: str, gateway: str) -> AccountToOpen | None:
    """The order for the worker's account, noted as out from now on; None when the gateway has made it."""
    row = held_account(session, user_id=user_id, gateway=gateway)
    if row.gateway_id is not None:
        return None
    worker = person(session, user_id)
    call = orders.next_call(row, now=clock.now(session))
    return AccountToOpen(AccountOrder(row.id, user_id, worker.email, worker.country, call.attempt), call)


def open_account(through: PaysOut, intent: AccountToOpen) -> AccountFound | Rejected | Busy | Unknown | None:
    """What the gateway says to the order; None when it was only asked, and has no such account."""
    return orders.carry_out(
        intent.call,
        find=lambda: _found_again(through, intent),
        create=lambda: through.create_account(intent.order),
    )


def account_at_gateway(session: Session, *, user_id: str, gateway: str) -> str:
    """What the gateway calls the worker's account; refuses when there is none yet."""
    row = session.scalar(live_account(user_id, gateway))
    if row is None or row.gateway_id is None:
        raise PayoutAccountMissing("Set up your payout account first.")
    return row.gateway_id


def hold_accounts(session: Session, *, user_id: str) -> dict[str, PayoutAccount]:
    """Lock all of a worker's accounts: whoever withdraws meanwhile, through whichever gateway, waits or was before."""
    ids = session.scalars(select(PayoutAccount.id).where(PayoutAccount.user_id == user_id))
    return {row.id: row for row in locked_rows(session, PayoutAccount, ids)}


def held_with_others(session: Session, account_id: str) -> PayoutAccount:
    """The account, locked with all the others of its worker: money may go from the one to the other."""
    known = session.get(PayoutAccount, account_id)
    assert known is not None, "a payout account is never deleted"
    return hold_accounts(session, user_id=known.user_id)[account_id]


def able_account(session: Session, *, user_id: str, gateway: str) -> PayoutAccount | None:
    """An account of the worker that can take money now, at this gateway if they have one there."""
    able = select(PayoutAccount).where(
        PayoutAccount.user_id == user_id, PayoutAccount.left_at.is_(None), PayoutAccount.can_receive_transfers
    )
    rows = session.scalars(able.order_by(PayoutAccount.gateway != gateway, PayoutAccount.id))
    return rows.first()


def accounts_that_left(session: Session, *, user_id: str) -> set[str]:
    """The worker's accounts of which the gateway speaks no longer."""
    gone = select(PayoutAccount.id).where(
        PayoutAccount.user_id == user_id, PayoutAccount.left_at.is_not(None)
    )
    return set(session.scalars(gone))


def takes_nothing_more(account: PayoutAccount) -> bool:
    """Whether what waits for the account may as well go to another: it has left, or no gateway has made it."""
    return account.left_at is not None or account.gateway_id is None


def rail(session: Session, *, worker_id: str, paid_through: str, rails: Sequence[str]) -> str:
    """Through which of the `rails` (the gateways that pay out, first to last) a worker is paid.

    The one that collected, if it pays out and the worker can be paid there: the money is there. Otherwise any at which
    they can be paid; while there is none, the money waits for an account at the first one.
    """
    ready = select(PayoutAccount.gateway).where(
        PayoutAccount.user_id == worker_id, PayoutAccount.can_receive_transfers
    )
    able = set(session.scalars(ready))
    preferred: list[str] = sorted(rails, key=lambda name: name != paid_through)
    return next((name for name in preferred if name in able), preferred[0])


def accounts_at(session: Session, *, gateway: str) -> list[tuple[str, str]]:
    """Every worker's account that the gateway has made, and whose it is."""
    rows = session.execute(
        select(PayoutAccount.gateway_id, PayoutAccount.user_id)
        .where(PayoutAccount.gateway == gateway, PayoutAccount.gateway_id.is_not(None))
        .order_by(PayoutAccount.id)
    )
    return [(account, user_id) for account, user_id in rows if account is not None]


def _found_again(through: PaysOut, intent: AccountToOpen) -> AccountFound | Rejected | Busy | Unknown | None:
    assert intent.call.out_since is not None, "only what may be out is asked for"
    return through.find_account(intent.order, since=intent.call.out_since)


def _blank(session: Session, user_id: str, gateway: str) -> PayoutAccount:
    row = PayoutAccount(
        id=new_id("ac"),
        user_id=user_id,
        live_for=user_id,
        gateway=gateway,
        state=AccountState.INCOMPLETE.value,
        can_receive_transfers=False,
        can_be_paid_out=False,
        takes_instant=False,
        missing=[],
        version=1,
        attempt=1,
        calls=0,
        calls_over=0,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        # A release and the worker's own first visit came at the same moment.
        raise Retry from error
    return row
