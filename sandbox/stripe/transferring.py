"""Transfers: money moved from the platform to a worker's account, and back."""

from sandbox.stripe import accounts, money
from sandbox.stripe.charging import blank_charge
from sandbox.stripe.errors import Json, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.money import book, spoken
from sandbox.stripe.state import World


def refuse_unless_capable(destination: Json) -> None:
    """Only an account that may receive transfers is sent any."""
    if destination["capabilities"].get("transfers") != "active":
        raise invalid(
            "Your destination account needs to have at least one of the following capabilities "
            "enabled: transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )


def refuse_more_than_charged(world: World, charge: Json, amount: int) -> None:
    """All transfers from one charge together are at most the charge."""
    if charge["status"] != "succeeded":
        raise invalid(
            f"Charge {charge['id']} cannot be used as a source_transaction: it has not succeeded.",
            param="source_transaction",
        )
    sent = world.notes(charge["id"]).get("transferred", 0)
    left = charge["amount_captured"] - sent
    if amount > left:
        currency = charge["currency"]
        raise invalid(
            f"Cannot use the source_transaction {charge['id']}: the transfers from it would exceed "
            f"its amount. {spoken(left, currency)} of {spoken(charge['amount'], currency)} is left.",
            param="amount",
        )


def sent(world: World, transfer: Json, charge: Json | None) -> Json:
    """Move the money; from a charge that is pending it arrives pending."""
    destination = transfer["destination"]
    available_on = _when_available(world, charge)
    world.put(world.platform, transfer)
    transfer["balance_transaction"] = book(
        world,
        world.platform,
        "transfer",
        amount=-transfer["amount"],
        currency=transfer["currency"],
        source=transfer["id"],
        available_on=available_on,
        description=transfer["description"],
    )["id"]
    transfer["destination_payment"] = _arrived(world, destination, transfer, available_on)
    if charge is not None:
        notes = world.notes(charge["id"])
        notes["transferred"] = notes.get("transferred", 0) + transfer["amount"]
    emit(world, "transfer.created", transfer)
    return transfer


def _when_available(world: World, charge: Json | None) -> int | None:
    if charge is None:
        return None
    transaction = world.data["objects"][charge["balance_transaction"]]
    return int(transaction["available_on"])


def _arrived(world: World, account: str, transfer: Json, available_on: int | None) -> str:
    payment = blank_charge(world, amount=transfer["amount"], currency=transfer["currency"], prefix="py")
    payment |= {
        "amount_captured": transfer["amount"],
        "captured": True,
        "paid": True,
        "source_transfer": transfer["id"],
        "status": "succeeded",
        "transfer_group": transfer["transfer_group"],
    }
    world.put(account, payment)
    payment["balance_transaction"] = book(
        world,
        account,
        "payment",
        amount=transfer["amount"],
        currency=transfer["currency"],
        source=payment["id"],
        available_on=available_on,
    )["id"]
    # The source belongs to the platform, so its id is all that the worker's account sees of it.
    emit(world, "payment.created", payment)
    return str(payment["id"])


def reversed_(world: World, transfer: Json, reversal: Json) -> Json:
    """Take back a transfer, as far as the worker's account still has the money."""
    payment = world.data["objects"][transfer["destination_payment"]]
    arrived = world.data["objects"][payment["balance_transaction"]]
    available_on = arrived["available_on"] if arrived["status"] == "pending" else None
    _refuse_unless_covered(world, transfer, reversal["amount"], pending=available_on is not None)
    world.put(world.platform, reversal)
    reversal["destination_payment_refund"] = _taken_back(world, payment, reversal)
    for account, kind, sign in (
        (world.platform, "transfer_refund", 1),
        (transfer["destination"], "payment_refund", -1),
    ):
        transaction = book(
            world,
            account,
            kind,
            amount=sign * reversal["amount"],
            currency=transfer["currency"],
            source=reversal["id"] if sign > 0 else reversal["destination_payment_refund"],
            available_on=available_on,
        )
        if sign > 0:
            reversal["balance_transaction"] = transaction["id"]
    transfer["amount_reversed"] += reversal["amount"]
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    payment["amount_refunded"] += reversal["amount"]
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    emit(world, "transfer.reversed", transfer)
    money.funds_arrived(world, world.platform)
    return reversal


def _taken_back(world: World, payment: Json, reversal: Json) -> str:
    refund = {
        "id": world.new_id("pyr"),
        "object": "refund",
        "amount": reversal["amount"],
        "charge": payment["id"],
        "created": world.now(),
        "currency": reversal["currency"],
        "metadata": {},
        "source_transfer_reversal": reversal["id"],
        "status": "succeeded",
    }
    return str(world.put(world.owner(payment["id"]), refund)["id"])


def _refuse_unless_covered(world: World, transfer: Json, amount: int, *, pending: bool) -> None:
    left = transfer["amount"] - transfer["amount_reversed"]
    currency = transfer["currency"]
    if amount > left:
        raise invalid(
            f"Transfer reversal amount ({spoken(amount, currency)}) is greater than unreversed "
            f"amount on transfer ({spoken(left, currency)})",
            param="amount",
        )
    if not accounts.gives_back(world, transfer["destination"]):
        raise invalid(
            f"The account {transfer['destination']} is not connected to your platform any more.",
            code="account_invalid",
        )
    holding = money.pending if pending else money.available
    if holding(world, transfer["destination"], currency) < amount:
        raise invalid(
            "Insufficient funds in the connected account to reverse this transfer: it has "
            f"{spoken(holding(world, transfer['destination'], currency), currency)}.",
            code="balance_insufficient",
        )
