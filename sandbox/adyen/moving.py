"""Transfers between balance accounts, and on to banks."""

from sandbox import agenda
from sandbox.adyen import ledger
from sandbox.adyen.errors import Json, invalid
from sandbox.adyen.state import World

_INSTANT_SECONDS = 60
# What is shown of a transfer only to those who ask for it later.
_LATER = ("balancePlatform", "balances", "updatedAt", "events", "sequenceNumber", "tracking")


def sent(world: World, given: Json) -> Json:
    """Carry out what was asked, or refuse it for a reason that is part of the answer."""
    source = world.get("balanceAccount", given["balanceAccountId"])
    transfer = ledger.opened(
        world,
        account=source["id"],
        category=given["category"],
        kind="internalTransfer" if given["category"] == "internal" else "bankTransfer",
        amount=given["amount"],
        incoming=False,
        reference=given.get("reference") or world.psp(),
        description=given.get("description", ""),
        counterparty=given["counterparty"],
        data={"priority": given["priority"]} if given["category"] == "bank" else {},
    )
    reason = _why_not(world, source, given)
    value = given["amount"]["value"]
    ledger.step(world, transfer, "received", received=-value)
    if reason is not None:
        ledger.step(world, transfer, "refused", received=value, reason=reason)
        return _answer(transfer)
    answer = _answer(transfer) | {"reason": "pending"}
    ledger.step(world, transfer, "authorised", received=value, reserved=-value)
    if given["category"] == "internal":
        _arrive(world, transfer, given)
    else:
        instant = given["priority"] == "instant"
        due = world.now() + (_INSTANT_SECONDS if instant else world.settings.payout_book_seconds)
        agenda.schedule(world, at=due, kind="adyen_payout", subject=transfer["id"])
    # Whatever has become of it meanwhile, Adyen answers with how it began.
    return answer


@agenda.due("adyen_payout")
def left(world: World, transfer_id: str) -> None:
    """A payout has been deducted and is with the bank."""
    transfer = world.get("transfer", transfer_id)
    if transfer["status"] != "authorised":
        return
    value = transfer["amount"]["value"]
    ledger.step(world, transfer, "booked", balance=-value, reserved=value)
    instant = transfer["categoryData"]["priority"] == "instant"
    due = world.now() + (0 if instant else world.settings.payout_credit_seconds)
    agenda.schedule(world, at=due, kind="adyen_payout_credited", subject=transfer_id)


@agenda.due("adyen_payout_credited")
def credited(world: World, transfer_id: str) -> None:
    """The worker's bank has the money."""
    transfer = world.get("transfer", transfer_id)
    if transfer["status"] == "booked":
        ledger.tracked(world, transfer, "credited")


def failed(world: World, transfer: Json, *, reason: str) -> Json:
    """The bank does not take a payout, or sends it back after it was booked."""
    value = transfer["amount"]["value"]
    if transfer["status"] == "booked":
        return ledger.step(world, transfer, "returned", balance=value, reason=reason)
    if transfer["status"] != "authorised":
        raise invalid(f"The transfer is {transfer['status']}.")
    return ledger.step(world, transfer, "failed", reserved=value, reason=reason)


def _answer(transfer: Json) -> Json:
    return {name: value for name, value in transfer.items() if name not in _LATER}


def _why_not(world: World, source: Json, given: Json) -> str | None:
    if source["status"] != "active":
        return "accountHierarchyNotActive"
    if ledger.available(world, source["id"], given["amount"]["currency"]) < given["amount"]["value"]:
        return "notEnoughBalance"
    if given["category"] == "bank":
        instrument = world.find(given["counterparty"].get("transferInstrumentId"))
        if instrument is None:
            return "transferInstrumentDoesNotExist"
        if given["priority"] == "instant" and not instrument["takes_instant"]:
            return "routeNotFound"
        holder = world.data["objects"][source["accountHolderId"]]
        if not holder["capabilities"].get("sendToTransferInstrument", {}).get("allowed"):
            return "accountHierarchyNotActive"
    return None


def _arrive(world: World, transfer: Json, given: Json) -> None:
    value = given["amount"]["value"]
    other = world.get("balanceAccount", given["counterparty"]["balanceAccountId"])
    ledger.step(world, transfer, "booked", balance=-value, reserved=value)
    arrival = ledger.opened(
        world,
        account=other["id"],
        category="internal",
        kind="internalTransfer",
        amount=given["amount"],
        incoming=True,
        reference=transfer["reference"],
        description=given.get("description", ""),
        counterparty={"balanceAccountId": transfer["balanceAccount"]["id"]},
        data={},
    )
    ledger.step(world, arrival, "booked", balance=value)
