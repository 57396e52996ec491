"""A client funds a milestone: the intent, what the gateway answered, and the hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from escrow import holding, states
from escrow.acts import ActNotPossible, Held, hold_milestone, move, transition
from gateways import outages
from gateways.contract import (
    KEYS_LAST,
    Busy,
    PaymentFound,
    PaymentOrder,
    PaymentState,
    Rejected,
    TakesCards,
    Unknown,
)
from identity.accounts import account
from identity.actors import SYSTEM
from kernel.money import Money
from kernel.refusals import Conflict
from payments import collecting, late, sending
from payments.customers import customer_of
from payments.routing import candidates
from payments.states import PAID
from persistence import clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy.orm import Session

    from gateways.contract import Captures, PaysIn
    from gateways.orders import Call
    from identity.actors import Actor
    from payments.routing import Route
    from payments.views import PaymentView

# Our id and this fit into a key.
_DIGEST_LENGTH = 32


class PaymentGivenUp(Conflict):
    """The payment that this key began was given up, and nothing more is collected by it. Begin anew with a new key."""

    code = "payment_given_up"


@dataclass(frozen=True, slots=True)
class Checkout:
    """What the gateway is asked to collect; `ask_first` when the order cannot simply be sent again.

    It went out too long ago, or nobody knows what came of it.
    """

    payment: PaymentView
    order: PaymentOrder
    ask_first: bool
    call: Call | None = None
    # What the payer is handed is made anew by another order: then that of an earlier one is handed to nobody.
    renewable: bool = False


def begin_checkout(
    session: Session,
    *,
    milestone_id: str,
    payment_id: str,
    method: str,
    routes: Sequence[Route],
    save_card: bool,
    by: Actor,
) -> PaymentView:
    """Order the payment of one milestone; while one is being collected, the same one is handed out again.

    By `routes` the gateway is chosen that collects it, of those that answer the first that fits.
    """
    on = hold_milestone(session, milestone_id, by=by)
    if on.milestone.state != "funding":
        transition(states.MILESTONE, on.milestone.state, "begin_funding", on.party)
        _contract_is_active(on)
        move(session, on, "begin_funding")
    elif on.party != states.CLIENT:
        transition(states.MILESTONE, "draft", "begin_funding", on.party)
    currency = on.milestone.currency
    return collecting.order_payment(
        session,
        payment_id=payment_id,
        milestone_id=milestone_id,
        client_id=on.contract.client_id,
        method=method,
        gateway=_gateways(session, routes, method=method, currency=currency, client_id=on.contract.client_id)[
            0
        ],
        price=Money(on.milestone.price_minor, currency),
        client_fee=Money(on.milestone.client_fee_minor, currency),
        save_card=save_card,
        description=f"{on.contract.title}: {on.milestone.title}"[:200],
    )


def foresee_funding(session: Session, **asked: Any) -> PaymentView:  # noqa: ANN401 - begin_checkout's own
    """What funding would book once the card is charged; for previews, which take it back."""
    payment = begin_checkout(session, **asked)
    collecting.book_funding(session, payment)
    return payment


def checkout(session: Session, *, payment_id: str) -> Checkout:
    """What the gateway is to be asked for a payment that was ordered."""
    payment = collecting.find_payment(session, payment_id=payment_id, gateway_id=None)
    if payment is None:
        raise collecting.PaymentNotFound("There is no payment with this id.")
    still_wanted(payment)
    is_old = payment.ordered_at + KEYS_LAST < clock.now(session)
    ask_first = payment.may_be_out and (payment.attempt > 1 or is_old)
    return Checkout(payment, _order(session, payment), ask_first)


def order_to_send(
    session: Session, *, payment_id: str, gateway: str, means_last: timedelta | None
) -> Checkout | None:
    """The same, noted as out from now on unless the gateway has made it already and its means last.

    None when it is not this `gateway`'s any more.
    """
    if not sending.is_at(session, payment_id=payment_id, gateway=gateway):
        return None
    call = sending.note_call(session, payment_id=payment_id, means_last=means_last)
    wanted = checkout(session, payment_id=payment_id)
    # Where this is the first call that may be out, there is nothing to ask for.
    ask_first = wanted.ask_first and (call is None or call.ask_first)
    return replace(wanted, call=call, ask_first=ask_first, renewable=means_last is not None)


def checkout_to_stop(session: Session, *, payment_id: str) -> Checkout | None:
    """What the gateway is to be asked to stop collecting; None for a payment that is given up, now or before.

    One of which nothing was ever sent is given up here and now.
    """
    payment = collecting.find_payment(session, payment_id=payment_id, gateway_id=None)
    if payment is None:
        raise collecting.PaymentNotFound("There is no payment with this id.")
    on = _for_the_gateway(session, payment.milestone_id)
    # Somebody else may have given it up since it was read, and the milestone be another payment's by now.
    if sending.was_never_sent(session, payment_id=payment_id):
        collecting.cancel(session, payment_id=payment_id)
        move(session, on, "give_up_funding")
    return _if_wanted(session, payment_id)


def _if_wanted(session: Session, payment_id: str) -> Checkout | None:
    try:
        return checkout(session, payment_id=payment_id)
    except PaymentGivenUp:
        return None


def still_wanted(payment: PaymentView) -> PaymentView:
    """The payment, unless it was given up: then its milestone may be another payment's by now."""
    if payment.state in {"canceled", "given_back"}:
        raise PaymentGivenUp(
            "This payment was given up. To pay for the milestone, begin again with a new Idempotency-Key.",
            payment_id=payment.id,
        )
    return payment


def collect(at: PaysIn, wanted: Checkout) -> PaymentFound | Rejected | Busy | Unknown:
    """The payment at the gateway, made there unless it was before, and saving the card or not as was said last."""
    there = _at_the_gateway(at, wanted)
    if not isinstance(there, PaymentFound) or there.state is not PaymentState.NEEDS_METHOD:
        return there
    if at.means_last is not None and there.client_secret is None:
        # It is told with the order alone; the same order once more makes nothing new.
        return at.create_payment(wanted.order)
    save = wanted.order.save_card
    if isinstance(at, TakesCards) and there.saves_card != save:
        return at.save_card_of(there.gateway_id, save=save)
    return there


def to_pay(session: Session, *, payment_id: str) -> Checkout:
    """A payment that the gateway has made, and that is to be paid with a token."""
    wanted = checkout(session, payment_id=payment_id)
    assert wanted.payment.gateway_id is not None, "a payment is made before it is paid"
    return wanted


def pay_with(at: TakesCards, token: str, wanted: Checkout) -> PaymentFound | Rejected | Busy | Unknown:
    """The payment, paid with a token; under a key of its own, so that each token is tried once and every one is."""
    assert wanted.payment.gateway_id is not None, "a payment is made before it is paid"
    digest = sha256(token.encode()).hexdigest()[:_DIGEST_LENGTH]
    return at.confirm_payment(wanted.payment.gateway_id, token=token, key=f"{wanted.payment.id}.{digest}")


def _at_the_gateway(at: PaysIn, wanted: Checkout) -> PaymentFound | Rejected | Busy | Unknown:
    if wanted.payment.gateway_id is not None:
        return at.payment(wanted.payment.gateway_id)
    known = at.find_payment(wanted.order) if wanted.ask_first else None
    return at.create_payment(wanted.order) if known is None else known


def stop_collecting(at: PaysIn, wanted: Checkout) -> PaymentFound | Rejected | Busy | Unknown:
    """The payment at the gateway, canceled unless it has succeeded.

    It is made there first if it never was: otherwise an order still under way could make it after we looked.
    """
    now = _at_the_gateway(at, wanted)
    if isinstance(now, PaymentFound) and now.state not in {PaymentState.SUCCEEDED, PaymentState.CANCELED}:
        stopped = at.cancel_payment(now.gateway_id)
        # What can no longer be stopped (the bank is at work) goes on as it is: refused is not canceled.
        return now if isinstance(stopped, Rejected) else stopped
    return now


def record_stopped(
    session: Session, *, intent: Checkout, outcome: PaymentFound | Rejected | Busy | Unknown
) -> PaymentFound | Rejected | Busy | Unknown:
    """Write the answer to `stop_collecting` down, and hand it on.

    What the payer has agreed to and we may just be collecting goes on until that is answered.
    """
    # As everywhere, the milestone before its payment.
    _for_the_gateway(session, intent.payment.milestone_id)
    stopped = (
        outcome if isinstance(outcome, PaymentFound) and outcome.state is PaymentState.CANCELED else None
    )
    if stopped is not None and sending.is_being_collected(session, payment_id=intent.payment.id):
        return replace(stopped, state=PaymentState.APPROVED)
    return record_collected(session, intent=intent, outcome=outcome)


def record_collected(
    session: Session, *, intent: Checkout, outcome: PaymentFound | Rejected | Busy | Unknown
) -> PaymentFound | Rejected | Busy | Unknown:
    """Write the answer to `collect` down, and hand it on."""
    _for_the_gateway(session, intent.payment.milestone_id)
    if not sending.is_at(session, payment_id=intent.payment.id, gateway=intent.payment.gateway):
        return Unknown("another gateway collects this payment by now")
    if intent.call is not None and isinstance(outcome, Rejected | Busy):
        sending.note_answer(session, payment_id=intent.payment.id, call=intent.call, outcome=outcome)
    if isinstance(outcome, PaymentFound):
        outages.note(session, gateway=intent.payment.gateway, answered=True)
    now = record_payment(session, payment_id=intent.payment.id, outcome=outcome)
    if intent.renewable and isinstance(outcome, PaymentFound) and now.attempt != intent.order.attempt:
        return Unknown("another order has taken the place of this one")
    return outcome


def send_elsewhere(
    session: Session, *, payment_id: str, routes: Sequence[Route], tried: Sequence[str]
) -> PaymentView | None:
    """The last of those `tried` did not answer: have another gateway collect.

    None when the order may be out, or no other one fits.
    """
    outages.note(session, gateway=tried[-1], answered=False)
    payment = collecting.find_payment(session, payment_id=payment_id, gateway_id=None)
    if payment is None:
        raise collecting.PaymentNotFound("There is no payment with this id.")
    fitting = _gateways(
        session,
        routes,
        method=payment.method,
        currency=payment.price.currency,
        client_id=payment.client_id,
    )
    others = [gateway for gateway in fitting if gateway not in tried]
    return sending.send_elsewhere(session, payment_id=payment_id, tried=tried[-1], gateways=others)


def payment_to_capture(session: Session, *, payment_id: str, by_payer: bool = False) -> Checkout | None:
    """What the payer has agreed to; None when it is not wanted any more, or collected already.

    What was declined before is asked for again only when the payer says so.
    """
    # Whoever gives it up at this moment was before, or sees that it is being collected.
    sending.hold(session, payment_id=payment_id)
    wanted = _if_wanted(session, payment_id)
    if wanted is None or wanted.payment.state in PAID or (wanted.payment.decline_code and not by_payer):
        return None
    sending.note_capture(session, payment_id=payment_id)
    return wanted


def capture(at: Captures, wanted: Checkout) -> PaymentFound | Rejected | Busy | Unknown:
    """The payment, collected; what the payer agreed to anew is another attempt."""
    assert wanted.payment.gateway_id is not None, "a payment is made before it is agreed to"
    return at.capture_payment(wanted.payment.gateway_id, key=f"{wanted.order.key}.capture")


def record_captured(
    session: Session, *, intent: Checkout, outcome: PaymentFound | Rejected | Busy | Unknown
) -> PaymentFound | Rejected | Busy | Unknown:
    """Write the answer to `capture` down, and hand it on."""
    if isinstance(outcome, Rejected) and not outcome.temporary:
        sending.note_decline(
            session, payment_id=intent.payment.id, attempt=intent.order.attempt, code=outcome.code
        )
    return record_collected(session, intent=intent, outcome=outcome)


def record_paid(
    session: Session, *, intent: Checkout, outcome: PaymentFound | Rejected | Busy | Unknown
) -> PaymentFound | Rejected | Busy | Unknown:
    """Write the answer to `pay_with` down, and hand it on."""
    return record_collected(session, intent=intent, outcome=outcome)


def record_payment(
    session: Session, *, payment_id: str, outcome: PaymentFound | Rejected | Busy | Unknown
) -> PaymentView:
    """Write what the gateway says; success makes the hold, cancellation frees the milestone, each once."""
    ordered = collecting.find_payment(session, payment_id=payment_id, gateway_id=None)
    if ordered is None:
        raise collecting.PaymentNotFound("There is no payment with this id.")
    on = _for_the_gateway(session, ordered.milestone_id)
    payment = collecting.record_payment(session, payment_id=payment_id, outcome=outcome)
    if payment.state == "given_back":
        late.give_back(session, payment)
    if on.milestone.state == "funding":
        if payment.state == "succeeded":
            on.milestone.funded_at = clock.now(session)
            holding.start_the_clock(session, on.contract, on.milestone)
            move(session, on, "confirm_funding", payment_id=payment.id)
        elif payment.state == "canceled" and collecting.live_payment(session, on.milestone.id) is None:
            # News of a payment given up may come when the next one is being collected; that one decides.
            move(session, on, "give_up_funding")
    return payment


def payment_to_cancel(session: Session, *, milestone_id: str, by: Actor) -> PaymentView:
    """The payment the client wants stopped.

    A payment that succeeds meanwhile makes the hold all the same: the money is then refunded like any other.
    """
    on = hold_milestone(session, milestone_id, by=by)
    transition(states.MILESTONE, on.milestone.state, "give_up_funding", on.party)
    payment = collecting.live_payment(session, milestone_id)
    assert payment is not None, "a milestone in funding has its payment"
    return payment


def foresee_giving_up(session: Session, *, milestone_id: str, by: Actor) -> PaymentView:
    """What giving up would leave, should the gateway stop the payment; for previews, which take it back."""
    payment = payment_to_cancel(session, milestone_id=milestone_id, by=by)
    stopped = collecting.cancel(session, payment_id=payment.id)
    move(session, _for_the_gateway(session, milestone_id), "give_up_funding")
    return stopped


def _for_the_gateway(session: Session, milestone_id: str) -> Held:
    on = hold_milestone(session, milestone_id, by=SYSTEM)
    return Held(on.contract, on.milestone, states.GATEWAY)


def _gateways(
    session: Session, routes: Sequence[Route], *, method: str, currency: str, client_id: str
) -> tuple[str, ...]:
    return candidates(
        routes,
        method=method,
        currency=currency,
        country=account(session, client_id).country,
        away=outages.away(session),
    )


def _order(session: Session, payment: PaymentView) -> PaymentOrder:
    customer = customer_of(session, user_id=payment.client_id, gateway=payment.gateway)
    assert customer.gateway_id is not None
    return PaymentOrder(
        payment_id=payment.id,
        milestone_id=payment.milestone_id,
        amount=payment.charged,
        customer=customer.gateway_id,
        save_card=payment.save_card,
        description=payment.description,
        attempt=payment.attempt,
        means_until=payment.means_until,
    )


def _contract_is_active(on: Held) -> None:
    if on.contract.state != "active":
        raise ActNotPossible(
            f"The contract is {on.contract.state}; milestones are funded once the worker has accepted it.",
            state=on.contract.state,
        )
