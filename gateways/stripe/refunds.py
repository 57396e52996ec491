"""Giving back at Stripe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.contract import RefundFound, RefundState, Rejected
from gateways.stripe.amounts import converted, from_stripe, to_stripe
from gateways.stripe.client import keyed
from gateways.stripe.outcomes import answered, our_id_of, searched

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams

    from gateways.contract import Busy, Converted, RefundOrder, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json

# What it took off our balance, and what came back when it failed: either may be in another currency.
_WITH_LINES = ["balance_transaction", "failure_balance_transaction"]

_STATES = {
    "pending": RefundState.PENDING,
    # The payer has to tell where the money shall go; until then nothing has moved.
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELED,
}


class Refunds:
    """Money back to the card it came from."""

    connection: Connection

    def create_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown:
        """Give money back; the same order twice gives once."""
        amount = to_stripe(order.amount)
        if isinstance(amount, Rejected):
            return amount
        params: RefundCreateParams = {
            "payment_intent": order.payment,
            "amount": amount,
            "metadata": {"holdfast_id": order.refund_id},
            "expand": _WITH_LINES,
        }
        refunds = self.connection.client.v1.refunds
        return answered(lambda: refunds.create(params, keyed(order.key)), read_refund)

    def refund(self, gateway_id: str) -> RefundFound | Rejected | Busy | Unknown:
        """The refund now."""
        refunds = self.connection.client.v1.refunds
        return answered(lambda: refunds.retrieve(gateway_id, {"expand": _WITH_LINES}), read_refund)

    def find_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown | None:
        """The refund that came of an order whose answer was lost."""
        refunds = self.connection.client.v1.refunds
        return searched(
            lambda: refunds.list(
                {
                    "payment_intent": order.payment,
                    "limit": 100,
                    "expand": [f"data.{path}" for path in _WITH_LINES],
                }
            ).auto_paging_iter(),
            read_refund,
            our_id=order.refund_id,
        )


def read_refund(values: Json) -> RefundFound:
    """A refund in our words."""
    return RefundFound(
        gateway_id=values["id"],
        state=_STATES[values["status"]],
        amount=from_stripe(values["amount"], values["currency"]),
        pending_reason=values.get("pending_reason"),
        failure_reason=values.get("failure_reason"),
        reference=_reference(values.get("destination_details") or {}),
        refund_id=our_id_of(values),
        taken=_moved(values, "balance_transaction"),
        returned=_moved(values, "failure_balance_transaction"),
    )


def _moved(values: Json, line: str) -> Converted | None:
    written = values.get(line)
    return converted(written, values["currency"]) if isinstance(written, dict) else None


def _reference(destination: Json) -> str | None:
    # Under the name of its own type: what the payer's bank finds the refund by.
    details = destination.get(destination.get("type", "")) or {}
    reference: str | None = details.get("reference")
    return reference
