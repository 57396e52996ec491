"""What the gateway kept, settled and changed into another currency, on the trail of a milestone's money; for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.escrow.trail import STAFF, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.contract import Converted
    from kernel.money import Money
    from payments.views import ChargebackView, PaymentView, RefundView

_SEEN_BY = frozenset({STAFF})


def payment_steps(payment: PaymentView, entry: Callable[[str], str | None]) -> list[Step]:
    """What came of a charge where it came in another currency, what the gateway kept, and when the rest is ours."""
    came = []
    if payment.received is not None:
        came.append(
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
        )
    return [*came, _fee(payment, entry), _settling(payment, entry)]


def _fee(payment: PaymentView, entry: Callable[[str], str | None]) -> Step:
    return Step(
        "gateway_fee",
        "Kept by the gateway, at Holdfast's cost",
        payment.gateway_fee,
        "done",
        _SEEN_BY,
        payment.succeeded_at,
        entry_id=entry(f"{payment.id}:gateway_fee"),
        gateway_object=payment.balance_transaction,
    )


def _settling(payment: PaymentView, entry: Callable[[str], str | None]) -> Step:
    return Step(
        "settled",
        "Settled at the gateway",
        payment.settling,
        "done" if payment.settled_at else "waiting",
        _SEEN_BY,
        payment.settled_at,
        None if payment.settled_at else payment.available_on,
        None,
        entry(f"{payment.id}:settled"),
        payment.balance_transaction,
    )


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


def chargeback_steps(of: ChargebackView, entry: Callable[[str], str | None]) -> list[Step]:
    """What the gateway took, and gave back, for a chargeback in another currency."""
    return [
        Step(
            "converted",
            f"Taken by the payment provider for {line.amount} that the client's bank took back"
            if line.amount.amount_minor > 0
            else f"Given back by the payment provider for {-line.amount} that the client's bank gave back",
            line.moved.amount,
            "done",
            _SEEN_BY,
            line.at,
            reason=_rate(line.moved),
            entry_id=entry(f"{of.gateway_id}:{line.line_id}:converted"),
            gateway_object=line.line_id,
        )
        for line in of.converted
    ]


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
