"""Moving released money into a worker's account at Stripe, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.contract import Rejected, ReversalFound, TransferFound
from gateways.stripe.amounts import from_stripe, to_stripe
from gateways.stripe.client import keyed
from gateways.stripe.outcomes import answered, our_id_of, searched
from kernel.time import from_epoch

if TYPE_CHECKING:
    from datetime import datetime

    from stripe.params import TransferCreateParams, TransferCreateReversalParams

    from gateways.contract import Busy, ReversalOrder, TransferOrder, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json

# A transfer out of a charge arrives at once but cannot be used before the charge itself has settled.
_WITH_LINES = ["balance_transaction", "source_transaction.balance_transaction"]


class Transfers:
    """Money on to the worker's account."""

    connection: Connection

    def create_transfer(self, order: TransferOrder) -> TransferFound | Rejected | Busy | Unknown:
        """Move released money; the same order twice moves once."""
        amount = to_stripe(order.amount)
        if isinstance(amount, Rejected):
            return amount
        params: TransferCreateParams = {
            "amount": amount,
            "currency": order.amount.currency.lower(),
            "destination": order.destination,
            "transfer_group": order.milestone_id,
            "metadata": {"holdfast_id": order.transfer_id, "milestone": order.milestone_id},
            "expand": _WITH_LINES,
        }
        if order.source_charge is not None:
            params["source_transaction"] = order.source_charge
        transfers = self.connection.client.v1.transfers
        return answered(lambda: transfers.create(params, keyed(order.key)), read_transfer)

    def find_transfer(self, order: TransferOrder) -> TransferFound | Rejected | Busy | Unknown | None:
        """The transfer that came of an order whose answer was lost."""
        transfers = self.connection.client.v1.transfers
        return searched(
            lambda: transfers.list(
                {
                    "transfer_group": order.milestone_id,
                    "limit": 100,
                    "expand": [f"data.{path}" for path in _WITH_LINES],
                }
            ).auto_paging_iter(),
            read_transfer,
            our_id=order.transfer_id,
        )

    def create_reversal(self, order: ReversalOrder) -> ReversalFound | Rejected | Busy | Unknown:
        """Take transferred money back; the same order twice takes once."""
        amount = to_stripe(order.amount)
        if isinstance(amount, Rejected):
            return amount
        params: TransferCreateReversalParams = {
            "amount": amount,
            "metadata": {"holdfast_id": order.reversal_id},
        }
        reversals = self.connection.client.v1.transfers.reversals
        return answered(lambda: reversals.create(order.transfer, params, keyed(order.key)), read_reversal)

    def find_reversal(self, order: ReversalOrder) -> ReversalFound | Rejected | Busy | Unknown | None:
        """The reversal that came of an order whose answer was lost."""
        reversals = self.connection.client.v1.transfers.reversals
        return searched(
            lambda: reversals.list(order.transfer, {"limit": 100}).auto_paging_iter(),
            read_reversal,
            our_id=order.reversal_id,
        )


def read_reversal(values: Json) -> ReversalFound:
    """A reversal in our words."""
    return ReversalFound(
        gateway_id=values["id"],
        amount=from_stripe(values["amount"], values["currency"]),
        reversal_id=our_id_of(values),
    )


def read_transfer(values: Json) -> TransferFound:
    """A transfer in our words."""
    return TransferFound(
        gateway_id=values["id"],
        amount=from_stripe(values["amount"], values["currency"]),
        available_on=_usable_from(values),
        transfer_id=our_id_of(values),
    )


def _usable_from(values: Json) -> datetime:
    source = values.get("source_transaction")
    lines = [
        values["balance_transaction"],
        source.get("balance_transaction") if isinstance(source, dict) else None,
    ]
    instants = [line["available_on"] for line in lines if isinstance(line, dict)]
    # Without any line it is usable from the start: nothing has to settle first.
    return from_epoch(max(instants, default=values["created"]))
