"""A payment that was made after it had been given up: nobody asked for the money any more, and all of it goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from kernel.ids import new_id
from payments.refunds import place_refund
from payments.tables import Refund
from payments.views import refund_view

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from payments.views import PaymentView, RefundView

REASON = "It was paid after the payment had been given up."


def give_back(session: Session, payment: PaymentView) -> RefundView:
    """Order the whole of it to be given back, our fee as well, once; the movement that booked it has it in transit."""
    known = session.scalar(select(Refund).where(Refund.payment_id == payment.id, Refund.late).limit(1))
    if known is not None:
        return refund_view(known)
    row = place_refund(
        session,
        # Should the commit be lost after it was carried out, the first one is found the next time.
        refund_id=new_id("rf"),
        payment_id=payment.id,
        held=payment.price,
        client_fee=payment.client_fee,
        reason=REASON,
        late=True,
    )
    session.flush()
    return refund_view(row)
