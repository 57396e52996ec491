"""Do transfers and payouts agree with the ledger? Read by the same command and tests that verify the books."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from ledger import chart
from ledger.balances import balance
from ledger.breaches import Breach
from ledger.outside import booked_by_line
from payouts.funds import spoken_for
from payouts.states import UNDONE, UNSENT
from payouts.tables import Payout, PayoutPart, Reversal, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


def verify(session: Session) -> list[Breach]:
    """Everything in which transfers, payouts and the ledger differ; an empty list means that they agree."""
    return [
        *_connected(session),
        *_held(session),
        *_in_transit(session),
        *_made_up(session),
        *_fees_fetched(session),
        *_taken_twice(session),
        *_left_there(session),
    ]


def _connected(session: Session) -> Iterator[Breach]:
    """What lies at the worker's account is what was moved there less what left it again, and what nobody explains."""
    expected = _sums(session, Transfer, Transfer.state == "sent")
    unexplained = booked_by_line(session)
    expected.subtract(_sums(session, Payout, Payout.state == "paid"))
    expected.subtract(_sums(session, Reversal, Reversal.state == "reversed"))
    for (worker_id, gateway, currency), minor in sorted(expected.items()):
        account = chart.connected(gateway, worker_id, currency)
        there = balance(session, account).posted.amount_minor - unexplained.get((account.code, currency), 0)
        if there != minor:
            detail = f"{minor} {currency} by transfers and payouts, {there} by the ledger"
            yield Breach("connected_balance", worker_id, detail)


def _held(session: Session) -> Iterator[Breach]:
    """What is held back in a wallet is what its payouts that are not yet sent reserve."""
    reserved: Counter[tuple[str, str]] = Counter()
    everybody = {(worker_id, currency) for worker_id, _, currency in _sums(session, Payout)}
    unsent = select(Payout.worker_id, Payout.currency, Payout.amount_minor + Payout.fee_minor)
    for worker_id, currency, minor in session.execute(unsent.where(Payout.state.in_(UNSENT))):
        reserved[worker_id, currency] += minor
    for worker_id, currency in sorted(everybody):
        held = balance(session, chart.wallet(worker_id, currency)).held.amount_minor
        if held != reserved[worker_id, currency]:
            detail = f"{reserved[worker_id, currency]} {currency} by payouts, {held} by the ledger"
            yield Breach("wallet_hold", worker_id, detail)


def _in_transit(session: Session) -> Iterator[Breach]:
    """What is in transit is what payouts that were sent have not been confirmed."""
    sent: Counter[str] = Counter()
    for (_, _, currency), minor in _sums(session, Payout, Payout.state == "sent").items():
        sent[currency] += minor
    for currency in sorted({currency for _, _, currency in _sums(session, Payout)}):
        there = balance(session, chart.payouts_in_transit(currency)).posted.amount_minor
        if there != sent[currency]:
            yield Breach(
                "payouts_in_transit", currency, f"{sent[currency]} by payouts, {there} by the ledger"
            )


def _made_up(session: Session) -> Iterator[Breach]:
    """Every payout, and every fee of one, is made up of transfers, exactly."""
    parts = func.coalesce(func.sum(PayoutPart.amount_minor), 0)
    fees = func.coalesce(func.sum(PayoutPart.fee_minor), 0)
    rows = session.execute(
        select(Payout.id, Payout.amount_minor, Payout.fee_minor, parts, fees)
        .outerjoin(PayoutPart, PayoutPart.payout_id == Payout.id)
        .group_by(Payout.id, Payout.amount_minor, Payout.fee_minor)
        .having((parts != Payout.amount_minor) | (fees != Payout.fee_minor))
        .order_by(Payout.id)
    )
    for payout_id, amount, fee, made_up, fee_made_up in rows:
        detail = f"its parts are {made_up} of {amount}, and {fee_made_up} of a fee of {fee}"
        yield Breach("payout_parts", payout_id, detail)


def _fees_fetched(session: Session) -> Iterator[Breach]:
    """The fee of every payout that was paid is fetched from the worker's account, and of no other."""
    fetched = (
        select(Reversal.payout_id, func.sum(Reversal.amount_minor).label("minor"))
        .group_by(Reversal.payout_id)
        .subquery()
    )
    ordered = func.coalesce(fetched.c.minor, 0)
    owed = case((Payout.paid_at.is_not(None), Payout.fee_minor), else_=0)
    rows = session.execute(
        select(Payout.id, owed, ordered)
        .outerjoin(fetched, fetched.c.payout_id == Payout.id)
        .where(owed != ordered)
        .order_by(Payout.id)
    )
    for payout_id, fee, minor in rows:
        yield Breach("payout_fee", payout_id, f"{minor} is fetched of a fee of {fee}")


def _taken_twice(session: Session) -> Iterator[Breach]:
    """No transfer is withdrawn beyond its amount, or before it was sent."""
    taken = func.sum(spoken_for())
    rows = session.execute(
        select(Transfer.id, Transfer.amount_minor, Transfer.state, taken)
        .join(PayoutPart, PayoutPart.transfer_id == Transfer.id)
        .join(Payout, Payout.id == PayoutPart.payout_id)
        .where(Payout.state.not_in(UNDONE))
        .group_by(Transfer.id, Transfer.amount_minor, Transfer.state)
        .having((taken > Transfer.amount_minor) | (Transfer.state != "sent"))
        .order_by(Transfer.id)
    )
    for transfer_id, amount, state, withdrawn in rows:
        yield Breach(
            "transfer_parts", transfer_id, f"{withdrawn} of {amount} is withdrawn, and it is {state}"
        )


def _left_there(session: Session) -> Iterator[Breach]:
    """What is owed to workers at accounts that have left is what gateways did not give back of them."""
    ever = _sums(session, Reversal, Reversal.left_account_id.is_not(None))
    refused = Counter({(worker_id, currency): 0 for worker_id, _, currency in ever})
    for (worker_id, _, currency), minor in _sums(session, Reversal, Reversal.state == "refused").items():
        refused[worker_id, currency] += minor
    for (worker_id, currency), minor in sorted(refused.items()):
        there = balance(session, chart.left_with(worker_id, currency)).posted.amount_minor
        if there != minor:
            yield Breach(
                "left_with_account", worker_id, f"{minor} {currency} by reversals, {there} by the ledger"
            )


def _sums(
    session: Session, table: type[Transfer | Payout | Reversal], *where: ColumnElement[bool]
) -> Counter[tuple[str, str, str]]:
    rows = session.execute(
        select(table.worker_id, table.gateway, table.currency, func.sum(table.amount_minor))
        .where(*where)
        .group_by(table.worker_id, table.gateway, table.currency)
    )
    return Counter(
        {(worker_id, gateway, currency): int(minor) for worker_id, gateway, currency, minor in rows}
    )
