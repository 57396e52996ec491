"""Money that was given back and did not arrive: owed to the client, and sent again when they or staff say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payments.refunds import RefundNotFound, order_refund
from payments.states import REFUND
from payments.tables import Refund
from payments.views import RefundView, refund_view
from persistence import outbox
from persistence.locks import locked

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def order_again(session: Session, *, refund_id: str, again_id: str, by: str) -> RefundView:
    """Order what came back once more, as a refund of its own: late news of the first one cannot touch the second."""
    row = locked(session, Refund, refund_id)
    if row is None:
        raise RefundNotFound("There is no refund with this id.")
    step = REFUND.step(row.state, "order_again")
    assert step is not None, "only what came back is owed"
    row.state = step.to
    came_back = refund_view(row)
    outbox.publish(
        session,
        name=step.event,
        subject=row.id,
        payload={"milestone_id": row.milestone_id, "refund_id": again_id},
    )
    return order_refund(
        session,
        refund_id=again_id,
        payment_id=row.payment_id,
        held=came_back.held,
        client_fee=came_back.client_fee,
        by=by,
        reason=row.reason,
        owed=True,
        late=came_back.late,
    )
