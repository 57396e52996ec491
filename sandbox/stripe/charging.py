"""Charges: what an attempt to collect a payment leaves behind."""

from sandbox.stripe import cards, disputes
from sandbox.stripe.cards import Decline, Magic
from sandbox.stripe.errors import Json
from sandbox.stripe.events import emit, update
from sandbox.stripe.money import book, processing_fee, settles_in
from sandbox.stripe.state import World


def charged(world: World, intent: Json, method: Json, *, authenticated: bool) -> Json:
    """The card was charged: the money is on its way to the balance."""
    magic = cards.behaviour(world, method["id"])
    manual = intent["capture_method"] == "manual"
    charge = _new_charge(world, intent, method, authenticated=authenticated)
    charge |= {
        "amount_captured": 0 if manual else charge["amount"],
        "captured": not manual,
        "paid": True,
        "status": "succeeded",
    }
    intent["latest_charge"] = charge["id"]
    if manual:
        emit(world, "charge.succeeded", charge)
    elif intent["capture_method"] == "automatic":
        _book(world, charge, magic)
        emit(world, "charge.succeeded", charge)
    else:
        # With asynchronous capture, the default, the balance transaction comes a moment later.
        emit(world, "charge.succeeded", charge)
        _book_later(world, charge, magic)
    if magic.disputed and not manual:
        disputes.opened(world, charge, reason="fraudulent")
    return charge


def captured(world: World, charge: Json, *, amount: int) -> None:
    """An authorised charge is captured, for all or part of it."""
    magic = cards.behaviour(world, charge["payment_method"])
    charge |= {"amount_captured": amount, "captured": True}
    charge["amount_refunded"] = charge["amount"] - amount
    _book(world, charge, magic)
    emit(world, "charge.captured", charge)


def pending_charge(world: World, intent: Json, method: Json) -> Json:
    """A bank debit has been sent; days pass before the bank answers."""
    charge = _new_charge(world, intent, method, authenticated=False)
    charge |= {"captured": True, "amount_captured": charge["amount"], "status": "pending"}
    intent["latest_charge"] = charge["id"]
    emit(world, "charge.pending", charge)
    return charge


def cleared(world: World, charge: Json) -> None:
    """The bank has paid the debit."""
    charge |= {"paid": True, "status": "succeeded"}
    _book(world, charge, cards.behaviour(world, charge["payment_method"]))
    emit(world, "charge.succeeded", charge)


def failed(world: World, charge: Json, decline: Decline) -> Json:
    """The bank refused this charge."""
    charge |= {
        "amount_captured": 0,
        "captured": False,
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": _outcome(decline),
        "paid": False,
        "status": "failed",
    }
    emit(world, "charge.failed", charge)
    return charge


def declined_charge(world: World, intent: Json, method: Json, decline: Decline) -> Json:
    """An attempt that the bank refused at once."""
    charge = _new_charge(world, intent, method, authenticated=False)
    intent["latest_charge"] = charge["id"]
    return failed(world, charge, decline)


def _book(world: World, charge: Json, magic: Magic) -> None:
    charge["balance_transaction"] = _transaction(world, charge, magic)["id"]


def _book_later(world: World, charge: Json, magic: Magic) -> None:
    transaction = _transaction(world, charge, magic)
    update(world, "charge.updated", charge, balance_transaction=transaction["id"])


def _transaction(world: World, charge: Json, magic: Magic) -> Json:
    amount, currency, rate = settles_in(world, charge["amount_captured"], charge["currency"])
    return book(
        world,
        world.owner(charge["id"]),
        "charge",
        amount=amount,
        fee=processing_fee(world, amount),
        currency=currency,
        exchange_rate=rate,
        source=charge["id"],
        available_on=None if magic.at_once else world.now() + world.settings.settle_seconds,
        description=charge["description"],
    )


def _new_charge(world: World, intent: Json, method: Json, *, authenticated: bool) -> Json:
    charge = blank_charge(world, amount=intent["amount"], currency=intent["currency"])
    charge |= {
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "HOLDFAST",
        "customer": intent["customer"],
        "description": intent["description"],
        "metadata": dict(intent["metadata"]),
        "outcome": _outcome(None),
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method, charge["amount"], authenticated=authenticated),
        "receipt_email": intent["receipt_email"],
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{world.token(40)}",
        "shipping": intent["shipping"],
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "transfer_group": intent["transfer_group"],
    }
    return world.put(world.owner(intent["id"]), charge)


def blank_charge(world: World, *, amount: int, currency: str, prefix: str = "ch") -> Json:
    """A charge with nothing filled in but its amount."""
    nothing = dict.fromkeys(
        (
            "application",
            "application_fee",
            "application_fee_amount",
            "balance_transaction",
            "calculated_statement_descriptor",
            "customer",
            "description",
            "failure_balance_transaction",
            "failure_code",
            "failure_message",
            "on_behalf_of",
            "outcome",
            "payment_intent",
            "payment_method",
            "payment_method_details",
            "receipt_email",
            "receipt_number",
            "receipt_url",
            "review",
            "shipping",
            "source",
            "source_transfer",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_data",
            "transfer_group",
        )
    )
    return nothing | {
        "id": world.new_id(prefix),
        "object": "charge",
        "amount": amount,
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": {},
        "captured": False,
        "created": world.now(),
        "currency": currency,
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "paid": False,
        "refunded": False,
        "status": "pending",
    }


def _details(method: Json, amount: int, *, authenticated: bool) -> Json:
    if method["type"] == "card":
        return cards.charged_card(method["card"], amount=amount, authenticated=authenticated)
    return {"type": method["type"], method["type"]: dict(method[method["type"]])}


def _outcome(decline: Decline | None) -> Json:
    if decline is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "advice_code": "try_again_later",
        "network_advice_code": None,
        "network_decline_code": "05",
        "network_status": "declined_by_network",
        "reason": decline.decline_code or decline.code,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
