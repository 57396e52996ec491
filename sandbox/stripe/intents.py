"""How a payment intent comes to its end: confirmed, authenticated, collected, declined."""

from sandbox.agenda import due, schedule
from sandbox.stripe import cards, charging
from sandbox.stripe.cards import Decline
from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.payment_methods import attach, refusal_of, refuse_if_spent
from sandbox.stripe.settings import DAY
from sandbox.stripe.state import World

_CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_CANCELABLE = _CONFIRMABLE | {"requires_capture"}
_BANK_ANSWERS_AFTER_SECONDS = 4 * DAY
_AUTHORISATION_LASTS_SECONDS = 7 * DAY


def confirm(world: World, intent: Json, method: Json, *, off_session: bool, base_url: str) -> Json:
    """The customer agrees to pay with this method."""
    refuse_unless_confirmable(intent)
    _refuse_foreign(intent, method)
    refuse_if_spent(world, method)
    intent |= {"payment_method": method["id"], "next_action": None, "last_payment_error": None}
    if _needs_authentication(world, method):
        if off_session:
            raise _decline(world, intent, method, cards.NEEDS_AUTHENTICATION)
        return _ask_for_authentication(world, intent, base_url)
    return _collect(world, intent, method, authenticated=False)


def refuse_unless_confirmable(intent: Json) -> None:
    """A payment that is over, or under way, cannot be confirmed again."""
    if intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(
            intent,
            "You cannot confirm this PaymentIntent because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "confirmed: requires_confirmation, requires_action, requires_payment_method.",
        )


def authenticated(world: World, intent: Json, *, succeeds: bool) -> Json:
    """The customer has answered the bank's 3-D Secure challenge."""
    if intent["status"] != "requires_action":
        raise unexpected_state(intent, "This PaymentIntent does not wait for authentication.")
    method = world.data["objects"][intent["payment_method"]]
    intent["next_action"] = None
    try:
        if not succeeds:
            raise _decline(world, intent, method, cards.NOT_AUTHENTICATED, charge=False)
        world.notes(method["id"])["authenticated"] = True
        return _collect(world, intent, method, authenticated=True)
    except StripeError:
        # The app learns of the refusal by looking; the challenge itself went well.
        return intent


def cancel(world: World, intent: Json, *, reason: str | None) -> Json:
    """Nobody shall pay this any more."""
    if intent["status"] not in _CANCELABLE:
        raise unexpected_state(
            intent,
            "You cannot cancel this PaymentIntent because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "canceled: requires_payment_method, requires_capture, requires_confirmation, "
            "requires_action, processing.",
        )
    if intent["status"] == "requires_capture":
        _void(world, intent)
    intent |= {
        "status": "canceled",
        "canceled_at": world.now(),
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    emit(world, "payment_intent.canceled", intent)
    return intent


def capture(world: World, intent: Json, *, amount: int) -> Json:
    """Take the authorised money, or part of it; the rest is let go."""
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            intent,
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
        )
    if not 1 <= amount <= intent["amount_capturable"]:
        raise invalid(
            "The amount_to_capture exceeds the amount authorized.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charging.captured(world, world.data["objects"][intent["latest_charge"]], amount=amount)
    intent["amount_capturable"] = 0
    return _succeeded(world, intent, amount)


def unexpected_state(intent: Json, message: str) -> StripeError:
    """The intent is past the point where this could be done."""
    kind = intent["object"]
    return StripeError(
        400,
        "invalid_request_error",
        message,
        code=f"{kind}_unexpected_state",
        **{kind: dict(intent)},
    )


def _refuse_foreign(intent: Json, method: Json) -> None:
    owner = method["customer"]
    if owner is not None and owner != intent["customer"]:
        raise invalid(
            f"The PaymentMethod {method['id']} belongs to the Customer {owner}. Please include "
            "the Customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )


def _needs_authentication(world: World, method: Json) -> bool:
    wanted = cards.behaviour(world, method["id"]).authentication
    proven = world.notes(method["id"]).get("authenticated", False)
    return wanted == "always" or (wanted == "setup" and not proven)


def _ask_for_authentication(world: World, intent: Json, base_url: str) -> Json:
    intent |= {"status": "requires_action", "next_action": challenge(world, intent, base_url)}
    emit(world, "payment_intent.requires_action", intent)
    return intent


def challenge(world: World, intent: Json, base_url: str) -> Json:
    """Where the customer proves to be the card's holder."""
    url = f"{base_url}/hosted/authentication/{intent['id']}"
    return_url = world.notes(intent["id"]).get("return_url")
    if return_url is None:
        return {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url},
        }
    return {
        "type": "redirect_to_url",
        "redirect_to_url": {"url": url, "return_url": return_url},
    }


def _collect(world: World, intent: Json, method: Json, *, authenticated: bool) -> Json:
    magic = cards.behaviour(world, method["id"])
    if magic.bank:
        return _wait_for_the_bank(world, intent, method)
    if magic.decline is not None:
        raise _decline(world, intent, method, magic.decline)
    charging.charged(world, intent, method, authenticated=authenticated)
    _save_method(world, intent, method)
    if intent["capture_method"] == "manual":
        return _authorised(world, intent)
    return _succeeded(world, intent, intent["amount"])


def _succeeded(world: World, intent: Json, amount: int) -> Json:
    intent |= {"status": "succeeded", "amount_received": amount, "processing": None}
    emit(world, "payment_intent.succeeded", intent)
    return intent


def _authorised(world: World, intent: Json) -> Json:
    intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
    emit(world, "payment_intent.amount_capturable_updated", intent)
    expires = world.now() + _AUTHORISATION_LASTS_SECONDS
    schedule(world, at=expires, kind="authorisation_expires", subject=intent["id"])
    return intent


@due("authorisation_expires")
def authorisation_expires(world: World, intent_id: str) -> None:
    """The bank holds an authorisation for seven days, then lets the money go."""
    intent = world.data["objects"][intent_id]
    if intent["status"] == "requires_capture":
        cancel(world, intent, reason="automatic")


def _void(world: World, intent: Json) -> None:
    charge = world.data["objects"][intent["latest_charge"]]
    charge |= {"amount_refunded": charge["amount"], "refunded": True}
    emit(world, "charge.refunded", charge)


def _wait_for_the_bank(world: World, intent: Json, method: Json) -> Json:
    charging.pending_charge(world, intent, method)
    _save_method(world, intent, method)
    intent |= {"status": "processing", "processing": {"type": method["type"]}}
    emit(world, "payment_intent.processing", intent)
    answer = world.now() + _BANK_ANSWERS_AFTER_SECONDS
    schedule(world, at=answer, kind="bank_answers", subject=intent["id"])
    return intent


@due("bank_answers")
def bank_answers(world: World, intent_id: str) -> None:
    """A bank debit is paid or returned some days later."""
    intent = world.data["objects"][intent_id]
    charge = world.data["objects"][intent["latest_charge"]]
    decline = cards.behaviour(world, charge["payment_method"]).decline
    if decline is None:
        charging.cleared(world, charge)
        _succeeded(world, intent, intent["amount"])
        return
    charging.failed(world, charge, decline)
    _failed(world, intent, world.data["objects"][charge["payment_method"]], decline, charge)


def _decline(
    world: World, intent: Json, method: Json, decline: Decline, *, charge: bool = True
) -> StripeError:
    attempt = charging.declined_charge(world, intent, method, decline) if charge else None
    error = _failed(world, intent, method, decline, attempt)
    return refusal_of(
        decline,
        advice_code=error.get("advice_code"),
        charge=error.get("charge"),
        payment_intent=dict(intent),
        payment_method=dict(method),
    )


def _failed(world: World, intent: Json, method: Json, decline: Decline, charge: Json | None) -> Json:
    error: Json = dict(refusal_of(decline, payment_method=dict(method)).body["error"])
    if charge is not None:
        error["charge"] = charge["id"]
        error["advice_code"] = "try_again_later"
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": error,
        "processing": None,
        "next_action": None,
    }
    emit(world, "payment_intent.payment_failed", intent)
    return error


def _save_method(world: World, intent: Json, method: Json) -> None:
    if method["customer"] is not None:
        return
    if intent["customer"] is None or intent["setup_future_usage"] is None:
        world.notes(method["id"])["spent"] = True
        return
    attach(world, method, world.data["objects"][intent["customer"]])
