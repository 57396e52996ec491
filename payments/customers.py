"""The gateway's record of a client, made once, before the first card or payment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways.contract import CustomerFound, CustomerOrder
from kernel.ids import new_id
from kernel.refusals import NotFound
from payments.tables import Customer
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.contract import Busy, Rejected, Unknown


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


def order_customer(session: Session, *, user_id: str, email: str, gateway: str) -> CustomerOrder | None:
    """The order for the gateway's record of this client; None when the gateway has one."""
    row = _row(session, user_id, gateway)
    if row is None:
        row = Customer(id=new_id("cu"), user_id=user_id, gateway=gateway)
        session.add(row)
        try:
            session.flush()
        except IntegrityError as error:
            raise Retry from error
    if row.gateway_id is not None:
        return None
    return CustomerOrder(customer_id=row.id, user_id=user_id, email=email)


def record_customer(
    session: Session, *, intent: CustomerOrder, outcome: CustomerFound | Rejected | Busy | Unknown
) -> CustomerFound | Rejected | Busy | Unknown:
    """Keep the gateway's id; anything but a record leaves the order to be sent again under the same key."""
    if isinstance(outcome, CustomerFound):
        session.get_one(Customer, intent.customer_id).gateway_id = outcome.gateway_id
    return outcome


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


def _row(session: Session, user_id: str, gateway: str) -> Customer | None:
    return session.scalar(select(Customer).where(Customer.user_id == user_id, Customer.gateway == gateway))
