"""Collecting the price of a milestone: one live payment each, booked when the gateway says it succeeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways.contract import VANISHED, PaymentFound, PaymentState, Rejected, Unknown
from kernel.money import Money
from kernel.refusals import Conflict, NotFound
from ledger import movements
from ledger.posting import post
from payments.conversions import convert
from payments.states import PAID, PAYMENT
from payments.tables import Payment
from payments.views import PaymentView, payment_view
from persistence import clock, due, outbox
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import Busy, Charge

_ACTS = {
    PaymentState.NEEDS_METHOD: "open",
    PaymentState.NEEDS_ACTION: "open",
    PaymentState.APPROVED: "open",
    PaymentState.PROCESSING: "open",
    PaymentState.SUCCEEDED: "succeed",
    PaymentState.CANCELED: "cancel",
}


class PaymentNotFound(NotFound):
    """There is no such payment, or it is somebody else's."""

    code = "payment_not_found"


class AnotherWayUnderWay(Conflict):
    """The milestone is being paid another way already; that payment is given up first, or gone on with."""

    code = "another_way_under_way"


class GatewayDisagrees(Conflict):
    """What the gateway has is not what was ordered: another amount, another currency, or another order's."""

    code = "gateway_disagrees"


def order_payment(
    session: Session,
    *,
    payment_id: str,
    milestone_id: str,
    client_id: str,
    method: str,
    gateway: str,
    price: Money,
    client_fee: Money,
    save_card: bool,
    description: str,
) -> PaymentView:
    """The live payment of this milestone, made now if there is none; two clicks get the same one.

    Whether the card is saved is what the client said last. Refuses another `method` than that of the live one.
    """
    row = session.scalar(select(Payment).where(Payment.live_for == milestone_id))
    if row is not None and row.method != method:
        raise AnotherWayUnderWay(
            f"You have begun to pay by {row.method}. Go on with that, or give it up and begin anew.",
            field="method",
            payment_id=row.id,
        )
    if row is not None:
        _say_anew(row, save_card=save_card, instant=clock.now(session))
        return payment_view(row)
    row = Payment(
        id=payment_id,
        milestone_id=milestone_id,
        live_for=milestone_id,
        client_id=client_id,
        method=method,
        gateway=gateway,
        state=PAYMENT.initial,
        currency=price.currency,
        price_minor=price.amount_minor,
        client_fee_minor=client_fee.amount_minor,
        gateway_fee_minor=0,
        drawn_pending_minor=0,
        refunded_minor=0,
        converted_minor=0,
        converted_into_minor=0,
        save_card=save_card,
        description=description,
        attempt=1,
        calls=0,
        calls_over=0,
        ordered_at=clock.now(session),
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    _look_again_if_nobody_reports_back(session, row)
    return payment_view(row)


def find_payment(
    session: Session, *, payment_id: str | None, gateway_id: str | None, gateway: str | None = None
) -> PaymentView | None:
    """The payment by our id or, failing that, by what `gateway` calls it; one of another gateway's is none."""
    row = session.get(Payment, payment_id, populate_existing=True) if payment_id else None
    if row is not None and gateway is not None and row.gateway != gateway:
        return None
    if row is None and gateway_id:
        named = (Payment.gateway == gateway) & (Payment.gateway_id == gateway_id)
        row = session.scalar(select(Payment).where(named))
    return payment_view(row) if row is not None else None


def live_payment(session: Session, milestone_id: str) -> PaymentView | None:
    """The payment that collects, or has collected, for this milestone."""
    row = session.scalar(select(Payment).where(Payment.live_for == milestone_id))
    return payment_view(row) if row is not None else None


def live_payments(session: Session, milestone_ids: Iterable[str]) -> dict[str, PaymentView]:
    """The live payments of these milestones, by milestone."""
    rows = session.scalars(select(Payment).where(Payment.live_for.in_(sorted(set(milestone_ids)))))
    return {row.milestone_id: payment_view(row) for row in rows}


def record_payment(
    session: Session, *, payment_id: str, outcome: PaymentFound | Rejected | Busy | Unknown
) -> PaymentView:
    """Bring our payment to where the gateway says it is, and book it once when it succeeded.

    Answers and events may come twice, late and in any order: a payment never goes back, and a payment that the gateway
    describes differently from our order is refused as `GatewayDisagrees` and booked not at all.
    """
    row = locked(session, Payment, payment_id)
    if row is None:
        raise PaymentNotFound("There is no payment with this id.")
    if isinstance(outcome, PaymentFound):
        _apply(session, row, outcome)
    elif isinstance(outcome, Unknown):
        _lose_answer(session, row)
        if row.state == "canceled" and row.gateway_id is not None:
            _look_again_at_what_was_given_up(session, row)
    elif isinstance(outcome, Rejected) and (
        outcome == VANISHED or (row.gateway_id is None and not outcome.temporary)
    ):
        # Nothing was made at the gateway, or nothing is left of it, so the milestone is free for another try.
        row.decline_code = outcome.code[:64]
        _step(session, row, "cancel")
    return payment_view(row)


def cancel(session: Session, *, payment_id: str) -> PaymentView:
    """Stop collecting where no gateway has to be asked: nothing was ever sent, or a preview will take it back."""
    row = locked(session, Payment, payment_id)
    if row is None:
        raise PaymentNotFound("There is no payment with this id.")
    _step(session, row, "cancel")
    return payment_view(row)


def book_funding(session: Session, payment: PaymentView) -> None:
    """The client was charged: the price is held and our fee earned, once for each payment."""
    post(
        session,
        movements.milestone_funded(
            payment.gateway, payment.milestone_id, price=payment.price, client_fee=payment.client_fee
        ),
        key=f"{payment.id}:funded",
        reference=payment.milestone_id,
        actor=payment.client_id,
    )


def _apply(session: Session, row: Payment, found: PaymentFound) -> None:
    _refuse_another_payment(row, found)
    row.gateway_id = found.gateway_id
    row.gateway_state = found.state.value if row.state not in PAID else PaymentState.SUCCEEDED.value
    # What was declined is still agreed to there: only the payer, come back, has it asked for once more.
    declined = row.decline_code if found.state is PaymentState.APPROVED else None
    row.decline_code = found.decline_code or declined
    act = _ACTS[found.state]
    if found.state is PaymentState.APPROVED and row.state not in PAYMENT.terminal and not declined:
        _capture(session, row)
    if act == "open" and row.state == "canceled":
        _stop_at_the_gateway(session, row)
    if act == "succeed" and found.charge is None:
        # The gateway is still writing the charge; its own event for that follows.
        if row.state == "canceled":
            _look_again_at_what_was_given_up(session, row)
        return
    given_up = row.state == "canceled"
    if _step(session, row, act) and act == "succeed":
        assert found.charge is not None
        _book(session, row, found.charge, late=given_up)


def _say_anew(row: Payment, *, save_card: bool, instant: datetime) -> None:
    # What was handed out is ordered word for word again while it lasts, so until then it stays as it was said first.
    is_handed_out = row.gateway_id is not None and row.means_until is not None and instant < row.means_until
    if row.save_card != save_card and not is_handed_out:
        row.save_card = save_card
        # Should the first order be out, the gateway would not take other words under its key.
        row.attempt += row.gateway_id is None


def _lose_answer(session: Session, row: Payment) -> None:
    # A gateway that broke repeats its mistake to the same key for a day, and nobody can pay what we were not told of.
    row.attempt += row.gateway_id is None
    _step(session, row, "lose_answer")


def _refuse_another_payment(row: Payment, found: PaymentFound) -> None:
    ordered = payment_view(row).charged
    if found.amount != ordered or (found.charge is not None and found.charge.amount != ordered):
        raise GatewayDisagrees(
            f"The gateway's payment {found.gateway_id} is over {found.amount}, and {row.id} ordered {ordered}."
        )
    if found.payment_id not in {None, row.id} or row.gateway_id not in {None, found.gateway_id}:
        # Taking it for ours would send later refunds to a payment that somebody else made.
        raise GatewayDisagrees(
            f"The gateway's payment {found.gateway_id} is not {row.gateway_id}, which {row.id} ordered."
        )


def _step(session: Session, row: Payment, act: str) -> bool:
    transition = PAYMENT.step(row.state, act)
    if transition is None:
        return False
    row.state = transition.to
    if transition.to == "canceled":
        row.live_for = None
    outbox.publish(session, name=transition.event, subject=row.id, payload={"milestone_id": row.milestone_id})
    return True


def _book(session: Session, row: Payment, charge: Charge, *, late: bool) -> None:
    view = payment_view(row)
    received = charge.received
    if charge.fee.currency not in {row.currency, received.amount.currency if received else row.currency}:
        raise GatewayDisagrees(
            f"The gateway keeps {charge.fee} of {charge.gateway_id}, which is in {row.currency}."
        )
    row.charge_id, row.balance_transaction = charge.gateway_id, charge.balance_transaction
    row.card_brand, row.card_last4 = charge.card_brand, charge.card_last4
    row.gateway_fee_minor = charge.fee.amount_minor
    if received is not None:
        row.received_minor, row.received_currency = received.amount.amount_minor, received.amount.currency
        row.exchange_rate, row.gateway_fee_currency = received.rate, charge.fee.currency
    row.succeeded_at, row.available_on = clock.now(session), charge.available_on
    if late:
        _book_late(session, view)
    else:
        book_funding(session, view)
    if charge.fee:
        post(
            session,
            movements.gateway_fee_charged(row.gateway, fee=charge.fee),
            key=f"{row.id}:gateway_fee",
            reference=row.milestone_id,
            actor=row.gateway,
        )
    if received is not None:
        kept_before = charge.fee if charge.fee.currency == row.currency else Money.zero(row.currency)
        convert(
            session,
            row,
            given=view.charged - kept_before,
            received=received.amount,
            settled=False,
            key=f"{row.id}:converted",
        )
    due.schedule(
        session,
        kind="settle_charge",
        subject=row.id,
        due_at=charge.available_on,
        key=f"settle_charge:{row.id}",
    )


def _book_late(session: Session, payment: PaymentView) -> None:
    post(
        session,
        movements.late_payment_received(payment.gateway, amount=payment.charged),
        key=f"{payment.id}:late",
        reference=payment.milestone_id,
        actor=payment.client_id,
    )


def _look_again_at_what_was_given_up(session: Session, row: Payment) -> None:
    # Nobody watches a payment that was given up, and money that came for it shall not lie there unseen.
    due.schedule(
        session,
        kind="refresh_payment",
        subject=row.gateway_id or row.id,
        due_at=clock.now(session) + due.LEASE,
        key=f"refresh_payment:{row.id}:late",
        payload={"gateway": row.gateway, "account": None},
    )


def _stop_at_the_gateway(session: Session, row: Payment) -> None:
    # It was made there after it was given up here: whoever holds its secret could still pay it.
    due.schedule(
        session,
        kind="stop_payment",
        subject=row.id,
        due_at=clock.now(session),
        key=f"stop_payment:{row.id}",
    )


def _capture(session: Session, row: Payment) -> None:
    # The payer's consent lasts for hours only.
    due.schedule(
        session,
        kind="capture_payment",
        subject=row.id,
        due_at=clock.now(session),
        key=f"capture_payment:{row.id}:{row.attempt}",
    )


def _look_again_if_nobody_reports_back(session: Session, row: Payment) -> None:
    # Should this process die before it hears the gateway's answer, and the event be lost as well.
    due.schedule(
        session,
        kind="refresh_payment",
        subject=row.id,
        due_at=row.ordered_at + due.LEASE,
        key=f"refresh_payment:{row.id}",
    )
