"""Balance accounts: every cent that moves is a step of a transfer, and where it is booked, a transaction."""

from sandbox import agenda
from sandbox.adyen import news
from sandbox.adyen.errors import Json
from sandbox.adyen.state import World, written


def opened(
    world: World,
    *,
    account: str,
    category: str,
    kind: str,
    amount: Json,
    incoming: bool,
    reference: str,
    data: Json,
    description: str = "",
    counterparty: Json | None = None,
    transfer_id: str | None = None,
) -> Json:
    """A new transfer, before anything has happened to it."""
    holder = world.data["objects"][world.data["objects"][account]["accountHolderId"]]
    transfer: Json = {
        "id": transfer_id or world.psp(),
        "accountHolder": {"id": holder["id"], "reference": holder.get("reference", "")},
        "amount": dict(amount),
        "balanceAccount": {"id": account, "reference": world.data["objects"][account].get("reference", "")},
        "balancePlatform": world.settings.balance_platform,
        "balances": [{"currency": amount["currency"], "balance": 0, "received": 0, "reserved": 0}],
        "category": category,
        "categoryData": {"type": category} | data,
        "creationDate": world.instant(),
        "createdAt": world.instant(),
        "updatedAt": world.instant(),
        "direction": "incoming" if incoming else "outgoing",
        "events": [],
        "reason": "approved",
        "reference": reference,
        "sequenceNumber": 0,
        "status": "received",
        "type": kind,
    }
    if description:
        transfer["description"] = description
    if counterparty:
        transfer["counterparty"] = counterparty
    return world.put("transfer", transfer)


def step(
    world: World,
    transfer: Json,
    status: str,
    *,
    received: int = 0,
    reserved: int = 0,
    balance: int = 0,
    reason: str = "approved",
    settles_after: int = 0,
) -> Json:
    """Bring a transfer one step on, with what that does to its account; tells of it."""
    currency = transfer["amount"]["currency"]
    mutation = {"currency": currency, "balance": balance, "received": received, "reserved": reserved}
    event: Json = {
        "id": world.new_id("EV"),
        "type": "accounting",
        "status": status,
        "bookingDate": world.instant(),
        "valueDate": written(world.now() + settles_after),
        "mutations": [mutation],
    }
    if balance:
        event["transactionId"] = _book(world, transfer, event, balance, settles_after)["id"]
    _change(world, transfer, mutation, settles_after)
    transfer["events"].append(event)
    for name in ("balance", "received", "reserved"):
        transfer["balances"][0][name] += mutation[name]
    transfer |= {"status": status, "reason": reason, "updatedAt": world.instant()}
    _tell(world, transfer)
    return transfer


def tracked(world: World, transfer: Json, status: str) -> Json:
    """The bank says how far a payout is."""
    tracking = {"status": status, "type": "confirmation"}
    transfer["events"].append(
        {
            "id": world.new_id("EV"),
            "type": "tracking",
            "trackingData": tracking,
            "updateDate": world.instant(),
            "status": transfer["status"],
        }
    )
    transfer |= {"tracking": tracking, "updatedAt": world.instant()}
    _tell(world, transfer)
    return transfer


def purse(world: World, account: str, currency: str) -> dict[str, int]:
    """What lies on an account in one currency."""
    found: dict[str, int] = world.data["purses"].setdefault(
        f"{account}/{currency}", {"balance": 0, "unsettled": 0, "incoming": 0, "outgoing": 0}
    )
    return found


def available(world: World, account: str, currency: str) -> int:
    """What an account could send now."""
    found = purse(world, account, currency)
    return found["balance"] + found["outgoing"]


def balances(world: World, account: str) -> list[Json]:
    """The balances of an account, as Adyen shows them."""
    found = {
        key.partition("/")[2]: found
        for key, found in world.data["purses"].items()
        if key.startswith(f"{account}/")
    }
    default: dict[str, dict[str, int]] = {}
    default[world.data["objects"][account].get("defaultCurrencyCode", "USD")] = {}
    return [
        {
            "currency": currency,
            "balance": amounts.get("balance", 0),
            "available": amounts.get("balance", 0) + amounts.get("outgoing", 0),
            "pending": amounts.get("unsettled", 0) + amounts.get("incoming", 0),
            "reserved": -amounts.get("outgoing", 0),
        }
        for currency, amounts in (found or default).items()
    ]


def _book(world: World, transfer: Json, event: Json, balance: int, settles_after: int) -> Json:
    transaction = {
        "id": f"{event['id']}{transfer['amount']['currency']}",
        "accountHolder": transfer["accountHolder"],
        "amount": {"currency": transfer["amount"]["currency"], "value": balance},
        "balanceAccount": transfer["balanceAccount"],
        "balancePlatform": transfer["balancePlatform"],
        "bookingDate": world.instant(),
        "creationDate": world.instant(),
        "status": "pending" if settles_after else "booked",
        "transfer": {
            "id": transfer["id"],
            "reference": transfer["reference"],
            "categoryData": transfer["categoryData"],
        },
        "valueDate": event["valueDate"],
    }
    return world.put("transaction", transaction)


def _change(world: World, transfer: Json, mutation: Json, settles_after: int) -> None:
    found = purse(world, transfer["balanceAccount"]["id"], transfer["amount"]["currency"])
    # What a payment brings, and its fee, are both on their way until they settle.
    way = "incoming" if transfer["category"] == "platformPayment" else _way(transfer)
    found[way] += mutation["received"] + mutation["reserved"]
    if settles_after and mutation["balance"]:
        found["unsettled"] += mutation["balance"]
        subject = transfer["id"]
        agenda.schedule(world, at=world.now() + settles_after, kind="adyen_settle", subject=subject)
    else:
        found["balance"] += mutation["balance"]


def _way(transfer: Json) -> str:
    return "incoming" if transfer["direction"] == "incoming" else "outgoing"


@agenda.due("adyen_settle")
def settle(world: World, transfer_id: str) -> None:
    """What a transfer booked for later is there."""
    transfer = world.get("transfer", transfer_id)
    found = purse(world, transfer["balanceAccount"]["id"], transfer["amount"]["currency"])
    for transaction in world.shelf("transaction"):
        if transaction["transfer"]["id"] == transfer_id and transaction["status"] == "pending":
            transaction["status"] = "booked"
            found["unsettled"] -= transaction["amount"]["value"]
            found["balance"] += transaction["amount"]["value"]


def _tell(world: World, transfer: Json) -> None:
    transfer["sequenceNumber"] += 1
    what = "created" if transfer["sequenceNumber"] == 1 else "updated"
    news.platform(world, f"balancePlatform.transfer.{what}", transfer)
