"""Giving back at PayPal: to the account it came from, without the fee that PayPal keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.contract import Converted, RefundFound, RefundState, Rejected
from gateways.paypal.amounts import from_paypal, to_paypal
from gateways.paypal.client import keyed
from gateways.paypal.outcomes import answered, looked_up, ours
from gateways.paypal.payments import capture_of

if TYPE_CHECKING:
    from gateways.contract import Busy, RefundOrder, Unknown
    from gateways.paypal.client import Connection
    from gateways.paypal.outcomes import Json

_STATES = {
    "PENDING": RefundState.PENDING,
    "COMPLETED": RefundState.SUCCEEDED,
    "FAILED": RefundState.FAILED,
    "CANCELLED": RefundState.CANCELED,
}
_UNDONE = ("FAILED", "CANCELLED")


class Refunds:
    """Money back."""

    connection: Connection

    def create_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown:
        """Give money back; the same order twice gives once."""
        amount = to_paypal(order.amount)
        if isinstance(amount, Rejected):
            return amount
        orders, payments = self.connection.sdk.orders, self.connection.sdk.payments
        capture = answered(
            lambda: self.connection.by_sdk(lambda: orders.get_order({"id": order.payment})), _capture_id
        )
        if not isinstance(capture, str):
            return capture
        options = keyed(order.key) | {
            "capture_id": capture,
            "body": {"amount": amount, "custom_id": order.refund_id},
        }
        return answered(
            lambda: self.connection.by_sdk(lambda: payments.refund_captured_payment(options)), read_refund
        )

    def refund(self, gateway_id: str) -> RefundFound | Rejected | Busy | Unknown:
        """The refund now."""
        payments = self.connection.sdk.payments
        return answered(
            lambda: self.connection.by_sdk(lambda: payments.get_refund({"refund_id": gateway_id})),
            read_refund,
        )

    def find_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown | None:
        """The refund that came of an order whose answer was lost: those of a payment are listed with it."""
        orders = self.connection.sdk.orders
        return looked_up(
            lambda: self.connection.by_sdk(lambda: orders.get_order({"id": order.payment})),
            lambda values: _refund_called(values, order.refund_id),
        )


def read_refund(values: Json) -> RefundFound:
    """A refund in our words."""
    status, reason = values["status"], (values.get("status_details") or {}).get("reason")
    return RefundFound(
        gateway_id=values["id"],
        state=_STATES[status],
        amount=from_paypal(values["amount"]),
        pending_reason=reason if status == "PENDING" else None,
        failure_reason=(reason or status) if status in _UNDONE else None,
        reference=values.get("acquirer_reference_number"),
        refund_id=ours("rf_", values.get("custom_id")),
        taken=_taken(values) if status == "COMPLETED" else None,
    )


def _taken(values: Json) -> Converted | None:
    breakdown = values.get("seller_payable_breakdown") or {}
    took = breakdown.get("net_amount_in_receivable_currency")
    if took is None or took["currency_code"] == values["amount"]["currency_code"]:
        return None
    parts = breakdown.get("net_amount_breakdown") or [{}]
    return Converted(from_paypal(took), (parts[0].get("exchange_rate") or {}).get("value"))


def _capture_id(order: Json) -> str | Rejected:
    capture = capture_of(order)
    if capture is None:
        return Rejected("NOT_CAPTURED", "Nothing was paid that could be given back.")
    return str(capture["id"])


def _refund_called(order: Json, refund_id: str) -> RefundFound | None:
    refunds = (order["purchase_units"][0].get("payments") or {}).get("refunds") or []
    ours = [each for each in refunds if each.get("custom_id") == refund_id]
    # What failed may have been followed by another attempt.
    newest = max(ours, key=lambda each: (each["status"] not in _UNDONE, each["create_time"]), default=None)
    return None if newest is None else read_refund(newest)
