"""Payment intents."""

from sandbox.stripe import intents
from sandbox.stripe.errors import Json, StripeError, invalid, no_such
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page
from sandbox.stripe.metadata import merged
from sandbox.stripe.money import spoken
from sandbox.stripe.payment_methods import usable
from sandbox.stripe.router import Call, route

# Stripe's smallest charge; for currencies not named here, fifty of the smallest unit.
_SMALLEST = {
    "czk": 1_500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17_500,
    "jpy": 50,
    "mxn": 1_000,
    "nok": 300,
    "pln": 200,
    "sek": 300,
    "thb": 1_000,
}
_SMALLEST_ELSEWHERE = 50
_LARGEST = 99_999_999
_COPIED = (
    "amount",
    "currency",
    "customer",
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_CHANGED_ON_CONFIRMATION = ("receipt_email", "setup_future_usage", "shipping")


@route("POST", "/v1/payment_intents")
def create(call: Call) -> Json:
    """Ask a customer for an amount; with `confirm` the attempt is made at once."""
    world, parameters = call.world, call.parameters
    call.referred("customer", "customer")
    _check_amount(parameters["amount"], parameters["currency"])
    intent = _blank(call) | call.given(*_COPIED)
    intent["currency"] = intent["currency"].lower()
    intent["metadata"] = merged({}, parameters.get("metadata"))
    if (automatic := parameters.get("automatic_payment_methods")) is not None:
        intent["automatic_payment_methods"] = {"allow_redirects": "always"} | automatic
    intent |= call.given(
        "capture_method",
        "confirmation_method",
        "allowed_payment_method_types",
        "excluded_payment_method_types",
    )
    world.put(call.account, intent)
    _choose_method(call, intent)
    emit(world, "payment_intent.created", intent)
    return _confirmed(call, intent) if parameters.get("confirm") else intent


@route("GET", "/v1/payment_intents")
def listed(call: Call) -> Json:
    """All payment intents, newest first."""
    return page(call, "payment_intent", by=["customer", "customer_account"])


@route("GET", "/v1/payment_intents/{intent}", public=True)
def retrieve(call: Call) -> Json:
    """One payment intent."""
    return _authorised_for(call)


@route("POST", "/v1/payment_intents/{intent}")
def update(call: Call) -> Json:
    """Change what has not been confirmed yet."""
    intent, parameters = call.named("payment_intent", "intent"), call.parameters
    # An empty text takes back what was said before.
    changes = {name: None if value == "" else value for name, value in call.given(*_COPIED).items()}
    if {"amount", "currency", "customer"} & set(changes):
        intents.refuse_unless_confirmable(intent)
    call.referred("customer", "customer")
    _check_amount(parameters.get("amount", intent["amount"]), intent["currency"])
    intent |= changes
    intent["metadata"] = merged(intent["metadata"], parameters.get("metadata"))
    _choose_method(call, intent)
    return intent


@route("POST", "/v1/payment_intents/{intent}/confirm", public=True)
def confirm(call: Call) -> Json:
    """Pay: by the app with the client secret, or by the server."""
    intent = _authorised_for(call)
    intents.refuse_unless_confirmable(intent)
    intent |= call.given(*_CHANGED_ON_CONFIRMATION)
    _choose_method(call, intent)
    return _confirmed(call, intent)


@route("POST", "/v1/payment_intents/{intent}/cancel")
def cancel(call: Call) -> Json:
    """Give up a payment that was not made."""
    intent = call.named("payment_intent", "intent")
    return intents.cancel(call.world, intent, reason=call.parameters.get("cancellation_reason"))


@route("POST", "/v1/payment_intents/{intent}/capture")
def capture(call: Call) -> Json:
    """Take what a manual payment has authorised."""
    intent = call.named("payment_intent", "intent")
    amount = call.parameters.get("amount_to_capture", intent["amount_capturable"])
    intent["metadata"] = merged(intent["metadata"], call.parameters.get("metadata"))
    return intents.capture(call.world, intent, amount=amount)


def _authorised_for(call: Call) -> Json:
    intent = call.named("payment_intent", "intent")
    secret = call.client_secret or call.parameters.get("client_secret")
    if (call.from_the_app or secret) and secret != intent["client_secret"]:
        raise no_such("payment_intent", intent["id"])
    return intent


def _confirmed(call: Call, intent: Json) -> Json:
    world, parameters = call.world, call.parameters
    if intent["payment_method"] is None:
        raise intents.unexpected_state(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
        )
    off_session = bool(parameters.get("off_session"))
    return_url = parameters.get("return_url")
    handled_by_the_app = call.from_the_app or bool(parameters.get("use_stripe_sdk"))
    automatic = intent["automatic_payment_methods"] or {}
    if (
        automatic.get("enabled")
        and automatic["allow_redirects"] == "always"
        and not (handled_by_the_app or off_session or return_url)
    ):
        raise _needs_return_url()
    world.notes(intent["id"])["return_url"] = return_url
    method = world.data["objects"][intent["payment_method"]]
    return intents.confirm(world, intent, method, off_session=off_session, base_url=call.base_url)


def _choose_method(call: Call, intent: Json) -> None:
    parameters = call.parameters
    if (token := call.referred("confirmation_token", "confirmation_token")) is not None:
        name = call.world.notes(token["id"])["magic"]
        token["payment_intent"] = intent["id"]
        intent["setup_future_usage"] = intent["setup_future_usage"] or token["setup_future_usage"]
    else:
        name = parameters.get("payment_method")
    if name:
        intent["payment_method"] = usable(call.world, call.account, name)["id"]
        if intent["status"] == "requires_payment_method":
            intent["status"] = "requires_confirmation"


def _check_amount(amount: int, currency: str) -> None:
    smallest = _SMALLEST.get(currency.lower(), _SMALLEST_ELSEWHERE)
    if amount < smallest:
        raise invalid(
            f"Amount must be at least {spoken(smallest, currency.lower())} {currency.lower()}",
            code="amount_too_small",
            param="amount",
        )
    if amount > _LARGEST:
        raise invalid(
            f"Amount must be no more than {spoken(_LARGEST, currency.lower())}",
            code="amount_too_large",
            param="amount",
        )


def _blank(call: Call) -> Json:
    intent_id = call.world.new_id("pi")
    nothing = dict.fromkeys(
        (
            "allowed_payment_method_types",
            "application",
            "application_fee_amount",
            "automatic_payment_methods",
            "canceled_at",
            "cancellation_reason",
            "customer",
            "customer_account",
            "description",
            "excluded_payment_method_types",
            "last_payment_error",
            "latest_charge",
            "managed_payments",
            "next_action",
            "on_behalf_of",
            "payment_method",
            "payment_method_configuration_details",
            "payment_record",
            "processing",
            "receipt_email",
            "review",
            "setup_future_usage",
            "shipping",
            "source",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_data",
            "transfer_group",
        )
    )
    return nothing | {
        "id": intent_id,
        "object": "payment_intent",
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{call.world.token(25)}",
        "confirmation_method": "automatic",
        "created": call.world.now(),
        "livemode": False,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card", "link"],
        "status": "requires_payment_method",
    }


def _needs_return_url() -> StripeError:
    return invalid(
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
        "Because some of these payment methods might redirect your customer off of your page, you "
        "must provide a `return_url`. If you don't want to accept redirect-based payment methods, "
        "set `automatic_payment_methods[enabled]` to `true` and "
        "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
        "Payment Intents.",
        param="return_url",
    )
