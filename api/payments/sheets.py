"""What the app is handed to pay with: each gateway's own sheet, under the names of its SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateways.contract import Captures, TakesCards
from payments.answers import found

if TYPE_CHECKING:
    from api.payments.checkout import Collecting
    from gateways.contract import PaymentFound
    from payments.customers import CustomerView

# A preview, and every gateway but the one whose sheet it is.
NO_MEANS: dict[str, Any] = {
    "payment_intent": None,
    "customer": None,
    "customer_session_client_secret": None,
    "publishable_key": None,
    "session": None,
    "approval_url": None,
}


def means_of_paying(collecting: Collecting) -> dict[str, Any]:
    """The secrets for this device and this payment alone."""
    at, there = collecting.at, collecting.there
    if isinstance(at, TakesCards):
        return _payment_sheet(at, collecting.customer, there)
    if isinstance(at, Captures):
        return {"approval_url": there.client_secret}
    # Two words in one secret: what a Drop-in begins with has an id and its data.
    session, _, data = (there.client_secret or "").partition(":")
    return {"session": {"id": session, "data": data, **at.client_settings()} if data else None}


def id_of(customer: CustomerView) -> str:
    """What the gateway calls the client."""
    assert customer.gateway_id is not None, "it was made at the gateway before"
    return customer.gateway_id


def _payment_sheet(at: TakesCards, customer: CustomerView, there: PaymentFound) -> dict[str, Any]:
    session = found(at.customer_session(id_of(customer), component="payment_sheet"))
    return {
        "payment_intent": there.client_secret,
        "customer": customer.gateway_id,
        "customer_session_client_secret": session.value,
        "publishable_key": at.client_settings()["publishable_key"],
    }
