"""Payouts: batches of payments to PayPal accounts, by e-mail address or payer id."""

from sandbox.agenda import due, schedule
from sandbox.paypal import lines
from sandbox.paypal.amounts import counted, said
from sandbox.paypal.errors import PayPalError, unprocessable
from sandbox.paypal.events import emit
from sandbox.paypal.router import Answer, Call, link, route
from sandbox.paypal.settings import DAY
from sandbox.paypal.state import World, shown
from sandbox.world import Json

_REMEMBERED_SECONDS = 30 * DAY
_PROCESSED_AFTER_SECONDS = 2
# Where nobody has an account, the money waits for somebody to open one.
_UNCLAIMED_SECONDS = 30 * DAY
_NEWS = {
    "SUCCESS": "SUCCEEDED",
    "UNCLAIMED": "UNCLAIMED",
    "RETURNED": "RETURNED",
    "FAILED": "FAILED",
    "BLOCKED": "BLOCKED",
    "ONHOLD": "HELD",
    "REFUNDED": "REFUNDED",
}
_LEFT = ("SUCCESS", "UNCLAIMED")


@route("POST", "/v1/payments/payouts")
def create(call: Call) -> Answer:
    """Send a batch; a `sender_batch_id` of the last thirty days leads to the batch it made."""
    world, header = call.world, call.body["sender_batch_header"]
    known = _batch_called(world, header.get("sender_batch_id"))
    if known is not None:
        raise _already_there(call, known)
    priced = [counted(item["amount"], code="currency") for item in call.body["items"]]
    currency = priced[0][1]
    if any(each != currency for _, each in priced):
        raise unprocessable("CURRENCY_MISMATCH", "All items of a batch are in one currency.")
    total, fees = sum(minor for minor, _ in priced), world.settings.payout_fee_minor * len(priced)
    if lines.balance(world, currency) < total + fees:
        raise PayPalError(
            422,
            "INSUFFICIENT_FUNDS",
            message="Sender does not have sufficient funds. Please add funds and retry.",
        )
    batch: Json = {
        "payout_batch_id": world.new_id(13),
        "batch_status": "PENDING",
        "time_created": world.instant(),
        "sender_batch_header": header,
        "amount": said(total, currency, code="currency"),
        "fees": said(fees, currency, code="currency"),
        "_at": world.now(),
    }
    world.put("payout_batch", batch, id_field="payout_batch_id")
    for item in call.body["items"]:
        _item(world, batch, item)
    lines.book(world, "T1503", -(total + fees), currency, reference=batch["payout_batch_id"])
    emit(world, "PAYMENT.PAYOUTSBATCH.PROCESSING", "payouts", {"batch_header": shown(batch)})
    at = world.now() + _PROCESSED_AFTER_SECONDS
    schedule(world, at=at, kind="paypal.batch", subject=batch["payout_batch_id"])
    path = f"/v1/payments/payouts/{batch['payout_batch_id']}"
    named = ("payout_batch_id", "batch_status", "time_created", "sender_batch_header")
    return 201, {"batch_header": {name: batch[name] for name in named}, "links": [call.link(path, "self")]}


@route("GET", "/v1/payments/payouts/{id}")
def get_batch(call: Call) -> Answer:
    """The batch and its items."""
    world, batch = call.world, call.world.get("payout_batch", call.parts["id"])
    items = [_item_shown(each) for each in _items_of(world, batch)]
    return 200, {"batch_header": shown(batch), "items": items, "total_items": len(items), "total_pages": 1}


@route("GET", "/v1/payments/payouts-item/{payout_item_id}")
def get_item(call: Call) -> Answer:
    """One item."""
    return 200, _item_shown(call.world.get("payout_item", call.parts["payout_item_id"]))


@route("POST", "/v1/payments/payouts-item/{payout_item_id}/cancel")
def cancel(call: Call) -> Answer:
    """Take back what nobody has claimed."""
    item = call.world.get("payout_item", call.parts["payout_item_id"])
    if item["transaction_status"] != "UNCLAIMED":
        raise PayPalError(
            400, "ITEM_INCORRECT_STATUS", message="Only unclaimed payout items may be cancelled."
        )
    settled(call.world, item, status="RETURNED")
    return 200, _item_shown(item)


def settled(world: World, item: Json, *, status: str, error: str | None = None) -> Json:
    """An item is paid, waits to be claimed, comes back or is refused."""
    amount, currency = counted(item["payout_item"]["amount"], code="currency")
    fee, before = world.settings.payout_fee_minor, item["transaction_status"]
    item |= {"transaction_status": status, "time_processed": world.instant()}
    if error:
        item["errors"] = {"name": error, "message": f"{error.replace('_', ' ').capitalize()}."}
    if before == "PENDING":
        lines.book(world, "T1105", amount + fee, currency, reference=item["payout_batch_id"])
    if status in _LEFT and before not in _LEFT:
        item["transaction_id"] = world.new_id()
        _book(world, item, "T0001", -amount, fee, line_id=item["transaction_id"])
    if status not in _LEFT and before in _LEFT:
        _book(world, item, "T1115", amount, 0)
    emit(world, f"PAYMENT.PAYOUTS-ITEM.{_NEWS[status]}", "payouts_item", _item_shown(item))
    return _item_shown(item)


@due("paypal.batch")
def _processed(world: World, batch_id: str) -> None:
    batch = world.find(batch_id)
    if batch is None:
        return
    items = _items_of(world, batch)
    if any(_called(each) == "denied" for each in items):
        denied(world, batch)
        return
    for item in items:
        if item["transaction_status"] == "PENDING":
            status, error = _fate_of(item)
            settled(world, item, status=status, error=error)
    batch |= {"batch_status": "SUCCESS", "time_completed": world.instant()}
    emit(world, "PAYMENT.PAYOUTSBATCH.SUCCESS", "payouts", {"batch_header": shown(batch)})


@due("paypal.unclaimed")
def _never_claimed(world: World, item_id: str) -> None:
    item = world.find(item_id)
    if item is not None and item["transaction_status"] == "UNCLAIMED":
        settled(world, item, status="RETURNED")


def denied(world: World, batch: Json, *, status: str = "DENIED") -> Json:
    """Nothing is sent of the whole batch, of whose items nothing is told; a canceled one is not even told of."""
    total, currency = counted(batch["amount"], code="currency")
    fees, _currency = counted(batch["fees"], code="currency")
    lines.book(world, "T1105", total + fees, currency, reference=batch["payout_batch_id"])
    batch |= {"batch_status": status, "time_completed": world.instant()}
    if status == "DENIED":
        emit(world, "PAYMENT.PAYOUTSBATCH.DENIED", "payouts", {"batch_header": shown(batch)})
    return shown(batch)


def _called(item: Json) -> str:
    return str(item["payout_item"]["receiver"].partition("@")[0])


def _fate_of(item: Json) -> tuple[str, str | None]:
    # What becomes of an item is told by whom it is for, as a card number does in a test of cards.
    fates = {
        "nobody": ("UNCLAIMED", "RECEIVER_UNREGISTERED"),
        "closed": ("FAILED", "RECEIVER_ACCOUNT_LOCKED"),
        "blocked": ("BLOCKED", "RISK_DECLINE"),
        "held": ("ONHOLD", None),
    }
    return fates.get(_called(item), ("SUCCESS", None))


def _item(world: World, batch: Json, given: Json) -> None:
    item: Json = {
        "payout_item_id": world.new_id(13),
        "transaction_status": "PENDING",
        "payout_batch_id": batch["payout_batch_id"],
        "payout_item_fee": said(
            world.settings.payout_fee_minor, given["amount"]["currency"], code="currency"
        ),
        "payout_item": given,
        "_sender_batch_id": batch["sender_batch_header"].get("sender_batch_id"),
    }
    item["links"] = [link(world, f"/v1/payments/payouts-item/{item['payout_item_id']}", "item")]
    world.put("payout_item", item, id_field="payout_item_id")
    at = world.now() + _UNCLAIMED_SECONDS
    schedule(world, at=at, kind="paypal.unclaimed", subject=item["payout_item_id"])


def _book(world: World, item: Json, code: str, gross: int, fee: int, *, line_id: str | None = None) -> None:
    lines.book(
        world,
        code,
        gross,
        item["payout_item"]["amount"]["currency"],
        fee=fee,
        line_id=line_id,
        reference=item["payout_batch_id"] if line_id else item["transaction_id"],
        custom=item["payout_item"].get("sender_item_id"),
    )


def _items_of(world: World, batch: Json) -> list[Json]:
    return [
        each for each in world.all_of("payout_item") if each["payout_batch_id"] == batch["payout_batch_id"]
    ]


def _item_shown(item: Json) -> Json:
    return shown(item) | {"sender_batch_id": item["_sender_batch_id"]}


def _batch_called(world: World, sender_batch_id: str | None) -> Json | None:
    for batch in world.all_of("payout_batch"):
        recent = batch["_at"] + _REMEMBERED_SECONDS >= world.now()
        if (
            recent
            and sender_batch_id
            and batch["sender_batch_header"].get("sender_batch_id") == sender_batch_id
        ):
            return batch
    return None


def _already_there(call: Call, batch: Json) -> PayPalError:
    first = call.link(f"/v1/payments/payouts/{batch['payout_batch_id']}", "self")
    detail = {
        "field": "SENDER_BATCH_ID",
        "location": "body",
        "issue": "Batch with given sender_batch_id already exists",
        "link": [first],
    }
    return PayPalError(400, "USER_BUSINESS_ERROR", message="User business error.", details=(detail,))
