"""Refunds: asked for, looked at, booked, and sometimes sent back by a bank weeks later."""

from sandbox import agenda
from sandbox.adyen import ledger, news
from sandbox.adyen.errors import Json, invalid
from sandbox.adyen.paying import category_data, liable_split
from sandbox.adyen.state import World


def asked(world: World, payment: Json, given: Json) -> Json:
    """Take a request for a refund in; what becomes of it is told later."""
    value = given["amount"]["value"]
    if value < 1:
        raise invalid("Invalid amount specified", code="137")
    if given["amount"]["currency"] != payment["amount"]["currency"]:
        raise invalid("The currency is not that of the payment.", code="138")
    refund = world.put(
        "refund",
        {
            "id": world.psp(),
            "payment": payment["id"],
            "reference": given.get("reference"),
            "amount": given["amount"],
            "splits": given.get("splits") or [],
            "state": "received",
            "transfers": [],
        },
    )
    due = world.now() + world.settings.refund_seconds
    agenda.schedule(world, at=due, kind="adyen_refund", subject=refund["id"])
    return refund


@agenda.due("adyen_refund")
def looked_at(world: World, refund_id: str) -> None:
    """Adyen begins to give back, or says why it will not."""
    refund = world.get("refund", refund_id)
    payment = world.get("payment", refund["payment"])
    value = refund["amount"]["value"]
    trouble = _trouble(payment, value)
    if trouble is None:
        payment["refunded"] += value
        refund["state"] = "sent"
        for split in refund["splits"] or [liable_split(world, payment, refund["reference"] or "", value)]:
            _take(world, payment, refund, split)
        due = world.now() + world.settings.refund_book_seconds
        agenda.schedule(world, at=due, kind="adyen_refund_booked", subject=refund_id)
    else:
        refund["state"] = "refused"
    _tell(world, "REFUND", refund, success=trouble is None, reason=trouble or "")


@agenda.due("adyen_refund_booked")
def booked(world: World, refund_id: str) -> None:
    """The money has left our balance account."""
    refund = world.get("refund", refund_id)
    if refund["state"] != "sent":
        return
    refund["state"] = "refunded"
    for transfer_id in refund["transfers"]:
        transfer = world.get("transfer", transfer_id)
        value = transfer["amount"]["value"]
        ledger.step(world, transfer, "refunded", balance=-value, reserved=value)


def failed(world: World, refund: Json) -> Json:
    """The shopper's bank sends a refund back, before it was booked or weeks after."""
    payment = world.get("payment", refund["payment"])
    if refund["state"] not in {"sent", "refunded"}:
        raise invalid(f"The refund is {refund['state']}.")
    was_booked, refund["state"] = refund["state"] == "refunded", "failed"
    payment["refunded"] -= refund["amount"]["value"]
    for transfer_id in refund["transfers"]:
        transfer = world.get("transfer", transfer_id)
        value = transfer["amount"]["value"]
        if was_booked:
            _return(world, payment, refund, transfer)
        else:
            ledger.step(world, transfer, "failed", reserved=value, reason="refusedByCounterpartyBank")
    _tell(world, "REFUNDED_REVERSED" if was_booked else "REFUND_FAILED", refund, reason="Refund Failed")
    return refund


def _trouble(payment: Json, value: int) -> str | None:
    if payment["state"] == "charged_back":
        return "The payment was charged back, refund not possible"
    if payment["state"] != "captured":
        return "Transaction hasn't been captured, refund not possible"
    if payment["refunded"] + value > payment["amount"]["value"]:
        return "Insufficient balance on payment"
    return None


def _take(world: World, payment: Json, refund: Json, split: Json) -> None:
    amount: Json = split.get("amount") or refund["amount"]
    value = amount["value"]
    transfer = ledger.opened(
        world,
        account=split.get("account", world.settings.balance_account),
        category="platformPayment",
        kind="refund",
        amount={"currency": refund["amount"]["currency"], "value": value},
        incoming=False,
        reference=split.get("reference", "<auto>"),
        data=_data(payment, refund, split["type"]),
    )
    refund["transfers"].append(transfer["id"])
    ledger.step(world, transfer, "received", received=-value)
    ledger.step(world, transfer, "authorised", received=value, reserved=-value)


def _return(world: World, payment: Json, refund: Json, of: Json) -> None:
    value = of["amount"]["value"]
    transfer = ledger.opened(
        world,
        account=of["balanceAccount"]["id"],
        category="platformPayment",
        kind="refundReversal",
        amount=of["amount"],
        incoming=True,
        reference=of["reference"],
        data=_data(payment, refund, of["categoryData"]["platformPaymentType"]),
    )
    ledger.step(world, transfer, "refundReversed", balance=value)


def _data(payment: Json, refund: Json, kind: str) -> Json:
    return category_data(payment, psp=refund["id"], reference=refund["reference"] or "<auto>", kind=kind)


def _tell(world: World, code: str, refund: Json, *, success: bool = True, reason: str = "") -> None:
    payment = world.get("payment", refund["payment"])
    told = news.item(
        world,
        code,
        psp=refund["id"],
        payment=payment,
        amount=refund["amount"],
        success=success,
        reference=refund["reference"],
        reason=reason,
    )
    news.standard(world, told)
