"""Short-lived secrets for the app, and the tokens it confirms payments with."""

from sandbox.stripe import cards, identifying
from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.payment_methods import NOBODY
from sandbox.stripe.router import Call, route

_CUSTOMER_SESSION_LASTS_SECONDS = 1_800
_EPHEMERAL_KEY_LASTS_SECONDS = 3_600
_TOKEN_LASTS_SECONDS = 12 * 3_600
_NO_FEATURES = {
    "customer_sheet": ("payment_method_allow_redisplay_filters", "payment_method_remove"),
    "mobile_payment_element": (
        "payment_method_allow_redisplay_filters",
        "payment_method_redisplay",
        "payment_method_remove",
        "payment_method_save",
        "payment_method_save_allow_redisplay_override",
    ),
    "payment_element": (
        "payment_method_allow_redisplay_filters",
        "payment_method_redisplay",
        "payment_method_redisplay_limit",
        "payment_method_remove",
        "payment_method_save",
        "payment_method_save_usage",
    ),
}


@route("POST", "/v1/customer_sessions")
def customer_session(call: Call) -> Json:
    """A secret with which PaymentSheet or CustomerSheet shows a customer's own cards."""
    customer = call.referred("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", code="parameter_missing", param="customer")
    given = call.parameters["components"]
    if not any(component["enabled"] for component in given.values()):
        raise invalid("At least one component must be enabled.", param="components")
    components: Json = {"buy_button": {"enabled": False}, "pricing_table": {"enabled": False}}
    for name, features in _NO_FEATURES.items():
        wanted = given.get(name, {"enabled": False})
        shown = dict.fromkeys(features) | wanted.get("features", {}) if wanted["enabled"] else None
        components[name] = {"enabled": wanted["enabled"], "features": shown}
    return {
        "object": "customer_session",
        "client_secret": f"cuss_secret_{call.world.token(52)}",
        "components": components,
        "created": call.world.now(),
        "customer": customer["id"],
        "customer_account": None,
        "expires_at": call.world.now() + _CUSTOMER_SESSION_LASTS_SECONDS,
        "livemode": False,
    }


@route("POST", "/v1/ephemeral_keys")
def ephemeral_key(call: Call) -> Json:
    """The older kind of secret, made in the API version that the app's SDK speaks."""
    if call.version is None:
        raise invalid(
            "You must pass the API version of the mobile SDK in the Stripe-Version header to "
            "create an ephemeral key."
        )
    subject = call.referred("customer", "customer") or call.referred(identifying.KIND, "verification_session")
    if subject is None:
        raise invalid("You must pass a customer.", code="parameter_missing", param="customer")
    key_id = call.world.new_id("ephkey")
    return {
        "id": key_id,
        "object": "ephemeral_key",
        "associated_objects": [{"id": subject["id"], "type": subject["object"]}],
        "created": call.world.now(),
        "expires": call.world.now() + _EPHEMERAL_KEY_LASTS_SECONDS,
        "livemode": False,
        "secret": f"ek_test_{call.world.token(56)}",
    }


@route(
    "POST",
    "/v1/confirmation_tokens",
    public=True,
    contract="/v1/test_helpers/confirmation_tokens",
)
@route("POST", "/v1/test_helpers/confirmation_tokens")
def create_token(call: Call) -> Json:
    """What the app collected in its sheet, for the server to confirm."""
    world, parameters = call.world, call.parameters
    name = parameters.get("payment_method")
    if name not in cards.MAGIC:
        raise invalid("Only Stripe's test payment methods can be used here.", param="payment_method")
    magic = cards.MAGIC[name]
    preview: Json = {
        "allow_redisplay": "unspecified",
        "billing_details": NOBODY,
        "card": cards.card_details(magic, f"{magic.brand}{magic.last4}sandbox"[:16]),
        "customer": None,
        "customer_account": None,
        "type": "card",
    }
    token: Json = {
        "id": world.new_id("ctoken"),
        "object": "confirmation_token",
        "created": world.now(),
        "expires_at": world.now() + _TOKEN_LASTS_SECONDS,
        "livemode": False,
        "mandate_data": None,
        "payment_intent": None,
        "payment_method_options": None,
        "payment_method_preview": preview,
        "return_url": parameters.get("return_url"),
        "setup_future_usage": parameters.get("setup_future_usage"),
        "setup_intent": None,
        "shipping": parameters.get("shipping"),
        "use_stripe_sdk": True,
    }
    world.notes(token["id"])["magic"] = name
    return world.put(call.account, token)


@route("GET", "/v1/confirmation_tokens/{confirmation_token}")
def token(call: Call) -> Json:
    """One confirmation token."""
    return call.named("confirmation_token", "confirmation_token")
