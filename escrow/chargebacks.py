"""A client's bank takes back what was paid for a milestone: everything about it stops until the bank has decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from escrow import states
from escrow.acts import Held, hold_milestone, move, tell, transition
from escrow.tables import Dispute, Submission
from identity.actors import SYSTEM
from kernel.money import Money, total
from kernel.refusals import Unavailable
from payments import bearing, chargebacks, collecting
from payments.bearing import Shares
from payments.collecting import GatewayDisagrees
from payments.queries import refunds_of
from payments.states import CHARGEBACK
from persistence import clock, due

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.contract import ChargebackFound, ChargebackLine
    from identity.actors import Actor
    from payments.tables import Chargeback
    from payments.views import ChargebackView, PaymentView


class PaymentNotBooked(Unavailable):
    """The news of a chargeback has overtaken that of the payment it is about."""

    code = "payment_not_booked"


def record_chargeback(
    session: Session, *, chargeback_id: str, payment: PaymentView, found: ChargebackFound
) -> ChargebackView:
    """Book what moved for a chargeback, once for each line of the gateway's, and stop the milestone or let it go on.

    Told twice, late or in any order it ends the same.
    """
    on = hold_milestone(session, payment.milestone_id, by=SYSTEM)
    on = Held(on.contract, on.milestone, states.GATEWAY)
    live = collecting.live_payment(session, on.milestone.id)
    if live is None or live.id != payment.id or live.state != "succeeded":
        raise PaymentNotBooked(f"{payment.id} is not booked as paid, and {found.gateway_id} is about it.")
    row = chargebacks.keep(
        session, chargeback_id=chargeback_id, payment=live, worker_id=on.contract.worker_id, found=found
    )
    for line in chargebacks.not_booked(session, row, found):
        _bear(session, on, row, line)
    chargebacks.step(session, row, found)
    session.flush()
    _stand_still_or_go_on(session, on)
    return chargebacks.view(session, row)


def dismiss_warning(session: Session, *, chargeback_id: str, reason: str, by: Actor) -> ChargebackView:
    """Staff has looked at a warning of the card's network: the milestone goes on, unless something else is open."""
    seen = chargebacks.find(session, chargeback_id)
    on = hold_milestone(session, seen.milestone_id, by=SYSTEM)
    row = chargebacks.locked_row(session, chargeback_id)
    transition(CHARGEBACK, row.state, "dismiss", states.STAFF if by.is_staff else states.CLIENT)
    chargebacks.dismiss(session, row, reason=reason, by=by.id)
    session.flush()
    _stand_still_or_go_on(session, Held(on.contract, on.milestone, states.GATEWAY))
    return chargebacks.view(session, row)


def _bear(session: Session, on: Held, row: Chargeback, line: ChargebackLine) -> None:
    if line.amount.amount_minor >= 0:
        shares = bearing.taken(line.amount, there=there(session, on))
    else:
        shares = -bearing.given_back(-line.amount, borne=chargebacks.view(session, row).borne)
        if shares.held and on.milestone.state not in states.HOLDING:
            raise GatewayDisagrees(
                f"{row.gateway_id} gave back what was held, and the milestone has ended. Book it by an adjustment."
            )
    chargebacks.book(session, row, line, shares)
    on.milestone.charged_back_minor += shares.held.amount_minor
    on.milestone.owed_minor -= shares.owed.amount_minor
    on.milestone.version += 1
    chargebacks.tell(session, row, "chargeback.moved")


def there(session: Session, on: Held) -> Shares:
    """Where what was paid for the milestone is, as far as no chargeback has taken it yet."""
    seen, currency = on.view, on.milestone.currency
    borne = sum(
        (each.borne for each in chargebacks.of_milestone(session, on.milestone.id)), Shares.none(currency)
    )
    worker_fee = seen.worker_fee - seen.worker_fee_returned
    net = seen.released - seen.given_back - worker_fee
    return Shares(
        held=seen.held,
        owed=min(seen.owed, _came_back(session, on) - borne.owed),
        worker=net - borne.worker,
        client_fee=seen.client_fee - seen.client_fee_returned - borne.client_fee,
        worker_fee=worker_fee - borne.worker_fee,
        lost=Money.zero(currency),
    )


def _came_back(session: Session, on: Held) -> Money:
    # Of the payment itself: what was paid after it had been given up is another one's, and owed for itself.
    refunds = [
        each for each in refunds_of(session, on.milestone.id) if each.state == "failed" and not each.late
    ]
    return total([each.amount for each in refunds], on.milestone.currency)


def _stand_still_or_go_on(session: Session, on: Held) -> None:
    undecided = chargebacks.is_undecided(session, on.milestone.id)
    # It may be over before we hear of it.
    if states.MILESTONE.step(on.milestone.state, "freeze") is not None and (undecided or not on.held):
        move(session, on, "freeze")
    if not undecided and on.milestone.state == "frozen":
        if on.held or not on.milestone.charged_back_minor:
            _thaw(session, on)
        else:
            _end(session, on)


def _thaw(session: Session, on: Held) -> None:
    """It goes on from where it was; a window that was open begins anew, so that nobody's 72 hours are cut short."""
    if _open_dispute(session, on) is not None:
        move(session, on, "thaw_to_disputed")
        return
    if on.milestone.submission_id is None:
        move(session, on, "thaw_to_funded")
        return
    submission = session.get_one(Submission, on.milestone.submission_id)
    submission.deadline_at = clock.now(session) + states.REVIEW_WINDOW
    on.milestone.deadline_at = submission.deadline_at
    move(session, on, "thaw_to_submitted", submission_id=submission.id)
    due.schedule(
        session,
        kind="release_by_time",
        subject=submission.id,
        due_at=submission.deadline_at,
        key=f"release_by_time:{submission.id}:{on.milestone.version}",
        payload={"milestone_id": on.milestone.id},
    )


def _end(session: Session, on: Held) -> None:
    """The bank has given all of it to the client; what the two sides disagreed about is decided with it."""
    row = _open_dispute(session, on)
    if row is not None:
        step = transition(states.DISPUTE, row.state, "override", on.party)
        row.state, row.open_for, row.settled_at = step.to, None, clock.now(session)
        tell(session, on, step.event, subject=row.id)
    move(session, on, "charge_back")


def _open_dispute(session: Session, on: Held) -> Dispute | None:
    return session.scalar(select(Dispute).where(Dispute.open_for == on.milestone.id))
