"""Where is my money: one line from the card to the bank, the same numbers for everybody, each seeing what is theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from api.escrow import at_gateway, charged_back, given_back
from api.escrow.trail import (
    BOTH,
    CLIENT,
    CLIENT_SIDE,
    NEAREST,
    PLACES,
    STAFF,
    WORKER,
    WORKER_SIDE,
    MoneyTrail,
    Place,
    Step,
    take,
)
from escrow import queries
from kernel.money import Money, total
from ledger.statements import entries_about
from payments import chargebacks, clawbacks
from payments.collecting import live_payment
from payments.queries import given_back as paid_late
from payments.queries import refunds_of
from payouts.queries import payouts_of, transfers_of
from payouts.recovered import kept_for_others, left_at_closed_accounts, taken_from_others

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from escrow.views import MilestoneView, ReleaseView
    from identity.actors import Actor
    from payments.views import ChargebackView, ClawbackView, PaymentView, RefundView
    from payouts.views import PayoutPartView, TransferView

_REFUND_PLACES = {"succeeded": "refunded", "failed": "owed"}
_PAYOUT_PLACES = {"paid": "bank"}


@dataclass(frozen=True, slots=True)
class _Facts:
    """Everything that is known of one milestone's money."""

    milestone: MilestoneView
    payment: PaymentView | None
    late: tuple[PaymentView, ...]
    releases: tuple[ReleaseView, ...]
    transfers: dict[str, TransferView]
    # Of what a bank gave back: they belong to no release.
    again: tuple[TransferView, ...]
    payouts: tuple[PayoutPartView, ...]
    refunds: tuple[RefundView, ...]
    chargebacks: tuple[ChargebackView, ...]
    clawbacks: tuple[ClawbackView, ...]
    # By what it is owed for: what the worker gave out of other milestones' money.
    elsewhere: dict[str, Money]
    # What of this milestone's money went towards what they owe for others.
    kept: Money
    # What of it lies at an account of the worker's that has left us, and cannot be brought back.
    left_there: Money
    entries: dict[str, str] = field(default_factory=dict)

    def entry(self, key: str) -> str | None:
        return self.entries.get(key)


def money_of(session: Session, *, milestone_id: str, by: Actor) -> MoneyTrail:
    """Where each cent of the milestone is now and how it got there, as far as it is `by`'s to know."""
    milestone = queries.milestone(session, milestone_id=milestone_id, by=by)
    side = _side(milestone, by)
    facts = _facts(session, milestone)
    funded = facts.payment is not None and facts.payment.state == "succeeded"
    places = _places(facts, side) if funded else {}
    if side in CLIENT_SIDE:
        _place_late(places, facts)
    shown = tuple(Place(name, amount) for name, amount in places.items() if amount)
    steps = tuple(step for step in _steps(facts) if side in step.seen_by)
    return MoneyTrail(milestone.id, _total(facts, side, funded=funded), shown, steps)


def _side(milestone: MilestoneView, by: Actor) -> str:
    if by.id == milestone.client_id:
        return CLIENT
    return WORKER if by.id == milestone.worker_id else STAFF


def _facts(session: Session, milestone: MilestoneView) -> _Facts:
    transfers = transfers_of(session, milestone.id)
    payouts = payouts_of(session, milestone.id)
    by_banks = chargebacks.of_milestone(session, milestone.id)
    by_us = clawbacks.of_milestone(session, milestone.id)
    owed_for = [each.id for each in by_banks] + [each.id for each in by_us]
    about = [milestone.id, *(transfer.id for transfer in transfers), *(part.payout_id for part in payouts)]
    return _Facts(
        milestone=milestone,
        payment=live_payment(session, milestone.id),
        late=paid_late(session, milestone.id),
        releases=queries.releases(session, milestone.id),
        transfers={each.release_id: each for each in transfers if each.release_id is not None},
        again=tuple(each for each in transfers if each.release_id is None),
        payouts=payouts,
        refunds=refunds_of(session, milestone.id),
        chargebacks=by_banks,
        clawbacks=by_us,
        elsewhere={debt_id: taken_from_others(session, debt_id) for debt_id in owed_for},
        kept=kept_for_others(session, milestone.id, milestone.price.currency),
        left_there=left_at_closed_accounts(session, milestone.id, milestone.price.currency),
        entries={entry.key: entry.id for entry in entries_about(session, about)},
    )


def _total(facts: _Facts, side: str, *, funded: bool) -> Money:
    price = facts.milestone.price
    # What came after it had been given up was never for the work, and is between us and the client.
    late = [payment.charged for payment in facts.late] if side in CLIENT_SIDE else []
    paid = facts.payment.charged if funded and facts.payment is not None else Money.zero(price.currency)
    return price if funded and side == WORKER else total([paid, *late], price.currency)


def _places(facts: _Facts, side: str) -> dict[str, Money]:
    zero = Money.zero(facts.milestone.price.currency)
    places = dict.fromkeys(PLACES, zero)
    places["held"] = facts.milestone.held
    for refund in facts.refunds:
        if refund.state != "repeated" and not refund.late:
            # The worker's view is of the price; the fee that goes back with it is the client's.
            back = refund.held if side == WORKER else refund.amount
            places[_REFUND_PLACES.get(refund.state, "refunding")] += back
    if side != WORKER:
        places["client_fee"] = facts.milestone.client_fee - facts.milestone.client_fee_returned
    if side == CLIENT:
        places["paid_to_worker"] = facts.milestone.released
    else:
        places["worker_fee"] = facts.milestone.worker_fee
        for release in facts.releases:
            _place_release(places, facts, release)
    if side != CLIENT:
        take(places, facts.kept + facts.left_there, NEAREST)
        places["kept"], places["left_there"] = facts.kept, facts.left_there
    given_back.relocate(places, facts.clawbacks, facts.elsewhere, side)
    charged_back.relocate(places, facts.chargebacks, facts.elsewhere, side)
    if side != CLIENT:
        of_releases = {transfer.id for transfer in facts.transfers.values()}
        again = [part for part in facts.payouts if part.transfer_id not in of_releases]
        charged_back.pay_out_again(places, again)
    return places


def _place_late(places: dict[str, Money], facts: _Facts) -> None:
    for refund in facts.refunds:
        if refund.late and refund.state != "repeated":
            place = _REFUND_PLACES.get(refund.state, "refunding")
            places[place] = places.get(place, Money.zero(refund.amount.currency)) + refund.amount


def _place_release(places: dict[str, Money], facts: _Facts, release: ReleaseView) -> None:
    transfer, left = facts.transfers.get(release.id), release.net
    for part in facts.payouts:
        if (
            transfer is not None
            and part.transfer_id == transfer.id
            and part.state not in {"failed", "returned"}
        ):
            places[_PAYOUT_PLACES.get(part.state, "to_bank")] += part.amount
            left -= part.amount
        if transfer is not None and part.transfer_id == transfer.id and part.state != "failed":
            # Earned once it was paid, even where the bank returned the rest.
            places["payout_fee"] += part.fee
            left -= part.fee
    places["wallet" if transfer is not None and _usable(facts, transfer) else "settling"] += left


def _usable(facts: _Facts, transfer: TransferView) -> bool:
    # What was taken back before it was moved, and given again, was moved by another.
    return transfer.usable or (transfer.state == "taken_back" and any(each.usable for each in facts.again))


def _steps(facts: _Facts) -> list[Step]:
    steps = _paying_in(facts, facts.payment) if facts.payment is not None else []
    for release in facts.releases:
        steps += _release(facts, release)
    for payment in facts.late:
        steps += _paid_late(facts, payment)
    for refund in facts.refunds:
        steps.append(_refund(facts, refund, "Back to the client's card", refund.amount, CLIENT_SIDE))
        if not refund.late:
            steps.append(_refund(facts, refund, "Given back to the client", refund.held, frozenset({WORKER})))
        steps += at_gateway.refund_steps(refund, facts.entry)
    steps += given_back.steps(facts.clawbacks) + charged_back.steps(facts.chargebacks)
    return steps + [
        step for each in facts.chargebacks for step in at_gateway.chargeback_steps(each, facts.entry)
    ]


def _paid_late(facts: _Facts, payment: PaymentView) -> list[Step]:
    charged = Step(
        "charged_late",
        f"Charged to the card{_card(payment)} after it had been given up; all of it goes back",
        payment.charged,
        "done",
        CLIENT_SIDE,
        payment.succeeded_at,
        entry_id=facts.entry(f"{payment.id}:late"),
        gateway_object=payment.charge_id,
    )
    return [charged, *at_gateway.payment_steps(payment, facts.entry)]


def _paying_in(facts: _Facts, payment: PaymentView) -> list[Step]:
    paid = payment.state == "succeeded"
    done = "done" if paid else "failed" if payment.state == "canceled" else "waiting"
    funded, why = facts.entry(f"{payment.id}:funded"), payment.decline_code
    charge = payment.charge_id or payment.gateway_id
    price, when = facts.milestone.price, payment.succeeded_at
    steps = [
        Step(
            "charged",
            f"Charged to the card{_card(payment)}",
            payment.charged,
            done,
            CLIENT_SIDE,
            when,
            None,
            why,
            funded,
            charge,
        ),
        Step("held", "Held for the milestone", price, done, BOTH, when, entry_id=funded),
    ]
    if paid:
        steps.append(
            Step(
                "client_fee",
                "Holdfast's fee to the client",
                payment.client_fee,
                "done",
                CLIENT_SIDE,
                when,
                entry_id=funded,
            )
        )
        steps += at_gateway.payment_steps(payment, facts.entry)
    return steps


def _card(payment: PaymentView) -> str:
    return f" {payment.card_brand} ending in {payment.card_last4}" if payment.card_last4 else ""


def _release(facts: _Facts, release: ReleaseView) -> list[Step]:
    transfer = facts.transfers.get(release.id)
    steps = [
        Step(
            "released",
            _why(release),
            release.gross,
            "done",
            BOTH,
            release.released_at,
            entry_id=release.entry_id,
        ),
        Step(
            "worker_fee",
            "Holdfast's fee to the worker",
            release.worker_fee,
            "done",
            WORKER_SIDE,
            release.released_at,
            entry_id=release.entry_id,
        ),
    ]
    if not release.net:
        # Our fee took all of it, so nothing is moved.
        return steps
    if transfer is None:
        waiting = "It is on its way to the worker's account at the gateway."
        return [
            *steps,
            Step(
                "transferred",
                "Moved to the worker's account",
                release.net,
                "waiting",
                WORKER_SIDE,
                reason=waiting,
            ),
        ]
    steps.append(_transfer(transfer))
    for part in (each for each in facts.payouts if each.transfer_id == transfer.id):
        # What a transfer only pays the fee of goes to no bank.
        steps += [_payout(part)] if part.amount else []
        steps += [_payout_fee(part)] if part.fee else []
    return steps


def _transfer(transfer: TransferView) -> Step:
    state = {"sent": "done", "failed": "failed"}.get(transfer.state, "waiting")
    return Step(
        "transferred",
        "Moved to the worker's account",
        transfer.amount,
        state,
        WORKER_SIDE,
        transfer.sent_at,
        None if transfer.usable else transfer.available_at,
        transfer.reason,
        transfer.entry_id,
        transfer.gateway_id,
    )


def _payout(part: PayoutPartView) -> Step:
    state = {"paid": "done", "failed": "failed", "returned": "failed"}.get(part.state, "waiting")
    bank = f" ending in {part.bank_last4}" if part.bank_last4 else ""
    return Step(
        "paid_out",
        f"Sent to the bank account{bank}",
        part.amount,
        state,
        WORKER_SIDE,
        part.paid_at,
        None if state == "done" else part.arrives_on,
        part.reason,
        part.entry_id,
        part.gateway_id,
        part.trace_id,
    )


def _payout_fee(part: PayoutPartView) -> Step:
    state = {"paid": "done", "returned": "done", "failed": "failed"}.get(part.state, "waiting")
    return Step(
        "payout_fee",
        "Holdfast's fee for an instant withdrawal",
        part.fee,
        state,
        WORKER_SIDE,
        part.paid_at,
        entry_id=part.entry_id,
    )


def _refund(facts: _Facts, refund: RefundView, title: str, amount: Money, seen_by: frozenset[str]) -> Step:
    state = {"succeeded": "done", "failed": "failed", "repeated": "failed"}.get(refund.state, "waiting")
    # What went to the client's card, or did not, is the client's; the worker has a part in what left the hold.
    told = ("failed", "confirmed", "ordered", "ordered_again") if STAFF in seen_by else ("ordered",)
    entries = (facts.entry(f"{refund.id}:{what}") for what in told)
    return Step(
        "refunded",
        title,
        amount,
        state,
        seen_by,
        refund.finished_at,
        None,
        refund.failure_reason or refund.waits_for,
        next((entry for entry in entries if entry is not None), None),
        refund.gateway_id,
        refund.bank_reference,
    )


def _why(release: ReleaseView) -> str:
    return {
        "accepted": "Released by the client",
        "by_time": "Released after 72 hours without an answer",
        "settlement": "Released by the mediator's decision",
    }[release.cause]
