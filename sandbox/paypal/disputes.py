"""Disputes: a payer asks PayPal, or the card's bank takes the money back; the merchant answers, somebody decides."""

from sandbox.paypal import lines
from sandbox.paypal.amounts import counted, said
from sandbox.paypal.errors import invalid, unprocessable
from sandbox.paypal.events import emit
from sandbox.paypal.router import Answer, Call, link, route
from sandbox.paypal.settings import DAY
from sandbox.paypal.state import World, shown
from sandbox.world import Json

_ANSWER_WITHIN = 10 * DAY
_FOR_US = frozenset({"RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED"})


@route("GET", "/v1/customer/disputes")
def list_disputes(call: Call) -> Answer:
    """The disputes, newest first; about one transaction, if that is asked for."""
    wanted = call.query.get("disputed_transaction_id")
    found = [
        {name: value for name, value in _shown(call.world, each).items() if name in _SUMMARY}
        for each in reversed(call.world.all_of("dispute"))
        if wanted in {None, each["_capture"]}
    ]
    return 200, {"items": found[: int(call.query.get("page_size", 10))], "links": []}


@route("GET", "/v1/customer/disputes/{id}")
def get(call: Call) -> Answer:
    """The dispute now."""
    return 200, _shown(call.world, call.world.get("dispute", call.parts["id"]))


@route("POST", "/v1/customer/disputes/{id}/provide-evidence")
def provide_evidence(call: Call) -> Answer:
    """The merchant answers; then it is for PayPal to look."""
    world, dispute = call.world, call.world.get("dispute", call.parts["id"])
    _refuse_unless_waiting(dispute, "PROVIDE_EVIDENCE")
    given = call.body.get("evidences") or []
    if not given:
        raise invalid("MISSING_REQUIRED_PARAMETER", "A required parameter is missing.", field="/evidences")
    for evidence in given:
        dispute["evidences"].append(evidence | {"source": "SUBMITTED_BY_SELLER", "date": world.instant()})
    dispute |= {"status": "UNDER_REVIEW", "dispute_state": "UNDER_PAYPAL_REVIEW"}
    dispute.pop("seller_response_due_date", None)
    _tell(world, dispute, "UPDATED")
    return 200, {"links": [call.link(f"/v1/customer/disputes/{dispute['dispute_id']}", "self")]}


@route("POST", "/v1/customer/disputes/{id}/accept-claim")
def accept_claim(call: Call) -> Answer:
    """The merchant gives in."""
    world, dispute = call.world, call.world.get("dispute", call.parts["id"])
    _refuse_unless_waiting(dispute, "ACCEPT_CLAIM")
    resolved(world, dispute, outcome="RESOLVED_BUYER_FAVOUR")
    return 200, {"links": [call.link(f"/v1/customer/disputes/{dispute['dispute_id']}", "self")]}


def opened(
    world: World,
    capture: Json,
    *,
    reason: str,
    stage: str = "CHARGEBACK",
    channel: str = "INTERNAL",
    amount: int | None = None,
) -> Json:
    """The payer complains; what is more than an inquiry takes the money until it is decided."""
    paid, currency = counted(capture["amount"])
    dispute: Json = {
        "dispute_id": f"PP-R-{world.token(3, alphabet='ABCDEFGHJK')}-{world.serial():08d}",
        "create_time": world.fine_instant(),
        "update_time": world.fine_instant(),
        "reason": reason,
        "status": "OPEN",
        "dispute_state": "REQUIRED_ACTION",
        "dispute_amount": said(amount or paid, currency),
        "dispute_life_cycle_stage": stage,
        "dispute_channel": channel,
        "disputed_transactions": [
            {
                "seller_transaction_id": capture["id"],
                "buyer_transaction_id": world.new_id(),
                "transaction_status": "COMPLETED",
                "gross_amount": said(paid, currency),
                "custom": capture.get("custom_id", ""),
                "invoice_number": capture.get("invoice_id", ""),
            }
        ],
        "evidences": [],
        "money_movements": [],
        "messages": [],
        "_capture": capture["id"],
        "_taken": 0,
    }
    world.put("dispute", dispute, id_field="dispute_id")
    world.notes(capture["id"])["disputed"] = True
    _await_answer(world, dispute)
    if stage != "INQUIRY":
        _take(world, dispute)
    _tell(world, dispute, "CREATED")
    return _shown(world, dispute)


def moved(world: World, dispute: Json, *, stage: str | None = None, status: str | None = None) -> Json:
    """It goes on: an inquiry becomes a claim, a claim is looked at, a decision is contested."""
    if stage is not None:
        dispute["dispute_life_cycle_stage"] = stage
        _await_answer(world, dispute)
        if stage != "INQUIRY":
            _take(world, dispute)
    if status is not None:
        dispute["status"] = status
    _tell(world, dispute, "UPDATED")
    return _shown(world, dispute)


def resolved(world: World, dispute: Json, *, outcome: str) -> Json:
    """Somebody decides."""
    dispute |= {"status": "RESOLVED", "dispute_state": "RESOLVED"}
    dispute["dispute_outcome"] = {"outcome_code": outcome}
    dispute.pop("seller_response_due_date", None)
    world.notes(dispute["_capture"])["disputed"] = False
    if outcome in _FOR_US:
        _give_back(world, dispute)
    elif outcome in {"RESOLVED_BUYER_FAVOUR", "ACCEPTED"}:
        _take(world, dispute)
        _keep(world, dispute)
        dispute["dispute_outcome"]["amount_refunded"] = dict(dispute["dispute_amount"])
    _tell(world, dispute, "RESOLVED")
    return _shown(world, dispute)


def _take(world: World, dispute: Json) -> None:
    if dispute["_taken"]:
        return
    amount, currency = counted(dispute["dispute_amount"])
    dispute["_taken"] = amount
    outside = dispute["dispute_channel"] == "EXTERNAL"
    _book(world, dispute, "T1201" if outside else "T1110", -amount)
    if outside:
        world.notes(dispute["_capture"])["charged_back"] = True
        fee = world.settings.chargeback_fee_minor
        _book(world, dispute, "T0106", -fee)
        _movement(world, dispute, "DEBIT", "CHARGEBACK_FEE", said(fee, currency))
    _movement(world, dispute, "DEBIT", "DISPUTE_SETTLEMENT", said(amount, currency))


def _give_back(world: World, dispute: Json) -> None:
    amount, currency = counted(dispute["dispute_amount"])
    if not dispute["_taken"]:
        return
    dispute["_taken"] = 0
    _book(world, dispute, "T1202" if dispute["dispute_channel"] == "EXTERNAL" else "T1111", amount)
    _movement(world, dispute, "CREDIT", "DISPUTE_SETTLEMENT", said(amount, currency))


def _keep(world: World, dispute: Json) -> None:
    # A hold ends, and what was held goes to the payer.
    if dispute["dispute_channel"] != "EXTERNAL":
        amount, _currency = counted(dispute["dispute_amount"])
        _book(world, dispute, "T1111", amount)
        _book(world, dispute, "T1106", -amount)


def _book(world: World, dispute: Json, code: str, gross: int) -> None:
    _amount, currency = counted(dispute["dispute_amount"])
    capture = world.get("capture", dispute["_capture"])
    lines.book(world, code, gross, currency, reference=capture["id"], custom=capture.get("custom_id"))


def _movement(world: World, dispute: Json, kind: str, reason: str, amount: Json) -> None:
    movement = {
        "affected_party": "SELLER",
        "amount": amount,
        "initiated_time": world.fine_instant(),
        "type": kind,
        "reason": reason,
    }
    dispute["money_movements"].append(movement)


def _await_answer(world: World, dispute: Json) -> None:
    until = world.instant(world.now() + _ANSWER_WITHIN)
    dispute |= {"status": "WAITING_FOR_SELLER_RESPONSE", "seller_response_due_date": until}


def _refuse_unless_waiting(dispute: Json, action: str) -> None:
    if dispute["status"] != "WAITING_FOR_SELLER_RESPONSE":
        raise unprocessable("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE", f"{action} is not possible now.")


def _tell(world: World, dispute: Json, what: str) -> None:
    dispute["update_time"] = world.fine_instant()
    emit(world, f"CUSTOMER.DISPUTE.{what}", "dispute", _shown(world, dispute))


def _shown(world: World, dispute: Json) -> Json:
    path = f"/v1/customer/disputes/{dispute['dispute_id']}"
    links = [link(world, path, "self")]
    if dispute["status"] == "WAITING_FOR_SELLER_RESPONSE":
        links.append(link(world, f"{path}/provide-evidence", "provide_evidence", "POST"))
        links.append(link(world, f"{path}/accept-claim", "accept_claim", "POST"))
    return shown(dispute) | {"links": links}


_SUMMARY = frozenset(
    {
        "dispute_id",
        "create_time",
        "update_time",
        "reason",
        "status",
        "dispute_state",
        "dispute_amount",
        "dispute_life_cycle_stage",
        "dispute_channel",
        "seller_response_due_date",
        "links",
    }
)
