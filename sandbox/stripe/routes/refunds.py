"""Refunds."""

from sandbox.stripe import disputes, refunding
from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page
from sandbox.stripe.metadata import merged
from sandbox.stripe.money import positive
from sandbox.stripe.router import Call, route


@route("POST", "/v1/refunds")
def create(call: Call) -> Json:
    """Give back a charge, or part of it."""
    charge, parameters = _charge(call), call.parameters
    disputes.refuse_disputed(call.world, charge)
    if charge["status"] != "succeeded":
        raise invalid(
            f"Charge {charge['id']} is not a successful charge; cannot issue a refund.",
            code="charge_not_refundable",
        )
    if parameters.get("reverse_transfer") or parameters.get("refund_application_fee"):
        raise invalid(
            "Cannot reverse transfer on charges created without transfer_data.",
            param="reverse_transfer",
        )
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = positive(parameters["amount"]) if "amount" in parameters else left
    refunding.refuse_too_much(charge, amount)
    return refunding.refunded(call.world, charge, _blank(call, charge, amount))


@route("GET", "/v1/refunds")
def listed(call: Call) -> Json:
    """All refunds, newest first."""
    return page(call, "refund", by=["charge", "payment_intent"])


@route("GET", "/v1/refunds/{refund}")
def retrieve(call: Call) -> Json:
    """One refund."""
    return call.named("refund", "refund")


@route("POST", "/v1/refunds/{refund}")
def update(call: Call) -> Json:
    """Change the metadata."""
    refund = call.named("refund", "refund")
    refund["metadata"] = merged(refund["metadata"], call.parameters.get("metadata"))
    emit(call.world, "refund.updated", refund)
    return refund


@route("POST", "/v1/refunds/{refund}/cancel")
def cancel(call: Call) -> Json:
    """Call back a refund that waits."""
    return refunding.canceled(call.world, call.named("refund", "refund"))


def _charge(call: Call) -> Json:
    charge = call.referred("charge", "charge")
    intent = call.referred("payment_intent", "payment_intent")
    if charge is not None:
        return charge
    if intent is None:
        raise _nothing_named()
    if intent["latest_charge"] is None:
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return call.world.get(call.account, "charge", intent["latest_charge"])


def _nothing_named() -> StripeError:
    return invalid(
        "One of the following params should be provided for this request: payment_intent or charge.",
        code="parameter_missing",
    )


def _blank(call: Call, charge: Json, amount: int) -> Json:
    return {
        "id": call.world.new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.world.now(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference": None,
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "failure_balance_transaction": None,
        "failure_reason": None,
        "metadata": merged({}, call.parameters.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": None,
        "reason": call.parameters.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending",
        "transfer_reversal": None,
    }
