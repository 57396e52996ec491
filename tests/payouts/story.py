"""A worker who earns and withdraws: what they do, what the gateway says of it, and where the money is afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateways.contract import AccountFound, AccountState, PayoutFound, PayoutState, TransferFound
from kernel.ids import new_id
from kernel.money import Money
from ledger.balances import balance as ledger_balance
from ledger.balances import trial_balance
from payouts import account_news, accounts, progress, queries, transfers, wallet, withdrawals
from payouts.progress import AtGateway
from payouts.tables import PayoutAccount
from persistence.tables import OutboxEvent
from persistence.unit_of_work import atomically, reading
from tests.escrow.story import ADMIN, WORKER, accept, funded, usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from identity.actors import Actor
    from ledger.chart import Account
    from payouts.transfers import TransferToSend
    from payouts.views import AccountView, PayoutView, TransferView
    from payouts.wallet import WalletBalance
    from payouts.withdrawals import PayoutToSend

GATEWAY = "stripe"
_PLACES = {
    "assets:gateway:stripe:connected": "connected",
    "liabilities:wallet": "wallet",
    "liabilities:payouts:in_transit": "in transit",
}


def places() -> dict[str, str]:
    """What lies where a worker's money can be; what has nothing is left out."""
    return reading(places_in)


def places_in(session: Session) -> dict[str, str]:
    """The same, as one transaction sees it."""
    found: dict[str, Money] = {}
    for line in trial_balance(session):
        place = next((place for code, place in _PLACES.items() if line.code.startswith(code)), None)
        if place is not None:
            found[place] = found.get(place, usd("0.00")) + max(line.debit, line.credit)
    return {place: amount.decimal for place, amount in found.items()}


def ours(account: Callable[[str, str], Account]) -> str:
    """What lies at the gateway for ourselves: `ours(chart.gateway_pending)`."""
    return reading(ledger_balance, account(GATEWAY, "USD")).posted.decimal


def account_answer(order_id: str | None = None, **changes: Any) -> AccountFound:
    """What the gateway says of a worker's account; all is in order unless something else is said."""
    known = {
        "gateway_id": "acct_walt",
        "state": AccountState.READY,
        "can_receive_transfers": True,
        "can_be_paid_out": True,
        "missing": (),
        "disabled_reason": None,
        "bank_name": "STRIPE TEST BANK",
        "bank_last4": "6789",
        "account_id": order_id,
    }
    return AccountFound(**(known | changes))


def account(of: Actor = WORKER, **changes: Any) -> AccountView:
    """The worker sets an account up, and the gateway says how it is."""
    order = atomically(accounts.order_account, user_id=of.id, gateway=GATEWAY)
    if order is not None:
        atomically(
            account_news.record_account,
            intent=order,
            outcome=account_answer(order.order.account_id, **changes),
        )
    return look_at_account(of)


def news_of_account(of: Actor = WORKER, **changes: Any) -> bool:
    """The gateway is asked again how the account is."""
    watched = _watched(of)
    return atomically(
        account_news.record_news, intent=watched, outcome=account_answer(watched.account_id, **changes)
    )


def look_at_account(of: Actor = WORKER) -> AccountView:
    """The account as it stands now."""
    return reading(accounts.account_of, user_id=of.id, gateway=GATEWAY, by=of)


def released(price: str = "100.00") -> dict[str, Any]:
    """A milestone was accepted: what was told of it. Of 100.00 the worker gets 90.00."""
    milestone = funded(price)
    accept(milestone)
    told = reading(
        lambda session: session.scalars(
            select(OutboxEvent).where(
                OutboxEvent.name == "milestone.released", OutboxEvent.subject == milestone.id
            )
        ).one()
    )
    return dict(told.payload)


def order(told: dict[str, Any]) -> TransferView:
    """The worker's share of a release is to be moved."""
    return atomically(
        transfers.order,
        transfer_id=new_id("tr"),
        amount=Money(told["amount_minor"], told["currency"]),
        **{
            name: told[name]
            for name in ("release_id", "milestone_id", "worker_id", "payment_id", "gateway", "source_charge")
        },
    )


def ordered(price: str = "100.00") -> TransferView:
    """A transfer that is about to be sent."""
    return order(released(price))


def about_to_send(transfer: TransferView) -> TransferToSend:
    """The order for the gateway."""
    intent = atomically(transfers.to_send, transfer_id=transfer.id)
    assert intent is not None
    return intent


def transfer_answer(
    transfer: TransferView, *, amount: str | None = None, usable_in: timedelta = timedelta(days=2)
) -> TransferFound:
    """What the gateway says of a transfer it made."""
    return TransferFound(
        gateway_id=f"tr_{transfer.id}",
        amount=transfer.amount if amount is None else usd(amount),
        available_on=now() + usable_in,
        transfer_id=transfer.id,
    )


def sent(price: str = "100.00", *, usable_in: timedelta = timedelta(days=2)) -> TransferView:
    """A worker's share that was moved to their account."""
    transfer = ordered(price)
    intent = about_to_send(transfer)
    atomically(transfers.record, intent=intent, outcome=transfer_answer(transfer, usable_in=usable_in))
    return look_at_transfer(transfer)


def usable(price: str = "100.00") -> TransferView:
    """A worker's share that can be withdrawn."""
    return sent(price, usable_in=timedelta(seconds=-1))


def look_at_transfer(transfer: TransferView) -> TransferView:
    """The transfer as it stands now."""
    found = reading(queries.transfers_of, transfer.milestone_id)
    return next(known for known in found if known.id == transfer.id)


def balance(of: Actor = WORKER) -> WalletBalance:
    """The worker's wallet, in dollars."""
    return reading(wallet.wallet, user_id=of.id, gateway=GATEWAY, by=of).balances[0]


def withdraw(amount: str, *, by: Actor = WORKER, payout_id: str | None = None) -> PayoutView:
    """The worker withdraws."""
    return atomically(
        withdrawals.request_payout,
        payout_id=payout_id or new_id("po"),
        amount=usd(amount),
        gateway=GATEWAY,
        by=by,
    )


def payout_about_to_send(payout: PayoutView) -> PayoutToSend:
    """The order for the gateway."""
    intent = atomically(withdrawals.to_send, payout_id=payout.id)
    assert intent is not None
    return intent


def payout_answer(
    payout: PayoutView, state: PayoutState = PayoutState.PENDING, *, amount: str | None = None, **changes: Any
) -> PayoutFound:
    """What the gateway says of a payout."""
    failed = state is PayoutState.FAILED
    known = {
        "gateway_id": f"po_{payout.id}",
        "state": state,
        "amount": payout.amount if amount is None else usd(amount),
        "arrives_on": now() + timedelta(days=2),
        "trace_id": "000000000000042" if state is PayoutState.PAID else None,
        "failure_code": "account_closed" if failed else None,
        "failure_message": "The bank account has been closed." if failed else None,
        "payout_id": payout.id,
    }
    return PayoutFound(**(known | changes))


def news(payout: PayoutView, state: PayoutState, **changes: Any) -> datetime | None:
    """The gateway is asked how the payout is."""
    return atomically(hear, payout, state, **changes)


def hear(session: Session, payout: PayoutView, state: PayoutState, **changes: Any) -> datetime | None:
    """The same, within a transaction."""
    found = payout_answer(payout, state, **changes)
    of = AtGateway(GATEWAY, "acct_walt", found.gateway_id)
    return progress.record_news(session, of=of, found=found)


def look(payout: PayoutView) -> PayoutView:
    """The payout as it stands now."""
    return reading(queries.payout, payout_id=payout.id, by=ADMIN)


def now() -> datetime:
    """The present instant, near enough."""
    return datetime.now(UTC)


def _watched(of: Actor) -> account_news.Watched:
    def query(session: Any) -> account_news.Watched | None:
        row = session.scalars(select(PayoutAccount).where(PayoutAccount.user_id == of.id)).one()
        return account_news.account_to_ask_for(session, subject=row.id, gateway=None)

    watched = reading(query)
    assert watched is not None
    return watched
