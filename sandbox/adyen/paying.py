"""Payments: what a shopper does with a session, and what that leaves on the balance accounts."""

from sandbox import agenda
from sandbox.adyen import ledger, news
from sandbox.adyen.errors import Json, invalid
from sandbox.adyen.state import World

_FEES = ("PaymentFee", "AdyenFees", "AdyenCommission", "AcquiringFees")


def live_session(world: World, session_id: str) -> Json:
    """A session that can still be paid."""
    session = world.get("session", session_id)
    if session["status"] == "active" and session["ends"] <= world.now():
        session["status"] = "expired"
    if session["status"] not in {"active", "refused"}:
        raise invalid(f"The session is {session['status']}.", code="14_0408")
    return session


def paid(world: World, session: Json, *, last4: str = "1111") -> Json:
    """The shopper pays by card: authorised, and captured at once."""
    payment = _payment(world, session)
    if session["asked"].get("storePaymentMethod") and session["asked"].get("shopperReference"):
        stored(world, session["asked"]["shopperReference"], last4=last4)
    session |= {"status": "completed", "payment": payment["id"]}
    data = {"cardSummary": last4, "expiryDate": "03/2030", "checkoutSessionId": session["id"]}
    told = news.item(
        world,
        "AUTHORISATION",
        psp=payment["id"],
        payment=payment,
        reason=f"012345:{last4}:03/2030",
        data=data,
        original=False,
    )
    news.standard(world, told)
    for split in _splits(world, payment):
        _receive(world, payment, split)
    due = world.now() + world.settings.capture_seconds
    agenda.schedule(world, at=due, kind="adyen_capture", subject=payment["id"])
    if not world.settings.capture_seconds:
        agenda.run_due(world)
    return payment


def refused(world: World, session: Json, *, reason: str = "Refused") -> Json:
    """The shopper's bank says no; the session stays open."""
    payment = _payment(world, session)
    payment["state"] = "refused"
    told = news.item(
        world,
        "AUTHORISATION",
        psp=payment["id"],
        payment=payment,
        success=False,
        reason=reason,
        original=False,
    )
    news.standard(world, told)
    session["status"] = "refused"
    return payment


def challenged(world: World, session: Json) -> Json:
    """The shopper's bank wants to see who it is first."""
    session["challenged"] = True
    world.touch()
    return session


def stored(world: World, shopper: str, *, last4: str) -> Json:
    """Keep a card for a shopper."""
    return world.put(
        "storedPaymentMethod",
        {
            "id": world.psp(),
            "shopperReference": shopper,
            "brand": "visa",
            "expiryMonth": "03",
            "expiryYear": "2030",
            "lastFour": last4,
            "name": "VISA",
            "type": "scheme",
            "supportedRecurringProcessingModels": ["CardOnFile"],
        },
    )


@agenda.due("adyen_capture")
def captured(world: World, payment_id: str) -> None:
    """What was authorised is collected: it is booked now and may be used once it has settled."""
    payment = world.get("payment", payment_id)
    if payment["state"] != "authorised":
        return
    payment["state"] = "captured"
    for transfer_id in payment["transfers"]:
        transfer = world.get("transfer", transfer_id)
        value = _signed(transfer)
        ledger.step(
            world,
            transfer,
            "captured",
            balance=value,
            reserved=-value,
            settles_after=world.settings.settle_seconds,
        )


def canceled(world: World, payment: Json, *, psp: str, reference: str | None) -> None:
    """Give up what was not captured; what was cannot be canceled."""
    possible = payment["state"] == "authorised"
    if possible:
        payment["state"] = "canceled"
        for transfer_id in payment["transfers"]:
            transfer = world.get("transfer", transfer_id)
            ledger.step(world, transfer, "cancelled", reserved=-_signed(transfer), reason="cancelled")
    told = news.item(
        world,
        "CANCELLATION",
        psp=psp,
        payment=payment,
        success=possible,
        reference=reference,
        reason="" if possible else "Transaction was captured, cancel not possible",
    )
    news.standard(world, told)


def nothing_to_cancel(world: World, reference: str, *, psp: str) -> None:
    """Nothing was authorised under a reference; Adyen says so, and over how much it would have been it cannot say."""
    nobody = {"reference": reference, "amount": {"currency": "USD", "value": 0}}
    told = news.item(
        world,
        "CANCELLATION",
        psp=psp,
        payment=nobody,
        success=False,
        reason="Transaction not found",
        original=False,
    )
    news.standard(world, told)


def liable_split(world: World, payment: Json, reference: str, value: int) -> Json:
    """What a modification without splits is booked to: our liable account."""
    return {
        "type": "BalanceAccount",
        "account": world.settings.balance_account,
        "reference": reference,
        "amount": {"value": value, "currency": payment["amount"]["currency"]},
    }


def fee_of(world: World, amount: int) -> int:
    """What Adyen takes of a payment, rounded to the nearest cent."""
    return (amount * world.settings.fee_basis_points + 5_000) // 10_000 + world.settings.fee_fixed_minor


def category_data(payment: Json, *, psp: str, reference: str, kind: str) -> Json:
    """What a transfer says of the payment that it is part of."""
    return {
        "paymentMerchantReference": payment["reference"],
        "pspPaymentReference": payment["id"],
        "modificationPspReference": psp,
        "modificationMerchantReference": reference,
        "platformPaymentType": kind,
    }


def _payment(world: World, session: Json) -> Json:
    asked = session["asked"]
    return world.put(
        "payment",
        {
            "id": world.psp(),
            "session": session["id"],
            "reference": asked["reference"],
            "amount": asked["amount"],
            "splits": asked.get("splits", []),
            "state": "authorised",
            "refunded": 0,
            "transfers": [],
        },
    )


def _splits(world: World, payment: Json) -> list[Json]:
    return payment["splits"] or [liable_split(world, payment, "<auto>", payment["amount"]["value"])]


def _receive(world: World, payment: Json, split: Json) -> None:
    fee = split["type"] in _FEES
    value = (
        fee_of(world, payment["amount"]["value"])
        if fee
        else split.get("amount", {}).get("value", payment["amount"]["value"])
    )
    transfer = ledger.opened(
        world,
        account=split.get("account", world.settings.balance_account),
        category="platformPayment",
        kind="capture",
        amount={"currency": payment["amount"]["currency"], "value": value},
        incoming=not fee,
        reference=split.get("reference", "<auto>"),
        description=split.get("description", ""),
        data=category_data(payment, psp=world.psp(), reference="<auto>", kind=split["type"]),
    )
    payment["transfers"].append(transfer["id"])
    signed = _signed(transfer)
    ledger.step(world, transfer, "received", received=signed)
    ledger.step(world, transfer, "authorised", received=-signed, reserved=signed)


def _signed(transfer: Json) -> int:
    value: int = transfer["amount"]["value"]
    return value if transfer["direction"] == "incoming" else -value
