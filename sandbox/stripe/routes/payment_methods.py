"""Payment methods."""

from sandbox.stripe import payment_methods
from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page
from sandbox.stripe.metadata import merged
from sandbox.stripe.router import Call, route

_TOKENS = {"tok_visa": "pm_card_visa", "tok_mastercard": "pm_card_mastercard",
           "tok_amex": "pm_card_amex", "tok_chargeDeclined": "pm_card_chargeDeclined"}  # fmt: skip


@route("POST", "/v1/payment_methods", public=True)
def create(call: Call) -> Json:
    """Make a payment method out of one of Stripe's test tokens; never out of a card number."""
    parameters = call.parameters
    token = parameters.get("card", {}).get("token")
    if parameters.get("type", "card") != "card" or token not in _TOKENS:
        raise invalid(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We "
            "suggest you use test tokens that map to the test card you are using, see "
            "https://stripe.com/docs/testing.",
            param="card",
        )
    billing = parameters.get("billing_details")
    method = payment_methods.made(call.world, call.account, _TOKENS[token], billing=billing)
    method |= call.given("allow_redisplay")
    method["metadata"] = merged({}, parameters.get("metadata"))
    return method


@route("GET", "/v1/payment_methods")
def listed(call: Call) -> Json:
    """The payment methods of a customer, newest first."""
    call.referred("customer", "customer")
    return page(call, "payment_method", by=["customer", "type", "allow_redisplay"])


@route("GET", "/v1/payment_methods/{payment_method}")
def retrieve(call: Call) -> Json:
    """One payment method."""
    return call.named("payment_method", "payment_method")


@route("POST", "/v1/payment_methods/{payment_method}")
def update(call: Call) -> Json:
    """Change billing details, redisplay or metadata."""
    method = call.named("payment_method", "payment_method")
    method |= call.given("allow_redisplay")
    method["billing_details"] |= call.parameters.get("billing_details", {})
    method["metadata"] = merged(method["metadata"], call.parameters.get("metadata"))
    emit(call.world, "payment_method.updated", method)
    return method


@route("POST", "/v1/payment_methods/{payment_method}/attach")
def attach(call: Call) -> Json:
    """Save a payment method with a customer."""
    customer = call.referred("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", code="parameter_missing", param="customer")
    method = payment_methods.usable(
        call.world, call.account, call.parts["payment_method"], param="payment_method"
    )
    return payment_methods.attach(call.world, method, customer)


@route("POST", "/v1/payment_methods/{payment_method}/detach")
def detach(call: Call) -> Json:
    """Take a payment method from its customer."""
    return payment_methods.detach(call.world, call.named("payment_method", "payment_method"))
