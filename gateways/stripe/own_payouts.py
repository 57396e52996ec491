"""Paying out from our own balance at Stripe to our own bank, and what an automatic payout carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import stripe

from gateways.contract import PayoutFound, Rejected
from gateways.stripe.amounts import from_stripe, to_stripe
from gateways.stripe.client import keyed
from gateways.stripe.outcomes import answered, outcome_of, searched, understood
from gateways.stripe.payouts import read_payout

if TYPE_CHECKING:
    from stripe.params import PayoutCreateParams

    from gateways.contract import Busy, OwnPayoutOrder, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json
    from kernel.money import Money

_MOST = 100


class OwnPayouts:
    """Money out to our own bank."""

    connection: Connection

    def create_own_payout(self, order: OwnPayoutOrder) -> PayoutFound | Rejected | Busy | Unknown:
        """Send money from our own balance to our bank; the same order twice sends once."""
        amount = to_stripe(order.amount)
        if isinstance(amount, Rejected):
            return amount
        params: PayoutCreateParams = {
            "amount": amount,
            "currency": order.amount.currency.lower(),
            "metadata": {"holdfast_id": order.payout_id},
        }
        payouts = self.connection.client.v1.payouts
        return answered(lambda: payouts.create(params, keyed(order.key)), read_payout)

    def own_payout(self, gateway_id: str) -> PayoutFound | Rejected | Busy | Unknown:
        """The payout now, whether or not we ordered it."""
        payouts = self.connection.client.v1.payouts
        return answered(lambda: payouts.retrieve(gateway_id), read_payout)

    def find_own_payout(self, order: OwnPayoutOrder) -> PayoutFound | Rejected | Busy | Unknown | None:
        """The payout that came of an order whose answer was lost."""
        payouts = self.connection.client.v1.payouts
        return searched(
            lambda: payouts.list({"limit": _MOST}).auto_paging_iter(), read_payout, our_id=order.payout_id
        )

    def carried_by(self, gateway_id: str, currency: str) -> Money | Rejected | Busy | Unknown:
        """What the lines add up to that an automatic payout carries, once it is complete.

        https://docs.stripe.com/api/balance_transactions/list: `payout` lists those of automatic payouts alone.
        """
        transactions = self.connection.client.v1.balance_transactions
        try:
            found = transactions.list({"payout": gateway_id, "limit": _MOST}).auto_paging_iter()
            lines = [line.to_dict() for line in found]
        except stripe.StripeError as error:
            return outcome_of(error)
        listed = {"object": "list of what a payout carries", "id": gateway_id, "lines": lines}
        return understood(listed, lambda values: _sum_of(values, currency))


def _sum_of(values: Json, currency: str) -> Money:
    # The payout's own line is among them.
    lines = [line for line in values["lines"] if line["source"] != values["id"]]
    if any(line["currency"] != currency.lower() for line in lines):
        raise ValueError("it carries lines in another currency than its own")
    return from_stripe(sum(line["net"] for line in lines), currency)
