"""Early fraud warnings: the card's network suspects a payment before its holder's bank does."""

from sandbox.stripe.errors import Json
from sandbox.stripe.events import emit, update
from sandbox.stripe.state import World

KIND = "radar.early_fraud_warning"


def warned(world: World, charge: Json, *, fraud_type: str) -> Json:
    """A warning about a charge; there is something to do as long as it was neither given nor taken back."""
    warning = {
        "id": world.new_id("issfr"),
        "object": KIND,
        "actionable": not (charge["disputed"] or charge["refunded"]),
        "charge": charge["id"],
        "created": world.now(),
        "fraud_type": fraud_type,
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    world.put(world.owner(charge["id"]), warning)
    emit(world, "radar.early_fraud_warning.created", warning)
    return warning


def nothing_left_to_do(world: World, charge: Json) -> None:
    """The charge was given or taken back, so there is nothing to do about what was suspected of it."""
    for warning in world.shelf(world.owner(charge["id"]), KIND):
        if warning["charge"] == charge["id"] and warning["actionable"]:
            update(world, "radar.early_fraud_warning.updated", warning, actionable=False)
