"""Refunds: money on its way back to the customer."""

from sandbox.agenda import due, schedule
from sandbox.stripe import cards, warning
from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit, update
from sandbox.stripe.money import available, book, settles_in, spoken, when_funds_arrive
from sandbox.stripe.settings import DAY
from sandbox.stripe.state import World

_BANK_ANSWERS_AFTER_SECONDS = DAY
_CANNOT_FAIL_ANY_MORE = frozenset({"failed", "canceled"})


def refunded(world: World, charge: Json, refund: Json) -> Json:
    """Give back part of a charge: at once, or as soon as the balance can pay for it."""
    account = world.owner(charge["id"])
    magic = cards.behaviour(world, charge["payment_method"])
    world.put(account, refund)
    _count(charge, refund["amount"])
    emit(world, "charge.refunded", charge)
    if charge["refunded"]:
        warning.nothing_left_to_do(world, charge)
    if not _is_covered(world, account, refund):
        refund |= {"status": "pending", "pending_reason": "insufficient_funds"}
        world.notes(account).setdefault("refunds_waiting", []).append(refund["id"])
    elif magic.refund == "pending":
        _debit(world, refund)
        refund |= {"status": "pending", "pending_reason": "processing"}
        _await_the_bank(world, refund)
    else:
        _debit(world, refund)
        refund["status"] = "succeeded"
        if magic.refund == "fails":
            _await_the_bank(world, refund)
    emit(world, "refund.created", refund)
    return refund


def refuse_too_much(charge: Json, amount: int) -> None:
    """A charge can be given back once, and only what was taken."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        currency = charge["currency"]
        raise invalid(
            f"Refund amount ({spoken(amount, currency)}) is greater than unrefunded amount on "
            f"charge ({spoken(left, currency)})",
            param="amount",
        )


def failed(world: World, refund: Json, *, reason: str) -> Json:
    """The bank sends the money back, even weeks later; Stripe returns it to the balance."""
    if refund["status"] in _CANNOT_FAIL_ANY_MORE:
        raise invalid(f"The refund {refund['id']} is already {refund['status']}.")
    account = world.owner(refund["id"])
    waiting = world.notes(account).get("refunds_waiting", [])
    if refund["id"] in waiting:
        waiting.remove(refund["id"])
    returned = _returned(world, account, refund) if refund["balance_transaction"] else None
    charge = world.data["objects"][refund["charge"]]
    _count(charge, -refund["amount"])
    _tell(
        world,
        refund,
        status="failed",
        pending_reason=None,
        failure_reason=reason,
        failure_balance_transaction=returned,
    )
    emit(world, "refund.failed", refund)
    update(world, "charge.updated", charge, amount_refunded=charge["amount_refunded"])
    return refund


def fail_waiting(world: World, charge: Json, *, reason: str) -> None:
    """What has not left yet does not leave any more."""
    for refund in world.shelf(world.owner(charge["id"]), "refund"):
        if refund["charge"] == charge["id"] and refund["status"] == "pending":
            failed(world, refund, reason=reason)


def canceled(world: World, refund: Json) -> Json:
    """Call back a refund that has not left yet."""
    waiting = world.notes(world.owner(refund["id"])).get("refunds_waiting", [])
    if refund["id"] not in waiting:
        raise _not_cancelable(refund)
    waiting.remove(refund["id"])
    _count(world.data["objects"][refund["charge"]], -refund["amount"])
    _tell(world, refund, status="canceled", pending_reason=None)
    return refund


@when_funds_arrive
def pay_waiting_refunds(world: World, account: str) -> None:
    """Refunds that waited for money are paid, oldest first."""
    for refund_id in list(world.notes(account).get("refunds_waiting", [])):
        refund = world.data["objects"][refund_id]
        if not _is_covered(world, account, refund):
            continue
        world.notes(account)["refunds_waiting"].remove(refund_id)
        _debit(world, refund)
        _tell(world, refund, status="succeeded", pending_reason=None)


@due("refund_answer")
def bank_answers(world: World, refund_id: str) -> None:
    """The customer's bank accepts the money, or does not."""
    refund = world.data["objects"][refund_id]
    charge = world.data["objects"][refund["charge"]]
    if refund["status"] in _CANNOT_FAIL_ANY_MORE:
        return
    if cards.behaviour(world, charge["payment_method"]).refund == "fails":
        failed(world, refund, reason="expired_or_canceled_card")
    else:
        _tell(world, refund, status="succeeded", pending_reason=None)


def _tell(world: World, refund: Json, **changes: object) -> None:
    # Stripe tells it twice: once by the refund's own name and once by that of its charge.
    event = update(world, "refund.updated", refund, **changes)
    emit(world, "charge.refund.updated", refund, previous=event["data"]["previous_attributes"])


def _await_the_bank(world: World, refund: Json) -> None:
    answer = world.now() + _BANK_ANSWERS_AFTER_SECONDS
    schedule(world, at=answer, kind="refund_answer", subject=refund["id"])


def _count(charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]


def _is_covered(world: World, account: str, refund: Json) -> bool:
    amount, currency, _ = settles_in(world, refund["amount"], refund["currency"])
    return available(world, account, currency) >= amount


def _debit(world: World, refund: Json) -> None:
    amount, currency, rate = settles_in(world, refund["amount"], refund["currency"])
    refund["balance_transaction"] = book(
        world,
        world.owner(refund["id"]),
        "refund",
        amount=-amount,
        currency=currency,
        exchange_rate=rate,
        source=refund["id"],
        description=f"REFUND FOR CHARGE ({refund['charge']})",
    )["id"]


def _returned(world: World, account: str, refund: Json) -> str:
    amount, currency, rate = settles_in(world, refund["amount"], refund["currency"])
    transaction = book(
        world,
        account,
        "refund_failure",
        amount=amount,
        currency=currency,
        exchange_rate=rate,
        source=refund["id"],
        description=f"REFUND FAILURE FOR {refund['id']}",
    )
    return str(transaction["id"])


def _not_cancelable(refund: Json) -> StripeError:
    return invalid(f"Refund {refund['id']} cannot be canceled: its status is {refund['status']}.", param="id")
