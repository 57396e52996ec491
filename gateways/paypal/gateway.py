"""The whole adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.paypal.accounts import Accounts
from gateways.paypal.chargebacks import Chargebacks
from gateways.paypal.customers import Customers
from gateways.paypal.events import Events
from gateways.paypal.payments import Payments
from gateways.paypal.payouts import Payouts
from gateways.paypal.refunds import Refunds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateways.paypal.client import Connection


class PayPalGateway(Customers, Payments, Refunds, Chargebacks, Accounts, Payouts, Events):
    """PayPal as `gateways.contract.Captures` and `PaysOut`; `gateways.paypal.client.connect` makes its connection."""

    name = "paypal"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.livemode = connection.livemode

    def client_settings(self) -> Mapping[str, str]:
        """What the app needs to speak to PayPal itself."""
        mode = "live" if self.livemode else "sandbox"
        return {"client_id": self.connection.client_id, "environment": mode}
