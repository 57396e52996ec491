"""Collecting at PayPal: orders, which their payer approves on PayPal's page and we capture."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from gateways.contract import VANISHED, Charge, Converted, PaymentFound, PaymentState, Rejected, Unknown
from gateways.paypal import words
from gateways.paypal.amounts import from_paypal, to_paypal
from gateways.paypal.client import keyed
from gateways.paypal.outcomes import after_the_order, answered, ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from gateways.contract import Busy, PaymentOrder
    from gateways.paypal.client import Connection
    from gateways.paypal.outcomes import Json

_log = logging.getLogger(__name__)

_STATES = {
    "CREATED": PaymentState.NEEDS_METHOD,
    "SAVED": PaymentState.NEEDS_METHOD,
    "PAYER_ACTION_REQUIRED": PaymentState.NEEDS_ACTION,
    "APPROVED": PaymentState.APPROVED,
    "VOIDED": PaymentState.CANCELED,
}
# An order that is completed is as far as its capture is.
_COMPLETED = "COMPLETED"
_CAPTURES = {
    "PENDING": PaymentState.PROCESSING,
    "COMPLETED": PaymentState.SUCCEEDED,
    "PARTIALLY_REFUNDED": PaymentState.SUCCEEDED,
    "REFUNDED": PaymentState.SUCCEEDED,
    # An order is captured once, so its payer can try again only with another one.
    "DECLINED": PaymentState.CANCELED,
    "FAILED": PaymentState.CANCELED,
}
_ALREADY_CAPTURED = {"ORDER_ALREADY_CAPTURED", "ORDER_ALREADY_COMPLETED", "ORDER_COMPLETED_OR_VOIDED"}
_TO_THE_PAYER = ("payer-action", "approve")
_OVER = (PaymentState.CANCELED, PaymentState.PROCESSING, PaymentState.SUCCEEDED)
_STANDS = (PaymentState.PROCESSING, PaymentState.SUCCEEDED)
_LONGEST_DESCRIPTION = 127
_NO_SUCH_ORDER = "INVALID_RESOURCE_ID"


class Payments:
    """Money in."""

    connection: Connection
    # The page stays the same, and is told with the order.
    means_last: timedelta | None = None

    def create_payment(self, order: PaymentOrder) -> PaymentFound | Rejected | Busy | Unknown:
        """Begin to collect; the same order twice begins once, for as long as PayPal remembers its key (six hours).

        After that it begins anew, and what came of it before can be paid by nobody: nobody was told its address.
        """
        amount = to_paypal(order.amount)
        if isinstance(amount, Rejected):
            return amount
        body = {
            "intent": "CAPTURE",
            "purchase_units": [_unit(order, amount)],
            "payment_source": {"paypal": self._wallet(order)},
        }
        orders = self.connection.sdk.orders
        options = keyed(order.key) | {"body": body}
        outcome = self._read(lambda: orders.create_order(options))
        if isinstance(outcome, PaymentFound) and outcome.amount != order.amount:
            _log.critical("PayPal holds another order under this key: order %s", outcome.gateway_id)
            return Unknown(f"another order stands under this key: order {outcome.gateway_id}")
        return outcome

    def payment(self, gateway_id: str) -> PaymentFound | Rejected | Busy | Unknown:
        """The payment now, with its charge when it succeeded."""
        orders = self.connection.sdk.orders
        return self._read(lambda: orders.get_order({"id": gateway_id}))

    def find_payment(self, order: PaymentOrder) -> PaymentFound | Rejected | Busy | Unknown | None:  # noqa: ARG002 - nothing finds it
        """None: PayPal has no list of orders. Sent again with its key, an order leads to the one it made before."""
        return None

    def cancel_payment(self, gateway_id: str) -> PaymentFound | Rejected | Busy | Unknown:
        """Stop collecting: PayPal cancels no order, but what we never capture nobody pays."""
        outcome = self.payment(gateway_id)
        if not isinstance(outcome, PaymentFound) or outcome.state in _STANDS:
            return outcome
        return replace(outcome, state=PaymentState.CANCELED, client_secret=None)

    def capture_payment(self, gateway_id: str, *, key: str) -> PaymentFound | Rejected | Busy | Unknown:
        """Collect what the payer has agreed to; the same payment twice is collected once.

        What is declined is refused: PayPal goes on calling the order approved, and its payer may choose again there.
        """
        orders = self.connection.sdk.orders
        options = keyed(key) | {"id": gateway_id}
        outcome = self._read(lambda: orders.capture_order(options))
        if isinstance(outcome, Rejected) and outcome.code in _ALREADY_CAPTURED:
            # Collected before, whatever becomes of the look at it.
            return after_the_order(self.payment(gateway_id))
        return outcome

    def _read(self, call: Callable[[], object]) -> PaymentFound | Rejected | Busy | Unknown:
        outcome = answered(lambda: self.connection.by_sdk(call), self._payment)
        if isinstance(outcome, Rejected) and outcome.code == _NO_SUCH_ORDER:
            # What nobody approves is dropped after some hours.
            return VANISHED
        return outcome

    def _payment(self, values: Json) -> PaymentFound:
        found = read_payment(values, livemode=self.connection.livemode)
        if found.state is PaymentState.APPROVED:
            # PayPal links no page to what is approved, and a payer who was declined has to get back to it.
            return replace(found, client_secret=self.connection.page_for_the_payer(found.gateway_id))
        return found

    def _wallet(self, order: PaymentOrder) -> Json:
        context = {"user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING"}
        # Where the app gets its payer back; without one PayPal's page is where they stay.
        if self.connection.return_url is not None:
            context["return_url"] = self.connection.return_url
        if self.connection.cancel_url is not None:
            context["cancel_url"] = self.connection.cancel_url
        wallet: Json = {"experience_context": context}
        if order.save_card:
            wallet["attributes"] = {
                "customer": {"id": order.customer},
                "vault": {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"},
            }
        return wallet


def _unit(order: PaymentOrder, amount: Json) -> Json:
    unit = {
        "reference_id": order.milestone_id,
        "custom_id": order.payment_id,
        # PayPal takes a number once: the second order for one payment cannot be captured beside the first.
        "invoice_id": order.payment_id,
        "amount": amount,
    }
    description = order.description.strip()[:_LONGEST_DESCRIPTION]
    return unit | ({"description": description} if description else {})


def read_payment(values: Json, *, livemode: bool) -> PaymentFound:
    """An order in our words."""
    unit = values["purchase_units"][0]
    capture = capture_of(values)
    state = _state(values["status"], capture)
    declined = capture is not None and state is PaymentState.CANCELED
    return PaymentFound(
        gateway_id=values["id"],
        state=state,
        amount=from_paypal(unit["amount"]),
        client_secret=None if state in _OVER else _page_for_the_payer(values),
        charge=_charge_of(capture) if capture is not None and state is PaymentState.SUCCEEDED else None,
        decline_code=_why(capture) if capture is not None and declined else None,
        decline_message=words.refusal("TRANSACTION_REFUSED") if declined else None,
        payment_id=ours("py_", unit.get("custom_id")),
        livemode=livemode,
        saves_card=_saves_account(values),
    )


def capture_of(order: Json) -> Json | None:
    """What was captured of an order; the one that stands, if there are several."""
    captures = (order["purchase_units"][0].get("payments") or {}).get("captures") or []
    standing = [each for each in captures if _CAPTURES[each["status"]] in _STANDS]
    found: Json | None = (standing or captures or [None])[0]
    return found


def _state(status: str, capture: Json | None) -> PaymentState:
    if status != _COMPLETED:
        return _STATES[status]
    if capture is None:
        raise ValueError("completed, and nothing captured")
    return _CAPTURES[capture["status"]]


def _charge_of(capture: Json) -> Charge | None:
    breakdown = capture.get("seller_receivable_breakdown")
    if breakdown is None:
        # PayPal may still be writing it; a later look finds it.
        return None
    amount = from_paypal(breakdown["gross_amount"])
    fee = breakdown.get("paypal_fee")
    return Charge(
        gateway_id=capture["id"],
        amount=amount,
        fee=amount - amount if fee is None else from_paypal(fee),
        available_on=datetime.fromisoformat(capture["create_time"]),
        # PayPal's money may be used at once.
        settled=True,
        balance_transaction=capture["id"],
        card_brand=None,
        card_last4=None,
        received=_received(breakdown),
    )


def _received(breakdown: Json) -> Converted | None:
    # PayPal keeps its fee first, and changes what is left.
    came = breakdown.get("receivable_amount")
    if came is None or came["currency_code"] == breakdown["gross_amount"]["currency_code"]:
        return None
    return Converted(from_paypal(came), (breakdown.get("exchange_rate") or {}).get("value"))


def _why(capture: Json) -> str:
    details = capture.get("status_details") or {}
    return str(details.get("reason") or capture["status"])


def _page_for_the_payer(document: Json) -> str | None:
    """PayPal's page on which the payer agrees."""
    links = {link["rel"]: link["href"] for link in document.get("links") or []}
    return next((links[rel] for rel in _TO_THE_PAYER if rel in links), None)


def _saves_account(values: Json) -> bool:
    wallet = (values.get("payment_source") or {}).get("paypal") or {}
    return bool((wallet.get("attributes") or {}).get("vault"))
