"""What the gateway changed into another currency, on the trail of a milestone's money; for staff alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.escrow.trail import STAFF, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.contract import Converted
    from payments.views import PaymentView

_SEEN_BY = frozenset({STAFF})


def payment_steps(payment: PaymentView, entry: Callable[[str], str | None]) -> list[Step]:
    """What came of a charge in another currency; none where it came in its own."""
    if payment.received is None:
        return []
    return [
        Step(
            "converted",
            f"Changed by the payment provider: what came of {payment.charged}",
            payment.received.amount,
            "done",
            _SEEN_BY,
            payment.succeeded_at,
            reason=_rate(payment.received),
            entry_id=entry(f"{payment.id}:converted"),
            gateway_object=payment.balance_transaction,
        )
    ]


def _rate(converted: Converted) -> str | None:
    return None if converted.rate is None else f"The payment provider's rate: {converted.rate}"
