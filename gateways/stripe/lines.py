"""Stripe's balance transactions: every cent that moved on a balance, line by line."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import stripe

from gateways.contract import BalanceLine, LineKind, LinesPage
from gateways.stripe.client import on
from gateways.stripe.outcomes import our_id_of, outcome_of, understood
from kernel.time import from_epoch

if TYPE_CHECKING:
    from datetime import datetime

    from stripe.params import BalanceTransactionListParams

    from gateways.contract import Busy, Rejected, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json

_MOST = 100

# Every type of Stripe's there is; one that is not here is kept and shown as unknown.
KINDS = MappingProxyType(
    {
        LineKind.CHARGE: ("charge", "payment"),
        LineKind.REFUND: (
            "payment_failure_refund",
            "payment_refund",
            "payment_reversal",
            "refund",
            "refund_failure",
        ),
        LineKind.TRANSFER: ("transfer", "transfer_cancel", "transfer_failure", "transfer_refund"),
        LineKind.PAYOUT: ("payout", "payout_cancel", "payout_failure"),
        LineKind.DISPUTE: ("adjustment",),
        LineKind.FEE: (
            "stripe_balance_payment_debit",
            "stripe_balance_payment_debit_reversal",
            "stripe_fee",
            "stripe_fx_fee",
            "tax_fee",
        ),
        LineKind.TOPUP: ("topup", "topup_reversal"),
        LineKind.RESERVE: (
            "payment_network_reserve_hold",
            "payment_network_reserve_release",
            "payout_minimum_balance_hold",
            "payout_minimum_balance_release",
            "reserve_hold",
            "reserve_release",
            "reserve_transaction",
            "reserved_funds",
        ),
        LineKind.OTHER: (
            "advance",
            "advance_funding",
            "anticipation_repayment",
            "application_fee",
            "application_fee_refund",
            "climate_order_purchase",
            "climate_order_refund",
            "connect_collection_transfer",
            "contribution",
            "fee_credit_funding",
            "inbound_transfer",
            "inbound_transfer_reversal",
            "issuing_authorization_hold",
            "issuing_authorization_release",
            "issuing_dispute",
            "issuing_dispute_provisional_credit",
            "issuing_dispute_provisional_credit_reversal",
            "issuing_transaction",
            "obligation_outbound",
            "obligation_reversal_inbound",
            "payment_unreconciled",
            "tax_fund",
        ),
    }
)
_KIND_OF = {type_: kind for kind, types in KINDS.items() for type_ in types}


class Lines:
    """The lines of a balance."""

    connection: Connection

    def balance_lines(
        self, *, since: datetime | None, after: str | None, account: str | None = None
    ) -> LinesPage | Rejected | Busy | Unknown:
        """The lines made since then, newest first, from behind the line `after`."""
        params: BalanceTransactionListParams = {"limit": _MOST, "expand": ["data.source"]}
        if since is not None:
            params["created"] = {"gte": int(since.timestamp())}
        if after is not None:
            params["starting_after"] = after
        transactions = self.connection.client.v1.balance_transactions
        try:
            page = transactions.list(params, on(account))
        except stripe.StripeError as error:
            return outcome_of(error)
        lines = tuple(understood(line.to_dict(), read_line) for line in page.data)
        return LinesPage(lines, lines[-1].line_id if lines and page.has_more else None)


def read_line(values: Json) -> BalanceLine:
    """A balance transaction in our words."""
    source = values.get("source")
    about: Json = source if isinstance(source, dict) else {"id": source}
    return BalanceLine(
        line_id=values["id"],
        kind=_kind(values["type"], about),
        type=values["type"],
        gross_minor=values["amount"],
        fee_minor=values["fee"],
        net_minor=values["net"],
        currency=values["currency"].upper(),
        created_at=from_epoch(values["created"]),
        available_on=from_epoch(values["available_on"]),
        source=about.get("id"),
        our_id=our_id_of(about),
        transfer=_transfer(about),
    )


def _kind(type_: str, about: Json) -> LineKind:
    kind = _KIND_OF.get(type_, LineKind.UNKNOWN)
    # A payment on a worker's account is a transfer of ours coming in; the same word is used for bank debits.
    if kind is LineKind.CHARGE and about.get("source_transfer"):
        return LineKind.ARRIVAL
    if kind is LineKind.REFUND and about.get("source_transfer_reversal"):
        return LineKind.ARRIVAL
    # Stripe corrects its own mistakes under the same word.
    if kind is LineKind.DISPUTE and about.get("object") != "dispute":
        return LineKind.OTHER
    return kind


def _transfer(about: Json) -> str | None:
    if about.get("object") == "transfer_reversal":
        return str(about["transfer"])
    came_of: str | None = about.get("source_transfer") or about.get("source_transfer_reversal")
    return came_of
