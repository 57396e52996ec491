"""Paying out from a worker's account at Stripe to the worker's bank, and what lies there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateways.contract import BalanceFound, PayoutFound, PayoutMethod, PayoutState, Rejected
from gateways.stripe.amounts import from_stripe, to_stripe
from gateways.stripe.client import keyed, on
from gateways.stripe.outcomes import answered, our_id_of, searched
from kernel.time import from_epoch

if TYPE_CHECKING:
    from stripe.params import PayoutCreateParams

    from gateways.contract import Busy, PayoutOrder, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json
    from kernel.money import Money

_STATES = {
    "pending": PayoutState.PENDING,
    "in_transit": PayoutState.IN_TRANSIT,
    "paid": PayoutState.PAID,
    "failed": PayoutState.FAILED,
    "canceled": PayoutState.CANCELED,
}


class Payouts:
    """Money out to banks."""

    connection: Connection
    payouts_last = timedelta(days=10)

    def create_payout(self, order: PayoutOrder) -> PayoutFound | Rejected | Busy | Unknown:
        """Send money to the worker's bank; the same order twice sends once."""
        amount = to_stripe(order.amount)
        if isinstance(amount, Rejected):
            return amount
        params: PayoutCreateParams = {
            "amount": amount,
            "currency": order.amount.currency.lower(),
            "metadata": {"holdfast_id": order.payout_id},
        }
        if order.method is PayoutMethod.INSTANT:
            # Said only where it matters: an order from before there was a choice has the same words under its key.
            params["method"] = "instant"
        payouts = self.connection.client.v1.payouts
        options = keyed(order.key, account=order.account)
        return answered(lambda: payouts.create(params, options), read_payout)

    def payout(self, account: str, gateway_id: str) -> PayoutFound | Rejected | Busy | Unknown:
        """The payout now."""
        payouts = self.connection.client.v1.payouts
        return answered(lambda: payouts.retrieve(gateway_id, options=on(account)), read_payout)

    def find_payout(self, order: PayoutOrder) -> PayoutFound | Rejected | Busy | Unknown | None:
        """The payout that came of an order whose answer was lost."""
        payouts = self.connection.client.v1.payouts
        return searched(
            lambda: payouts.list({"limit": 100}, on(order.account)).auto_paging_iter(),
            read_payout,
            our_id=order.payout_id,
        )

    def balance(
        self, currency: str, *, account: str | None = None
    ) -> BalanceFound | Rejected | Busy | Unknown:
        """What lies at Stripe in one currency, for us or for one worker's account."""
        balance = self.connection.client.v1.balance
        return answered(
            lambda: balance.retrieve(options=on(account)), lambda values: read_balance(values, currency)
        )


def read_payout(values: Json) -> PayoutFound:
    """A payout in our words."""
    trace = values.get("trace_id") or {}
    return PayoutFound(
        gateway_id=values["id"],
        state=_STATES[values["status"]],
        amount=from_stripe(values["amount"], values["currency"]),
        arrives_on=from_epoch(values["arrival_date"]),
        trace_id=trace.get("value"),
        failure_code=values.get("failure_code"),
        failure_message=values.get("failure_message"),
        payout_id=our_id_of(values),
        automatic=values["automatic"],
        complete=values["reconciliation_status"] == "completed",
    )


def read_balance(values: Json, currency: str) -> BalanceFound:
    """A balance in our words; a currency Stripe does not list is at zero."""
    return BalanceFound(
        available=_sum_of(values["available"], currency),
        pending=_sum_of(values["pending"], currency),
        # Left out where nothing can be paid out instantly.
        instant=_sum_of(values.get("instant_available") or [], currency),
    )


def _sum_of(lines: list[Json], currency: str) -> Money:
    amounts = [line["amount"] for line in lines if line["currency"] == currency.lower()]
    return from_stripe(sum(amounts), currency)
