"""How a setup intent comes to its end: a payment method saved for later."""

from sandbox.stripe import cards
from sandbox.stripe.cards import Decline
from sandbox.stripe.errors import Json, StripeError
from sandbox.stripe.events import emit
from sandbox.stripe.intents import challenge, unexpected_state
from sandbox.stripe.payment_methods import attach, refusal_of, refuse_if_spent
from sandbox.stripe.state import World

_OPEN = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


def confirm(world: World, intent: Json, method: Json, *, base_url: str) -> Json:
    """The customer agrees to have this method saved."""
    if intent["status"] not in _OPEN:
        raise unexpected_state(
            intent,
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.",
        )
    refuse_if_spent(world, method)
    intent |= {"payment_method": method["id"], "next_action": None, "last_setup_error": None}
    magic = cards.behaviour(world, method["id"])
    if magic.decline is not None and magic.decline_setup:
        raise _failed(world, intent, method, magic.decline)
    if magic.authentication is not None:
        intent |= {"status": "requires_action", "next_action": challenge(world, intent, base_url)}
        emit(world, "setup_intent.requires_action", intent)
        return intent
    return _succeeded(world, intent, method)


def authenticated(world: World, intent: Json, *, succeeds: bool) -> Json:
    """The customer has answered the bank's challenge."""
    if intent["status"] != "requires_action":
        raise unexpected_state(intent, "This SetupIntent does not wait for authentication.")
    method = world.data["objects"][intent["payment_method"]]
    intent["next_action"] = None
    if not succeeds:
        # Recorded on the intent, where the app will look; nobody asked for an answer.
        _failed(world, intent, method, _NOT_AUTHENTICATED)
        return intent
    world.notes(method["id"])["authenticated"] = True
    return _succeeded(world, intent, method)


def cancel(world: World, intent: Json, *, reason: str | None) -> Json:
    """The method shall not be saved after all."""
    if intent["status"] not in _OPEN:
        raise unexpected_state(
            intent,
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.",
        )
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    emit(world, "setup_intent.canceled", intent)
    return intent


_NOT_AUTHENTICATED = Decline(
    "setup_intent_authentication_failure",
    None,
    "The latest attempt to set up the payment method has failed because authentication failed.",
)


def _succeeded(world: World, intent: Json, method: Json) -> Json:
    if intent["customer"] is not None:
        attach(world, method, world.data["objects"][intent["customer"]])
    intent |= {"status": "succeeded", "latest_attempt": world.new_id("setatt")}
    emit(world, "setup_intent.succeeded", intent)
    return intent


def _failed(world: World, intent: Json, method: Json, decline: Decline) -> StripeError:
    error: Json = dict(refusal_of(decline, payment_method=dict(method)).body["error"])
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_setup_error": error,
        "latest_attempt": world.new_id("setatt"),
    }
    emit(world, "setup_intent.setup_failed", intent)
    return refusal_of(decline, setup_intent=dict(intent), payment_method=dict(method))
