"""Do payments, refunds and chargebacks agree with the ledger? Read by whoever verifies the books."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from ledger import chart
from ledger.balances import balance
from ledger.breaches import Breach
from payments.states import CAME_BACK, PAID, UNCONFIRMED
from payments.tables import Chargeback, ChargebackLine, Clawback, Payment, Refund

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

_AMOUNT = Refund.held_minor + Refund.client_fee_minor


def verify(session: Session) -> list[Breach]:
    """Everything in which payments, refunds and the ledger differ; an empty list means that they agree."""
    return [
        *_pending(session),
        *_converted(session),
        *_in_transit(session),
        *_refunded(session),
        *_borne(session),
        *_receivable(session),
    ]


def given_back_by_milestone() -> Select[str, int, int]:
    """Of every milestone with refunds: what left its hold for the client, and what of our fee went with it.

    What came back is the client's all the same; a refund that was ordered again counts once, as the later one.
    """
    return (
        select(Refund.milestone_id, func.sum(Refund.held_minor), func.sum(Refund.client_fee_minor))
        .where(Refund.state != "repeated", Refund.late.is_(False))
        .group_by(Refund.milestone_id)
    )


def clawed_back_by_milestone() -> Select[str, int, int]:
    """Of every milestone with clawbacks: what of the released went back to the client, and what of that was our fee."""
    return select(
        Clawback.milestone_id,
        func.sum(Clawback.price_minor),
        func.sum(Clawback.price_minor - Clawback.amount_minor),
    ).group_by(Clawback.milestone_id)


def owed_by_milestone() -> Select[str, int]:
    """Of every milestone with refunds that came back and were not ordered again: what is owed to the client."""
    return (
        select(Refund.milestone_id, func.sum(_AMOUNT))
        .where(Refund.state == "failed")
        .group_by(Refund.milestone_id)
    )


def taken_by_milestone() -> Select[str, int, int]:
    """Of every milestone with chargebacks: what was taken out of its hold, and of what was owed to the client."""
    return select(
        ChargebackLine.milestone_id, func.sum(ChargebackLine.held_minor), func.sum(ChargebackLine.owed_minor)
    ).group_by(ChargebackLine.milestone_id)


def _pending(session: Session) -> Iterator[Breach]:
    """What has not settled at a gateway is what its charges brought, less its fees and what left them before."""
    charged = Payment.price_minor + Payment.client_fee_minor
    brought = func.coalesce(Payment.received_minor, charged)
    brought_in = func.coalesce(Payment.received_currency, Payment.currency)
    # What was kept before it was converted is in neither.
    kept = func.coalesce(Payment.gateway_fee_currency, Payment.currency) == brought_in
    left = brought - case((kept, Payment.gateway_fee_minor), else_=0) - Payment.drawn_pending_minor
    expected = (
        select(Payment.gateway, brought_in, func.sum(left))
        .where(Payment.state.in_(PAID), Payment.settled_at.is_(None))
        .group_by(Payment.gateway, brought_in)
    )
    unsettled = {(gateway, currency): int(minor) for gateway, currency, minor in session.execute(expected)}
    for gateway, currency in _gateways_and_currencies(session, Payment.received_currency):
        there = balance(session, chart.gateway_pending(gateway, currency)).posted.amount_minor
        if there != unsettled.get((gateway, currency), 0):
            detail = f"{unsettled.get((gateway, currency), 0)} {currency} by payments, {there} by the ledger"
            yield Breach("gateway_pending", gateway, detail)


def _converted(session: Session) -> Iterator[Breach]:
    """What stands on the conversion accounts is what of its payments is not changed back, on both of their sides."""
    there: Counter[tuple[str, str]] = Counter()
    for gateway, currency, into, minor, into_minor in session.execute(
        select(
            Payment.gateway,
            Payment.currency,
            Payment.converted_into,
            func.sum(Payment.converted_minor),
            func.sum(Payment.converted_into_minor),
        ).group_by(Payment.gateway, Payment.currency, Payment.converted_into)
    ):
        there[gateway, currency] += int(minor)
        there[gateway, into or currency] -= int(into_minor)
    for gateway, currency in _gateways_and_currencies(session, Payment.converted_into):
        minor = balance(session, chart.conversion(gateway, currency)).posted.amount_minor
        if minor != there[gateway, currency]:
            detail = f"{there[gateway, currency]} {currency} by payments, {minor} by the ledger"
            yield Breach("conversions", gateway, detail)


def _gateways_and_currencies(
    session: Session, other: InstrumentedAttribute[str | None]
) -> list[tuple[str, str]]:
    rows = session.execute(select(Payment.gateway, Payment.currency, other).distinct()).all()
    return sorted({(row[0], currency) for row in rows for currency in row[1:] if currency is not None})


def _in_transit(session: Session) -> Iterator[Breach]:
    """What is in transit back to clients is what refunds that were ordered have not been confirmed."""
    expected: Counter[str] = Counter()
    for currency, state, minor in session.execute(
        select(Refund.currency, Refund.state, func.sum(_AMOUNT)).group_by(Refund.currency, Refund.state)
    ):
        expected[currency] += int(minor) if state in UNCONFIRMED else 0
    for currency, minor in sorted(expected.items()):
        there = balance(session, chart.refunds_in_transit(currency)).posted.amount_minor
        if there != minor:
            yield Breach("refunds_in_transit", currency, f"{minor} by refunds, {there} by the ledger")


def _refunded(session: Session) -> Iterator[Breach]:
    """What a payment counts as given back is what its refunds gave or will give back."""
    given = (
        select(Refund.payment_id, func.sum(_AMOUNT).label("minor"))
        .where(Refund.state.not_in(CAME_BACK))
        .group_by(Refund.payment_id)
        .subquery()
    )
    minor = func.coalesce(given.c.minor, 0)
    differing = (
        select(Payment.id, Payment.refunded_minor, minor)
        .outerjoin(given, given.c.payment_id == Payment.id)
        .where(Payment.refunded_minor != minor)
    )
    for payment_id, counted, by_refunds in session.execute(differing):
        yield Breach("payment_refunded", payment_id, f"counts {counted}, its refunds are {int(by_refunds)}")


def _borne(session: Session) -> Iterator[Breach]:
    """What was taken is borne by somebody, to the cent."""
    line = ChargebackLine
    people = line.held_minor + line.owed_minor + line.worker_minor
    borne = people + line.client_fee_minor + line.worker_fee_minor + line.lost_minor
    for line_id, amount, by_all in session.execute(
        select(line.id, line.amount_minor, borne).where(line.amount_minor != borne)
    ):
        yield Breach("chargeback_is_borne", line_id, f"{amount} was taken, {by_all} is borne")


def _receivable(session: Session) -> Iterator[Breach]:
    """What a worker owes us is what clients have back of theirs and was neither recovered nor forgiven."""
    owed: Counter[tuple[str, str]] = Counter()
    for query in (_owed_for_chargebacks(), _owed_for_clawbacks()):
        for worker_id, currency, minor in session.execute(query):
            owed[worker_id, currency] += int(minor)
    for (worker_id, currency), minor in sorted(owed.items()):
        there = balance(session, chart.receivable(worker_id, currency)).posted.amount_minor
        if there != minor:
            yield Breach("receivable", worker_id, f"{minor} {currency} by their debts, {there} by the ledger")


def _owed_for_chargebacks() -> Select[str, str, int]:
    taken = (
        select(ChargebackLine.chargeback_id, func.sum(ChargebackLine.worker_minor).label("minor"))
        .group_by(ChargebackLine.chargeback_id)
        .subquery()
    )
    owed = func.coalesce(taken.c.minor, 0) - Chargeback.recovered_minor - Chargeback.forgiven_minor
    return (
        select(Chargeback.worker_id, Chargeback.currency, func.sum(owed))
        .outerjoin(taken, taken.c.chargeback_id == Chargeback.id)
        .group_by(Chargeback.worker_id, Chargeback.currency)
    )


def _owed_for_clawbacks() -> Select[str, str, int]:
    owed = func.sum(Clawback.amount_minor - Clawback.recovered_minor - Clawback.forgiven_minor)
    return select(Clawback.worker_id, Clawback.currency, owed).group_by(Clawback.worker_id, Clawback.currency)
