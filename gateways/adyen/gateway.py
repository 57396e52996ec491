"""The whole adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.adyen.chargebacks import Chargebacks
from gateways.adyen.events import Events
from gateways.adyen.lines import Lines
from gateways.adyen.payments import Payments
from gateways.adyen.payouts import Payouts
from gateways.adyen.refunds import Refunds
from gateways.adyen.transfers import Transfers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateways.adyen.client import Connection


class AdyenGateway(Payments, Refunds, Chargebacks, Payouts, Transfers, Lines, Events):
    """Adyen as `gateways.contract.PaysIn` and `PaysOut`; `gateways.adyen.client.connect` makes its connection."""

    name = "adyen"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.livemode = connection.livemode

    def client_settings(self) -> Mapping[str, str]:
        """What the app needs to speak to Adyen itself."""
        environment = "live" if self.livemode else "test"
        return {"client_key": self.connection.client_key, "environment": environment}
