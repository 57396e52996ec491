"""The gateway's record of a client, made once, before the first card or payment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways import orders
from gateways.contract import Busy, CustomerFound, CustomerOrder, Rejected, Unknown
from kernel.ids import new_id
from kernel.refusals import NotFound
from payments.tables import Customer
from persistence import clock
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.contract import PaysIn
    from gateways.orders import Call, Verdict

Answer = CustomerFound | Rejected | Busy | Unknown


class NoCardsYet(NotFound):
    """The client has never paid or saved a card."""

    code = "no_cards_yet"


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A client as the gateway knows them."""

    id: str
    user_id: str
    gateway: str
    gateway_id: str | None
    default_card: str | None


@dataclass(frozen=True, slots=True)
class CustomerToMake:
    """A client's record for the gateway to make, and the call that is to be made about it."""

    order: CustomerOrder
    call: Call


def order_customer(session: Session, *, user_id: str, email: str, gateway: str) -> CustomerToMake | None:
    """The order for the gateway's record of this client, noted as out from now on; None when the gateway has one."""
    known = _row(session, user_id, gateway)
    if known is not None and known.gateway_id is not None:
        return None
    row = _blank(session, user_id, gateway) if known is None else _locked(session, known.id)
    if row.gateway_id is not None:
        return None
    call = orders.next_call(row, now=clock.now(session))
    return CustomerToMake(CustomerOrder(row.id, user_id, email, call.attempt), call)


def make_customer(through: PaysIn, intent: CustomerToMake) -> Answer | None:
    """What the gateway says to the order; None when it was only asked, and has no such record."""
    return orders.carry_out(
        intent.call,
        find=lambda: through.find_customer(intent.order),
        create=lambda: through.create_customer(intent.order),
    )


def record_customer(
    session: Session, *, intent: CustomerToMake, outcome: Answer | None
) -> Answer | Verdict | None:
    """Keep the gateway's id; what the client is told, or `Verdict.NEVER_ARRIVED` when the order may go at once."""
    row = _locked(session, intent.order.customer_id)
    if isinstance(outcome, CustomerFound):
        row.gateway_id = row.gateway_id or outcome.gateway_id
        return outcome
    if row.gateway_id is not None:
        # Another call was answered meanwhile.
        return None
    return orders.told(row, call=intent.call, outcome=outcome)


def customer_of(session: Session, *, user_id: str, gateway: str) -> CustomerView:
    """The gateway's record of this client; refuses when there is none yet."""
    row = _row(session, user_id, gateway)
    if row is None or row.gateway_id is None:
        raise NoCardsYet("You have no saved cards yet.")
    return CustomerView(row.id, row.user_id, row.gateway, row.gateway_id, row.default_card)


def remember_default(session: Session, *, user_id: str, gateway: str, card: str) -> None:
    """Keep which card is offered first."""
    row = _row(session, user_id, gateway)
    if row is not None:
        row.default_card = card


def _blank(session: Session, user_id: str, gateway: str) -> Customer:
    row = Customer(id=new_id("cu"), user_id=user_id, gateway=gateway, attempt=1, calls=0, calls_over=0)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    return row


def _locked(session: Session, customer_id: str) -> Customer:
    row = locked(session, Customer, customer_id)
    assert row is not None, "a client's record is never deleted"
    return row


def _row(session: Session, user_id: str, gateway: str) -> Customer | None:
    return session.scalar(select(Customer).where(Customer.user_id == user_id, Customer.gateway == gateway))
