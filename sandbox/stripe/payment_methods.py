"""Payment methods: where they come from, whom they belong to, whether they can be used."""

from sandbox.stripe import cards
from sandbox.stripe.errors import Json, StripeError, declined, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.state import World

NOBODY: Json = {
    "address": {
        "city": None,
        "country": None,
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    },
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}


def usable(world: World, account: str, name: str, *, param: str = "payment_method") -> Json:
    """The payment method with this id; one of Stripe's test names makes a new one."""
    if name in cards.MAGIC:
        return made(world, account, name)
    return world.get(account, "payment_method", name, param=param)


def made(world: World, account: str, magic_name: str, *, billing: Json | None = None) -> Json:
    """A new payment method that behaves as the test name says."""
    magic = cards.MAGIC[magic_name]
    kind = "us_bank_account" if magic.bank else "card"
    fingerprint = f"{magic.brand}{magic.last4}sandbox"[:16]
    details = cards.bank_details if magic.bank else cards.card_details
    method: Json = {
        "id": world.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": NOBODY | (billing or {}),
        kind: details(magic, fingerprint),
        "created": world.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }
    world.notes(method["id"])["magic"] = magic_name
    return world.put(account, method)


def attach(world: World, method: Json, customer: Json) -> Json:
    """Save the payment method with its customer."""
    if method["customer"] == customer["id"]:
        return method
    refuse_if_spent(world, method)
    if method["customer"] is not None:
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    magic = cards.behaviour(world, method["id"])
    if magic.decline is not None and magic.decline_setup:
        raise refusal_of(magic.decline)
    method["customer"] = customer["id"]
    emit(world, "payment_method.attached", method)
    return method


def detach(world: World, method: Json) -> Json:
    """Take the payment method from its customer; it can never be used again."""
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    customer = world.find(method["customer"])
    if customer is not None and not customer.get("deleted"):
        settings = customer["invoice_settings"]
        if settings["default_payment_method"] == method["id"]:
            settings["default_payment_method"] = None
    before, method["customer"] = method["customer"], None
    world.notes(method["id"])["spent"] = True
    emit(world, "payment_method.detached", method, previous={"customer": before})
    return method


def refuse_if_spent(world: World, method: Json) -> None:
    """A payment method used or detached without a customer is gone."""
    if method["customer"] is None and world.notes(method["id"]).get("spent"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )


def refusal_of(decline: cards.Decline, **details: object) -> StripeError:
    """The card error a decline becomes."""
    return declined(
        decline.message,
        code=decline.code,
        decline_code=decline.decline_code,
        **details,
    )
