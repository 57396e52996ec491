"""The whole adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import stripe

from gateways.stripe.accounts import Accounts
from gateways.stripe.cards import Cards
from gateways.stripe.chargebacks import Chargebacks
from gateways.stripe.events import Events
from gateways.stripe.lines import Lines
from gateways.stripe.own_payouts import OwnPayouts
from gateways.stripe.payments import Payments
from gateways.stripe.payouts import Payouts
from gateways.stripe.refunds import Refunds
from gateways.stripe.transfers import Transfers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateways.stripe.client import Connection


class StripeGateway(
    Payments, Cards, Refunds, Chargebacks, Accounts, Transfers, Payouts, OwnPayouts, Lines, Events
):
    """Stripe as `gateways.contract.Gateway`; `gateways.stripe.client.connect` makes its connection."""

    name = "stripe"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.livemode = connection.livemode

    def client_settings(self) -> Mapping[str, str]:
        """What the app needs to speak to Stripe itself."""
        return {"publishable_key": self.connection.publishable_key, "api_version": stripe.api_version}
