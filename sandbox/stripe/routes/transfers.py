"""Transfers and their reversals."""

from sandbox.stripe import accounts, money, transferring
from sandbox.stripe.errors import Json, StripeError, invalid, no_such
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page, page_of, whole
from sandbox.stripe.metadata import merged
from sandbox.stripe.router import Call, route
from sandbox.stripe.state import World


@route("POST", "/v1/transfers")
def create(call: Call) -> Json:
    """Send money to a connected account."""
    world, parameters = call.world, call.parameters
    destination = _destination(call)
    charge = call.referred("charge", "source_transaction")
    currency = parameters["currency"].lower()
    if "amount" not in parameters and charge is None:
        raise _missing_amount()
    amount = parameters["amount"] if "amount" in parameters else charge["amount"]  # type: ignore[index]
    money.positive(amount)
    transferring.refuse_unless_capable(destination)
    if charge is not None:
        _refuse_other_currency(world, charge, currency)
        transferring.refuse_more_than_charged(world, charge, amount)
    else:
        money.require_available(
            world,
            call.account,
            amount=amount,
            currency=currency,
            message="You have insufficient available funds in your Stripe account. Try adding "
            "funds directly to your available balance by creating Charges using the "
            "4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance",
        )
    return transferring.sent(world, _blank(call, amount, currency, charge), charge)


@route("GET", "/v1/transfers")
def listed(call: Call) -> Json:
    """All transfers, newest first."""
    return page(call, "transfer", by=["destination", "transfer_group"])


@route("GET", "/v1/transfers/{transfer}")
def retrieve(call: Call) -> Json:
    """One transfer."""
    return call.named("transfer", "transfer")


@route("POST", "/v1/transfers/{transfer}")
def update(call: Call) -> Json:
    """Change the description or the metadata."""
    transfer = call.named("transfer", "transfer")
    transfer |= call.given("description")
    transfer["metadata"] = merged(transfer["metadata"], call.parameters.get("metadata"))
    emit(call.world, "transfer.updated", transfer)
    return transfer


@route("POST", "/v1/transfers/{id}/reversals")
def reverse(call: Call) -> Json:
    """Take back a transfer, or part of it."""
    transfer, parameters = call.named("transfer", "id"), call.parameters
    left = transfer["amount"] - transfer["amount_reversed"]
    if left == 0:
        raise invalid(f"Transfer {transfer['id']} has already been fully reversed.")
    amount = money.positive(parameters["amount"]) if "amount" in parameters else left
    reversal = {
        "id": call.world.new_id("trr"),
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": None,
        "created": call.world.now(),
        "currency": transfer["currency"],
        "destination_payment_refund": None,
        "metadata": merged({}, parameters.get("metadata")),
        "source_refund": None,
        "transfer": transfer["id"],
    }
    # Accepted and not shown, as at Stripe.
    parameters.get("description")
    return transferring.reversed_(call.world, transfer, reversal)


@route("GET", "/v1/transfers/{id}/reversals")
def reversals(call: Call) -> Json:
    """What was taken back from a transfer."""
    transfer = call.named("transfer", "id")
    return page_of(call, transfer["reversals"]["data"], url=f"/v1/transfers/{transfer['id']}/reversals")


@route("GET", "/v1/transfers/{transfer}/reversals/{id}")
def reversal(call: Call) -> Json:
    """One reversal."""
    found = call.named("transfer_reversal", "id")
    if found["transfer"] != call.parts["transfer"]:
        raise no_such("transfer_reversal", found["id"])
    return found


def _destination(call: Call) -> Json:
    account = call.world.find(call.parameters["destination"])
    if account is None or account["object"] != "account" or accounts.has_left(call.world, account["id"]):
        raise no_such("destination", call.parameters["destination"], param="destination")
    return account


def _refuse_other_currency(world: World, charge: Json, currency: str) -> None:
    line = world.find(charge["balance_transaction"] or "")
    settled = charge["currency"] if line is None else line["currency"]
    if settled != currency:
        raise invalid(
            f"The currency of source_transaction's balance transaction ({settled}) must "
            f"be the same as the transfer currency ({currency})",
            param="currency",
        )


def _missing_amount() -> StripeError:
    return invalid("Missing required param: amount.", code="parameter_missing", param="amount")


def _blank(call: Call, amount: int, currency: str, charge: Json | None) -> Json:
    transfer_id, parameters = call.world.new_id("tr"), call.parameters
    return {
        "id": transfer_id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": call.world.now(),
        "currency": currency,
        "description": parameters.get("description"),
        "destination": parameters["destination"],
        "destination_payment": None,
        "livemode": False,
        "metadata": merged({}, parameters.get("metadata")),
        "reversals": whole([], url=f"/v1/transfers/{transfer_id}/reversals"),
        "reversed": False,
        "source_transaction": charge["id"] if charge else None,
        "source_type": parameters.get("source_type", "card"),
        "transfer_group": _group(parameters.get("transfer_group"), charge),
    }


def _group(given: str | None, charge: Json | None) -> str | None:
    if given is not None or charge is None:
        return given
    # A charge without a group gets one as soon as something is transferred from it.
    charge["transfer_group"] = charge["transfer_group"] or f"group_{charge['payment_intent']}"
    return str(charge["transfer_group"])
