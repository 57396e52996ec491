"""Early fraud warnings."""

from sandbox.stripe.errors import Json
from sandbox.stripe.listing import page
from sandbox.stripe.router import Call, route
from sandbox.stripe.warning import KIND


@route("GET", "/v1/radar/early_fraud_warnings")
def listed(call: Call) -> Json:
    """All warnings, newest first."""
    return page(call, KIND, by=["charge", "payment_intent"])


@route("GET", "/v1/radar/early_fraud_warnings/{early_fraud_warning}")
def retrieve(call: Call) -> Json:
    """One warning."""
    return call.named(KIND, "early_fraud_warning")
