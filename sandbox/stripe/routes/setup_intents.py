"""Setup intents: saving a card without charging it."""

from sandbox.stripe import saving
from sandbox.stripe.errors import Json, no_such
from sandbox.stripe.events import emit
from sandbox.stripe.intents import unexpected_state
from sandbox.stripe.listing import page
from sandbox.stripe.metadata import merged
from sandbox.stripe.payment_methods import usable
from sandbox.stripe.router import Call, route


@route("POST", "/v1/setup_intents")
def create(call: Call) -> Json:
    """Begin to save a payment method."""
    world, parameters = call.world, call.parameters
    call.referred("customer", "customer")
    intent = _blank(call) | call.given(
        "customer",
        "description",
        "usage",
        "allowed_payment_method_types",
        "excluded_payment_method_types",
    )
    intent["metadata"] = merged({}, parameters.get("metadata"))
    if (automatic := parameters.get("automatic_payment_methods")) is not None:
        intent["automatic_payment_methods"] = {"allow_redirects": "always"} | automatic
    world.put(call.account, intent)
    _choose_method(call, intent)
    emit(world, "setup_intent.created", intent)
    return _confirmed(call, intent) if parameters.get("confirm") else intent


@route("GET", "/v1/setup_intents")
def listed(call: Call) -> Json:
    """All setup intents, newest first."""
    return page(call, "setup_intent", by=["customer", "payment_method"])


@route("GET", "/v1/setup_intents/{intent}", public=True)
def retrieve(call: Call) -> Json:
    """One setup intent."""
    return _authorised_for(call)


@route("POST", "/v1/setup_intents/{intent}")
def update(call: Call) -> Json:
    """Change the metadata or the method."""
    intent = call.named("setup_intent", "intent")
    intent |= call.given("description")
    intent["metadata"] = merged(intent["metadata"], call.parameters.get("metadata"))
    _choose_method(call, intent)
    return intent


@route("POST", "/v1/setup_intents/{intent}/confirm", public=True)
def confirm(call: Call) -> Json:
    """Save: by the app with the client secret, or by the server."""
    intent = _authorised_for(call)
    _choose_method(call, intent)
    return _confirmed(call, intent)


@route("POST", "/v1/setup_intents/{intent}/cancel")
def cancel(call: Call) -> Json:
    """Give up saving."""
    intent = call.named("setup_intent", "intent")
    return saving.cancel(call.world, intent, reason=call.parameters.get("cancellation_reason"))


def _authorised_for(call: Call) -> Json:
    intent = call.named("setup_intent", "intent")
    secret = call.client_secret or call.parameters.get("client_secret")
    if (call.from_the_app or secret) and secret != intent["client_secret"]:
        raise no_such("setupintent", intent["id"])
    return intent


def _choose_method(call: Call, intent: Json) -> None:
    if (token := call.referred("confirmation_token", "confirmation_token")) is not None:
        name = call.world.notes(token["id"])["magic"]
        token["setup_intent"] = intent["id"]
    else:
        name = call.parameters.get("payment_method")
    if name:
        intent["payment_method"] = usable(call.world, call.account, name)["id"]
        if intent["status"] == "requires_payment_method":
            intent["status"] = "requires_confirmation"


def _confirmed(call: Call, intent: Json) -> Json:
    if intent["payment_method"] is None:
        raise unexpected_state(
            intent, "You cannot confirm this SetupIntent because it's missing a payment method."
        )
    call.world.notes(intent["id"])["return_url"] = call.parameters.get("return_url")
    call.parameters.get("use_stripe_sdk")
    method = call.world.data["objects"][intent["payment_method"]]
    return saving.confirm(call.world, intent, method, base_url=call.base_url)


def _blank(call: Call) -> Json:
    intent_id = call.world.new_id("seti")
    nothing = dict.fromkeys(
        ("allowed_payment_method_types", "application", "automatic_payment_methods",
         "cancellation_reason", "customer", "customer_account", "description",
         "excluded_payment_method_types", "flow_directions", "last_setup_error",
         "latest_attempt", "managed_payments", "mandate", "next_action", "on_behalf_of",
         "payment_method", "payment_method_configuration_details", "single_use_mandate")
    )  # fmt: skip
    return nothing | {
        "id": intent_id,
        "object": "setup_intent",
        "client_secret": f"{intent_id}_secret_{call.world.token(30)}",
        "created": call.world.now(),
        "livemode": False,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card", "link"],
        "status": "requires_payment_method",
        "usage": "off_session",
    }
