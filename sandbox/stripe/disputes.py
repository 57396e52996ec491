"""Chargebacks: the customer's bank takes the money back and asks questions later."""

from sandbox.stripe import refunding, warning
from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.events import emit, update
from sandbox.stripe.money import book, settles_in
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


_STILL_OPEN = frozenset(
    {
        "warning_needs_response",
        "warning_under_review",
        "needs_response",
        "under_review",
        "appeal_needs_response",
        "appeal_under_review",
    }
)


def opened(
    world: World, charge: Json, *, reason: str, amount: int | None = None, inquiry: bool = False
) -> Json:
    """The bank withdraws the amount and a fee, whatever has become of the money since; an inquiry takes nothing."""
    dispute = _new_dispute(world, charge, reason, amount or charge["amount"])
    if inquiry:
        dispute |= {"status": "warning_needs_response", "is_charge_refundable": True}
    world.put(world.owner(charge["id"]), dispute)
    update(world, "charge.updated", charge, disputed=True)
    warning.nothing_left_to_do(world, charge)
    emit(world, "charge.dispute.created", dispute)
    if inquiry:
        return dispute
    refunding.fail_waiting(world, charge, reason="charge_for_pending_refund_disputed")
    return _withdraw(world, dispute)


def moved(world: World, dispute: Json, status: str) -> Json:
    """The bank takes it on to another state; what was an inquiry takes the money when it is one no longer."""
    was_inquiry = dispute["status"].startswith("warning_")
    dispute["status"] = status
    emit(world, "charge.dispute.updated", dispute)
    if was_inquiry and not status.startswith("warning_"):
        dispute["is_charge_refundable"] = False
        _withdraw(world, dispute)
    return dispute


def refuse_disputed(world: World, charge: Json) -> None:
    """What the bank takes back, or has taken, is not given back as well."""
    about = (
        each for each in world.shelf(world.owner(charge["id"]), "dispute") if each["charge"] == charge["id"]
    )
    if any(not each["is_charge_refundable"] for each in about):
        raise invalid(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )


def _withdraw(world: World, dispute: Json) -> Json:
    amount, currency, rate = settles_in(world, dispute["amount"], dispute["currency"])
    withdrawn = book(
        world,
        world.owner(dispute["id"]),
        "adjustment",
        amount=-amount,
        fee=_FEE_MINOR,
        currency=currency,
        exchange_rate=rate,
        source=dispute["id"],
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], withdrawn]
    emit(world, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def closed(world: World, dispute: Json, *, won: bool) -> Json:
    """The bank has decided; a dispute that was won brings the amount back, not the fee."""
    if dispute["status"] not in _STILL_OPEN:
        raise invalid(f"The dispute {dispute['id']} is already {dispute['status']}.")
    if dispute["status"].startswith("warning_"):
        dispute["status"] = "warning_closed"
        emit(world, "charge.dispute.closed", dispute)
        return dispute
    dispute |= {"status": "won" if won else "lost", "is_charge_refundable": won}
    emit(world, "charge.dispute.closed", dispute)
    if won:
        _reinstate(world, dispute)
    return dispute


def _reinstate(world: World, dispute: Json) -> None:
    amount, currency, rate = settles_in(world, dispute["amount"], dispute["currency"])
    returned = book(
        world,
        world.owner(dispute["id"]),
        "adjustment",
        amount=amount,
        currency=currency,
        exchange_rate=rate,
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
