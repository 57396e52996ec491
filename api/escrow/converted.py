"""What the gateway changed into another currency, on the trail of a milestone's money; for staff alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.escrow.trail import STAFF, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.contract import Converted
    from kernel.money import Money
    from payments.views import PaymentView, RefundView

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


def refund_steps(refund: RefundView, entry: Callable[[str], str | None]) -> list[Step]:
    """What the gateway took for a refund in another currency, and what came back of it; none where it took its own."""
    if refund.taken is None:
        return []
    steps = []
    if (booked := entry(f"{refund.id}:converted")) is not None:
        title = f"Taken by the payment provider for {refund.amount} that go back"
        steps.append(_moved(refund, title, refund.taken.amount, _rate(refund.taken), booked))
    if refund.returned is not None:
        title = f"Given back by the payment provider for {refund.amount} that did not arrive"
        steps.append(_moved(refund, title, refund.returned, None, entry(f"{refund.id}:converted_back")))
    return steps


def _moved(refund: RefundView, title: str, amount: Money, why: str | None, entry_id: str | None) -> Step:
    return Step(
        "converted",
        title,
        amount,
        "done",
        _SEEN_BY,
        refund.finished_at,
        reason=why,
        entry_id=entry_id,
        gateway_object=refund.gateway_id,
    )


def _rate(converted: Converted) -> str | None:
    return None if converted.rate is None else f"The payment provider's rate: {converted.rate}"
