"""What a client's bank took back, in the trail of a milestone's money."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from api.escrow.trail import CLIENT, CLIENT_SIDE, GONE, NEAREST, STAFF, WORKER, WORKER_SIDE, Step, take

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel.money import Money
    from payments.views import ChargebackView
    from payouts.views import PayoutPartView

_WORDS = {
    # What the card's network suspects is not said to whom it may suspect.
    "warned": "We are looking at this payment. Until that is done nothing moves.",
    "dismissed": "We looked at this payment, and it goes on.",
    "opened": "The client's bank is taking this payment back.",
    "inquiry": "The client's bank asks about this payment. Nothing was taken, and nothing moves meanwhile.",
    "inquiry_closed": "The client's bank asked about this payment and is satisfied.",
    "needs_response": "The client's bank took this payment back. We answer it, and until it decides nothing moves.",
    "under_review": "The client's bank looks at what we answered. Until it decides nothing moves.",
    "appeal_needs_response": "The client's bank looks at this again. Until it decides nothing moves.",
    "appeal_under_review": "The client's bank looks at this again. Until it decides nothing moves.",
    "won": "The client's bank decided for the worker and gives the payment back.",
    "lost": "The client's bank decided for the client.",
    "prevented": "The client's bank was told before it took anything.",
    "not_understood": "The client's bank does something that we are looking at. Until then nothing moves.",
}
_OWES = "You were paid this before the client's bank took it back, so it is owed to Holdfast."


def relocate(
    places: dict[str, Money], chargebacks: Sequence[ChargebackView], elsewhere: Mapping[str, Money], side: str
) -> None:
    """Take what banks took out of the places where it was, each by who bears it; `places` is changed.

    `elsewhere` is what the worker gave for each out of the money of other milestones.
    """
    for each in chargebacks:
        borne = each.borne
        if side != WORKER:
            places["client_fee"] -= borne.client_fee
            places["owed"] -= borne.owed
            places["charged_back"] += borne.client_fee + borne.owed
        places["charged_back"] += borne.held + borne.worker + borne.worker_fee
        if side == CLIENT:
            places["paid_to_worker"] -= borne.worker + borne.worker_fee
        else:
            places["worker_fee"] -= borne.worker_fee
            own = each.recovered - elsewhere[each.id]
            take(places, own, NEAREST)
            # What is still in the wallet is there until it is taken out of it.
            places["charged_back"] -= take(places, borne.worker - own, GONE)


def pay_out_again(places: dict[str, Money], parts: Sequence[PayoutPartView]) -> None:
    """Withdrawals of what a worker had given back and has again: it left the wallet with no release of its own."""
    for part in parts:
        if part.state not in {"failed", "returned"}:
            place = "bank" if part.state == "paid" else "to_bank"
            places[place] += part.amount - take(places, part.amount, ("wallet", "settling"))
        if part.state != "failed":
            places["payout_fee"] += part.fee - take(places, part.fee, ("wallet", "settling"))


def steps(chargebacks: Sequence[ChargebackView]) -> list[Step]:
    """What happened for each chargeback, and what it left the worker with."""
    return [step for each in chargebacks for step in _steps(each)]


def _steps(of: ChargebackView) -> list[Step]:
    looked_at = of.kind == "fraud_warning"
    state = "waiting" if of.undecided else "done" if of.taken or looked_at else "failed"
    price = of.borne.held + of.borne.worker + of.borne.worker_fee
    if looked_at:
        # Nothing about it may lead whom it concerns to what is suspected.
        words = _WORDS[of.state]
        about = Step(
            "looked_at", "Looked at by Holdfast", of.amount, state, CLIENT_SIDE, of.opened_at, reason=words
        )
        return [about, replace(about, amount=price, seen_by=frozenset({WORKER}))]
    title = "Taken back by the client's bank"
    why = _WORDS[of.state]
    theirs = _entry(of, "held", "owed", "client_fee")
    its_workers = _entry(of, "held", "worker", "worker_fee")
    at = of.opened_at
    shown = [
        Step("charged_back", title, of.amount, state, CLIENT_SIDE, at, None, why, theirs, of.gateway_id),
        Step("charged_back", title, price, state, frozenset({WORKER}), at, None, why, its_workers),
    ]
    if of.fees:
        kept = "Kept by the gateway for the chargeback, at Holdfast's cost"
        entry = of.lines[0][0]
        shown.append(Step("chargeback_fee", kept, of.fees, "done", frozenset({STAFF}), at, entry_id=entry))
    if of.recovered:
        back = "Given back by the worker"
        shown.append(Step("recovered", back, of.recovered, "done", WORKER_SIDE, of.opened_at))
    if of.outstanding:
        shown.append(
            Step("owed_by_worker", "Owed by the worker", of.outstanding, "waiting", WORKER_SIDE, reason=_OWES)
        )
    return shown


def _entry(of: ChargebackView, *shares: str) -> str | None:
    """The last entry in which one of these had a part: nobody is shown one that is not theirs."""
    theirs = (
        entry_id for entry_id, borne in reversed(of.lines) if any(getattr(borne, name) for name in shares)
    )
    return next(theirs, None)
