"""Chargebacks: the customer's bank takes the money back and asks questions later."""

from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.events import emit, update
from sandbox.stripe.money import book
from sandbox.stripe.settings import DAY
from sandbox.stripe.state import World

_FEE_MINOR = 1_500
_EVIDENCE_WITHIN_SECONDS = 10 * DAY
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def opened(world: World, charge: Json, *, reason: str, amount: int | None = None) -> Json:
    """The bank withdraws the amount and a fee, whatever has become of the money since."""
    dispute = _new_dispute(world, charge, reason, amount or charge["amount"])
    account = world.owner(charge["id"])
    world.put(account, dispute)
    update(world, "charge.updated", charge, disputed=True)
    emit(world, "charge.dispute.created", dispute)
    withdrawn = book(
        world,
        account,
        "adjustment",
        amount=-dispute["amount"],
        fee=_FEE_MINOR,
        currency=dispute["currency"],
        source=dispute["id"],
        description=f"Chargeback withdrawal for {charge['id']}",
    )
    dispute["balance_transactions"] = [withdrawn]
    emit(world, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def closed(world: World, dispute: Json, *, won: bool) -> Json:
    """The bank has decided; a dispute that was won brings the amount back, not the fee."""
    if dispute["status"] not in {"needs_response", "under_review"}:
        raise invalid(f"The dispute {dispute['id']} is already {dispute['status']}.")
    dispute["status"] = "won" if won else "lost"
    emit(world, "charge.dispute.closed", dispute)
    if won:
        _reinstate(world, dispute)
    return dispute


def _reinstate(world: World, dispute: Json) -> None:
    returned = book(
        world,
        world.owner(dispute["id"]),
        "adjustment",
        amount=dispute["amount"],
        currency=dispute["currency"],
        source=dispute["id"],
        description=f"Chargeback reversal for {dispute['charge']}",
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], returned]
    emit(world, "charge.dispute.funds_reinstated", dispute)


def _new_dispute(world: World, charge: Json, reason: str, amount: int) -> Json:
    return {
        "id": world.new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.now() + _EVIDENCE_WITHIN_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": "chargeback",
                "network": "visa",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }
