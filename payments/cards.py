"""Saved cards. They live at the gateway; here are only the rules about whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.contract import CardFound, Rejected
from kernel.refusals import NotFound
from payments.answers import found

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.contract import Busy, Unknown
    from payments.customers import CustomerView


class CardNotFound(NotFound):
    """There is no such card among yours."""

    code = "card_not_found"


@dataclass(frozen=True, slots=True)
class CardView:
    """A saved card: tokens and what is printed on receipts, nothing more."""

    gateway_id: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    wallet: str | None
    default: bool


@dataclass(frozen=True, slots=True)
class Setup:
    """The saving of one card; `id` is what the gateway knows this attempt by."""

    id: str


def card_view(card: CardFound, customer: CustomerView) -> CardView:
    """The card as its owner sees it."""
    return CardView(
        card.gateway_id,
        card.brand,
        card.last4,
        card.expiry_month,
        card.expiry_year,
        card.wallet,
        default=card.gateway_id == customer.default_card,
    )


def check_own(outcome: CardFound | Rejected | Busy | Unknown, customer: CustomerView) -> CardFound:
    """The card, if it is this client's; a card of somebody else looks like one that does not exist."""
    # A refusal that passes says nothing about the card.
    gone = isinstance(outcome, Rejected) and not outcome.temporary
    card = None if gone else found(outcome)
    if card is None or card.customer != customer.gateway_id:
        raise CardNotFound("There is no card with this id among yours.")
    return card


def begin_setup(_session: Session, *, setup_id: str, user_id: str) -> Setup:  # noqa: ARG001 - whose key it is decides
    """Begin to save a card; nothing is kept of it but the id under which the gateway does it once."""
    return Setup(setup_id)
