"""A payment is made at the first gateway that answers, and paid there; only the steps are here, each its own commit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from api.auth import actor
from escrow import funding
from gateways.contract import VANISHED, Busy, PaymentFound, PaymentState, Rejected, Unknown
from gateways.orders import Verdict
from identity.accounts import account
from payments import customers
from payments.answers import found
from payments.queries import payment
from persistence.unit_of_work import atomically, reading, staged
from runtime.wiring import paying_in, wired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.contract import PaysIn, TakesCards
    from payments.customers import CustomerView
    from payments.routing import Route
    from payments.views import PaymentView


@dataclass(frozen=True, slots=True)
class Collecting:
    """A payment as its gateway has it, and the client's record there."""

    at: PaysIn
    customer: CustomerView
    there: PaymentFound


def begin_at_a_gateway(payment_id: str, *, routes: Sequence[Route]) -> Collecting:
    """Have the payment made at its gateway or, while nothing of it is out, at the next one that fits."""
    tried: list[str] = []
    while True:
        at = paying_in(reading(payment, payment_id=payment_id, by=actor()).gateway)
        outcome = _begun(at, payment_id)
        if isinstance(outcome, PaymentFound):
            return Collecting(at, _known_at(at), outcome)
        if outcome is None:
            continue
        tried.append(at.name)
        if isinstance(outcome, Rejected) and not outcome.temporary:
            found(outcome)
        elsewhere = atomically(
            funding.send_elsewhere, payment_id=payment_id, routes=routes, tried=tuple(tried)
        )
        if elsewhere is None:
            found(outcome)


def pay_with_token(at: TakesCards, token: str, payment_id: str) -> PaymentFound:
    """The payment, paid with what the payer's device has made a token of."""
    outcome = staged(
        begin=funding.to_pay,
        call=partial(funding.pay_with, at, token),
        record=funding.record_paid,
        payment_id=payment_id,
    )
    assert outcome is not None
    return found(outcome)


def collect_what_was_agreed(of: PaymentView) -> None:
    """Ask the gateway whether the payer has agreed, and if so collect; nothing where nobody has to agree."""
    at = wired().captures.get(of.gateway)
    if at is None or of.gateway_id is None:
        return
    there = at.payment(of.gateway_id)
    atomically(funding.record_payment, payment_id=of.id, outcome=there if there == VANISHED else found(there))
    if found(there).state is not PaymentState.APPROVED:
        return
    outcome = staged(
        begin=funding.payment_to_capture,
        call=partial(funding.capture, at),
        record=funding.record_captured,
        payment_id=of.id,
        by_payer=True,
    )
    if outcome is not None:
        found(outcome)


def customer_at(at: PaysIn) -> CustomerView:
    """The client's record at the gateway, made there if it never was."""
    outcome = _customer(at)
    if outcome is not None:
        found(outcome)
    return _known_at(at)


def _known_at(at: PaysIn) -> CustomerView:
    return reading(customers.customer_of, user_id=actor().id, gateway=at.name)


def _begun(at: PaysIn, payment_id: str) -> PaymentFound | Rejected | Busy | Unknown | None:
    known = _customer(at)
    if isinstance(known, Rejected | Busy | Unknown):
        return known
    # None when another tab was turned away there and has taken the payment elsewhere: it is gone on with where it is.
    return staged(
        begin=funding.order_to_send,
        call=partial(funding.collect, at),
        record=funding.record_collected,
        payment_id=payment_id,
        gateway=at.name,
        means_last=at.means_last,
    )


def _customer(at: PaysIn) -> customers.Answer | None:
    me = reading(account, actor().id)
    outcome: customers.Answer | Verdict | None = Verdict.NEVER_ARRIVED
    while isinstance(outcome, Verdict):
        outcome = staged(
            begin=customers.order_customer,
            call=partial(customers.make_customer, at),
            record=customers.record_customer,
            user_id=me.id,
            email=me.email,
            gateway=at.name,
        )
    return outcome
