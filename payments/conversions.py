"""What gateways convert for a payment: booked each time, and what is lost or gained once all of it is changed back.

A payment's position is what of its currency is turned into another, and for how much. What is changed back lowers both,
at the gateway's rate of that day. When nothing is left of the first, what is left of the second was lost or gained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.money import Money
from kernel.refusals import Conflict
from ledger import movements
from ledger.posting import post

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from payments.tables import Payment


class AnotherConversionOpen(Conflict):
    """The gateway converts into yet another currency, and what it had converted before is not changed back."""

    code = "another_conversion_open"


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
    if not row.converted_minor and row.converted_into_minor:
        # What came in was credited: what is left of it came in and was never needed.
        lost = -Money(row.converted_into_minor, into.currency)
        row.converted_into_minor = 0
        post(
            session,
            movements.fx_difference(row.gateway, lost=lost),
            key=f"{key}:difference",
            reference=row.milestone_id,
            actor=row.gateway,
        )
    session.flush()
