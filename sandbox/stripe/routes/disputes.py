"""Disputes."""

from sandbox.stripe import disputes
from sandbox.stripe.errors import Json
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page
from sandbox.stripe.metadata import merged
from sandbox.stripe.router import Call, route


@route("GET", "/v1/disputes")
def listed(call: Call) -> Json:
    """All disputes, newest first."""
    return page(call, "dispute", by=["charge", "payment_intent"])


@route("GET", "/v1/disputes/{dispute}")
def retrieve(call: Call) -> Json:
    """One dispute."""
    return call.named("dispute", "dispute")


@route("POST", "/v1/disputes/{dispute}")
def update(call: Call) -> Json:
    """Stage evidence, or submit it once and for all."""
    dispute, parameters = call.named("dispute", "dispute"), call.parameters
    details = dispute["evidence_details"]
    if evidence := parameters.get("evidence"):
        dispute["evidence"] |= evidence
        details["has_evidence"] = True
    dispute["metadata"] = merged(dispute["metadata"], parameters.get("metadata"))
    if parameters.get("submit", True) and evidence:
        details["submission_count"] += 1
        asked = dispute["status"].startswith("warning_")
        dispute["status"] = "warning_under_review" if asked else "under_review"
    emit(call.world, "charge.dispute.updated", dispute)
    return dispute


@route("POST", "/v1/disputes/{dispute}/close")
def close(call: Call) -> Json:
    """Give in."""
    return disputes.closed(call.world, call.named("dispute", "dispute"), won=False)
