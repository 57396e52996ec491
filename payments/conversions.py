"""What gateways convert for a payment: booked each time, and what is lost or gained once all of it is changed back.

A payment's position is what of its currency is turned into another, and for how much. What is changed back lowers both,
at the gateway's rate of that day. When nothing is left of the first, what is left of the second was lost or gained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kernel.money import Money
from kernel.refusals import Conflict
from ledger import movements
from ledger.posting import post
from payments.tables import Payment
from persistence.locks import locked_rows

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


class AnotherConversionOpen(Conflict):
    """The gateway converts into yet another currency, and what it had converted before is not changed back."""

    code = "another_conversion_open"


class MoreThanIsOpen(Conflict):
    """More was changed than was converted and not changed back; what is beyond that is a conversion of our own."""

    code = "more_than_is_open"


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """What one gateway has converted of one currency into another, and is not changed back.

    Below zero more was changed back than is needed now: what went to clients since was taken out of the other.
    """

    gateway: str
    converted: Money
    into: Money
    payments: int
    since: datetime


def open_positions(session: Session) -> list[OpenPosition]:
    """All of them, by gateway and currency; what is lost or gained is known when they are closed."""
    sign = Payment.converted_minor > 0
    rows = session.execute(
        select(
            Payment.gateway,
            Payment.currency,
            Payment.converted_into,
            func.sum(Payment.converted_minor),
            func.sum(Payment.converted_into_minor),
            func.count(),
            func.min(Payment.succeeded_at),
        )
        .where(Payment.converted_minor != 0)
        .group_by(Payment.gateway, Payment.currency, Payment.converted_into, sign)
        .order_by(Payment.gateway, Payment.currency, Payment.converted_into, sign)
    )
    return [
        OpenPosition(gateway, Money(int(minor), currency), Money(int(into_minor), into), count, since)
        for gateway, currency, into, minor, into_minor, count, since in rows
        # What is open was paid, and converted into something.
        if into is not None and since is not None
    ]


def convert(
    session: Session, row: Payment, *, given: Money, received: Money, settled: bool, key: str
) -> None:
    """The gateway changed `given` into `received` for this payment, which is locked; one of them is in its currency."""
    post(
        session,
        movements.gateway_converted(row.gateway, given=given, received=received, settled=settled),
        key=key,
        reference=row.milestone_id,
        actor=row.gateway,
    )
    if given.currency == row.currency:
        change(session, row, by=given, into=received, key=key)
    else:
        change(session, row, by=-received, into=-given, key=key)


def change(session: Session, row: Payment, *, by: Money, into: Money, key: str) -> None:
    """So much more of the payment's currency is turned into another, or, below zero, changed back."""
    assert by.currency == row.currency, "it is the payment's money that is converted"
    if row.converted_into not in {None, into.currency} and row.converted_into_minor:
        raise AnotherConversionOpen(
            f"{row.id} is converted into {row.converted_into}, and would be into {into.currency} as well."
        )
    row.converted_minor += by.amount_minor
    row.converted_into = into.currency
    row.converted_into_minor += into.amount_minor
    if row.converted_minor in {0, -_kept_before(row)}:
        # What came in was credited: what is left of it came in and was never needed.
        for lost in (
            -Money(row.converted_into_minor, into.currency),
            Money(row.converted_minor, row.currency),
        ):
            _lose(session, row, lost, key)
        row.converted_minor = row.converted_into_minor = 0
    session.flush()


def _kept_before(row: Payment) -> int:
    """What the gateway kept before it converted: all that was charged goes back, and so much less had been changed."""
    kept = row.received_minor is not None and row.gateway_fee_currency in {None, row.currency}
    return row.gateway_fee_minor if kept else 0


def _lose(session: Session, row: Payment, lost: Money, key: str) -> None:
    if lost:
        post(
            session,
            movements.fx_difference(row.gateway, lost=lost),
            key=f"{key}:difference:{lost.currency}",
            reference=row.milestone_id,
            actor=row.gateway,
        )


def change_back(session: Session, *, gateway: str, given: Money, received: Money, key: str) -> None:
    """Somebody of ours has changed `given` into `received` at the gateway: it closes what is open, the oldest first.

    Refuses more than is open. What was given, or came, for a part of it is shared out in proportion.
    """
    rows = _open(session, gateway, received.currency, given.currency, Payment.converted_minor > 0)
    if rows:
        _share_out(session, rows, of=received, other=given, sign=1, key=key)
        return
    rows = _open(session, gateway, given.currency, received.currency, Payment.converted_minor < 0)
    _share_out(session, rows, of=given, other=received, sign=-1, key=key)


def _open(
    session: Session, gateway: str, currency: str, into: str, side: ColumnElement[bool]
) -> list[Payment]:
    ids = session.scalars(
        select(Payment.id).where(
            Payment.gateway == gateway, Payment.currency == currency, Payment.converted_into == into, side
        )
    ).all()
    rows = [row for row in locked_rows(session, Payment, ids) if row.converted_minor]
    return sorted(rows, key=lambda row: (row.succeeded_at, row.id))


def _share_out(
    session: Session, rows: list[Payment], *, of: Money, other: Money, sign: int, key: str
) -> None:
    left, parts = of.amount_minor, []
    for row in rows:
        parts.append(max(0, min(left, sign * row.converted_minor)))
        left -= parts[-1]
    if left:
        raise MoreThanIsOpen(
            f"Of {of} only {Money(of.amount_minor - left, of.currency)} were converted into {other.currency}.",
            open=Money(of.amount_minor - left, of.currency).decimal,
        )
    for row, part, share in zip(rows, parts, other.allocate(parts), strict=True):
        if part:
            by, into = Money(-sign * part, of.currency), Money(-sign * share.amount_minor, other.currency)
            change(session, row, by=by, into=into, key=f"{key}:{row.id}")
