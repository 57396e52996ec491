"""Clients and their saved cards at Stripe; we see brand, last four digits and expiry, never a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateways.contract import CardFound, CustomerFound, Rejected, Secret, SetupFound
from gateways.stripe.client import keyed
from gateways.stripe.outcomes import answered, searched
from kernel.time import from_epoch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe.params import CustomerSessionCreateParamsComponents

    from gateways.contract import Busy, CustomerOrder, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json

# What the app's two card screens may do with a client's cards.
_COMPONENTS: dict[str, CustomerSessionCreateParamsComponents] = {
    "payment_sheet": {
        "mobile_payment_element": {
            "enabled": True,
            "features": {
                "payment_method_redisplay": "enabled",
                "payment_method_save": "enabled",
                "payment_method_remove": "enabled",
            },
        }
    },
    "customer_sheet": {
        "customer_sheet": {"enabled": True, "features": {"payment_method_remove": "enabled"}},
    },
}


# Whoever asks for a card names it. Anything else in its place would be another address of Stripe's: `..` is its root.
_METHOD_ID = re.compile(r"(?:pm|card|src)_\w{1,64}", re.ASCII)
_NO_CARD = Rejected("resource_missing", "There is no such card.")


class Cards:
    """Clients, their cards, and the secrets with which their app handles both."""

    connection: Connection

    def create_customer(self, order: CustomerOrder) -> CustomerFound | Rejected | Busy | Unknown:
        """Make the client's record; the same order twice makes one."""
        customers = self.connection.client.v1.customers
        metadata = {"holdfast_id": order.customer_id, "user": order.user_id}
        return answered(
            lambda: customers.create({"email": order.email, "metadata": metadata}, keyed(order.key)),
            _read_customer,
        )

    def find_customer(self, order: CustomerOrder) -> CustomerFound | Rejected | Busy | Unknown | None:
        """The record that came of an order whose answer was lost; None when Stripe never made one."""
        customers = self.connection.client.v1.customers
        return searched(
            lambda: customers.list({"email": order.email, "limit": 100}).auto_paging_iter(),
            _read_customer,
            our_id=order.customer_id,
        )

    def customer_session(self, customer: str, *, component: str) -> Secret | Rejected | Busy | Unknown:
        """A secret with which the app shows and manages the client's cards."""
        sessions = self.connection.client.v1.customer_sessions
        components = _COMPONENTS[component]
        return answered(
            lambda: sessions.create({"customer": customer, "components": components}), read_client_secret
        )

    def ephemeral_key(self, customer: str, *, api_version: str) -> Secret | Rejected | Busy | Unknown:
        """The same for older apps, in the API version their SDK asks for."""
        keys = self.connection.client.v1.ephemeral_keys
        return answered(
            lambda: keys.create({"customer": customer}, {"stripe_version": api_version}),
            lambda values: Secret(values["secret"], from_epoch(values["expires"])),
        )

    def create_setup(self, customer: str, *, key: str) -> SetupFound | Rejected | Busy | Unknown:
        """Begin to save a card without paying."""
        setups = self.connection.client.v1.setup_intents
        return answered(
            lambda: setups.create(
                {
                    "customer": customer,
                    "usage": "off_session",
                    "automatic_payment_methods": {"enabled": True},
                },
                keyed(key),
            ),
            _read_setup,
        )

    def cards(self, customer: str) -> Sequence[CardFound] | Rejected | Busy | Unknown:
        """The client's saved cards."""
        methods = self.connection.client.v1.customers.payment_methods
        return answered(
            lambda: methods.list(customer, {"type": "card", "limit": 100}),
            lambda values: tuple(read_card(card) for card in values["data"]),
        )

    def card(self, gateway_id: str) -> CardFound | Rejected | Busy | Unknown:
        """One saved card; its `customer` is None once it has been detached."""
        if not _METHOD_ID.fullmatch(gateway_id):
            return _NO_CARD
        methods = self.connection.client.v1.payment_methods
        return _only_a_card(answered(lambda: methods.retrieve(gateway_id), _read_method))

    def detach_card(self, gateway_id: str) -> CardFound | Rejected | Busy | Unknown:
        """Forget a card; one that was forgotten before stays so."""
        methods = self.connection.client.v1.payment_methods
        if not _METHOD_ID.fullmatch(gateway_id):
            return _NO_CARD
        outcome = _only_a_card(answered(lambda: methods.detach(gateway_id), _read_method))
        if isinstance(outcome, Rejected):
            now = self.card(gateway_id)
            return now if isinstance(now, CardFound) and now.customer is None else outcome
        return outcome

    def set_default_card(self, customer: str, card: str) -> CustomerFound | Rejected | Busy | Unknown:
        """Offer this card first."""
        customers = self.connection.client.v1.customers
        return answered(
            lambda: customers.update(customer, {"invoice_settings": {"default_payment_method": card}}),
            _read_customer,
        )


def read_client_secret(values: Json) -> Secret:
    """The secret of a session, with its end."""
    return Secret(values["client_secret"], from_epoch(values["expires_at"]))


def read_card(values: Json) -> CardFound:
    """A payment method that is a card, in our words."""
    card, customer = values["card"], values.get("customer")
    return CardFound(
        gateway_id=values["id"],
        brand=card["brand"],
        last4=card["last4"],
        expiry_month=card["exp_month"],
        expiry_year=card["exp_year"],
        wallet=(card.get("wallet") or {}).get("type"),
        fingerprint=card.get("fingerprint"),
        customer=customer["id"] if isinstance(customer, dict) else customer,
    )


def _read_method(values: Json) -> CardFound | None:
    # Bank debits and wallets of their own are saved as well; nothing here is shown or stored of them.
    return read_card(values) if values["type"] == "card" else None


def _only_a_card(
    outcome: CardFound | Rejected | Busy | Unknown | None,
) -> CardFound | Rejected | Busy | Unknown:
    return Rejected("not_a_card", "This is not a card.") if outcome is None else outcome


def _read_customer(values: Json) -> CustomerFound:
    return CustomerFound(values["id"])


def _read_setup(values: Json) -> SetupFound:
    return SetupFound(values["id"], Secret(values["client_secret"]))
