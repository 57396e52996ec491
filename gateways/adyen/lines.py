"""Adyen's transactions: every cent that was booked on a balance account, line by line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateways.adyen import ids
from gateways.adyen.chargebacks import KINDS as DISPUTED
from gateways.adyen.lists import FEES, instant, made_at, newest_first, transfers_between
from gateways.adyen.outcomes import answered
from gateways.adyen.transfers import plain
from gateways.contract import BalanceFound, BalanceLine, LineKind, LinesPage
from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.adyen.client import Connection, Json
    from gateways.contract import Busy, Rejected, Unknown

# Every type of a transfer there is; one that is not here is kept and shown as unknown.
KINDS = MappingProxyType(
    {
        LineKind.CHARGE: ("capture", "captureReversal", "payment"),
        LineKind.REFUND: ("refund", "refundReversal"),
        LineKind.DISPUTE: DISPUTED,
        LineKind.TRANSFER: ("internalTransfer",),
        LineKind.PAYOUT: ("bankTransfer",),
        LineKind.FEE: ("cashoutFee", "fee", "invoiceDeduction", "miscCost", "paymentCost"),
        LineKind.RESERVE: ("reserveAdjustment",),
        LineKind.OTHER: (
            "atmWithdrawal",
            "atmWithdrawalReversal",
            "balanceAdjustment",
            "balanceMigration",
            "balanceRollover",
            "bankDirectDebit",
            "capitalFundsCollection",
            "cardTransfer",
            "cashOutInstruction",
            "cashoutFunding",
            "cashoutRepayment",
            "depositCorrection",
            "grant",
            "installment",
            "installmentReversal",
            "internalDirectDebit",
            "leftover",
            "manualCorrection",
            "repayment",
        ),
    }
)
_KIND_OF = {type_: kind for kind, types in KINDS.items() for type_ in types}
# A transfer is made at most so long before it is booked, most of the time; the others are asked for one by one.
_BEFORE = timedelta(days=3)
_LATER = timedelta(seconds=1)
# Before Adyen had balance accounts, and after what its clock can be ahead.
_BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(hours=1)


class Lines:
    """What lies on a balance account, and its lines."""

    connection: Connection

    def balance(
        self, currency: str, *, account: str | None = None
    ) -> BalanceFound | Rejected | Busy | Unknown:
        """What lies on our balance account, or on a worker's; a currency that Adyen does not list is at zero."""
        accounts = self.connection.accounts.balance_accounts_api
        wanted = account or self.connection.balance_account
        return answered(
            lambda: read_balance(accounts.get_balance_account(plain(wanted)).message, currency, account)
        )

    def balance_lines(
        self, *, since: datetime | None, after: str | None, account: str | None = None
    ) -> LinesPage | Rejected | Busy | Unknown:
        """What was booked since then, newest first, from behind the line `after`."""
        wanted = account or self.connection.balance_account
        listing = self.connection.transfers.transactions_api.get_all_transactions

        def look() -> LinesPage:
            found, place = newest_first(
                listing,
                since=since or _BEGINNING,
                until=self.connection.now() + _AHEAD,
                after=after,
                balanceAccountId=wanted,
            )
            transfers = self._transfers(wanted, found)
            lines = [read_line(each, transfers.get(_transfer_of(each) or ""), account) for each in found]
            return LinesPage(tuple(lines), place)

        return answered(look)

    def _transfers(self, account: str, transactions: Sequence[Json]) -> Mapping[str, Json]:
        """The transfers of these transactions, which do not say what they are about themselves."""
        if not transactions:
            return {}
        instants = [made_at(each) for each in transactions]
        first, last = min(instants) - _BEFORE, max(instants) + _LATER
        # So few in so long a time are asked for one by one: Adyen lists transfers for six months at most.
        listed = transfers_between(self.connection, account, first, last) if last - first < ids.LISTED else ()
        found = {each["id"]: each for each in listed}
        transfers = self.connection.transfers.transfers_api
        for wanted in set(filter(None, map(_transfer_of, transactions))) - found.keys():
            found[wanted] = transfers.get_transfer(plain(wanted)).message
        return found


def read_line(transaction: Json, transfer: Json | None, account: str | None) -> BalanceLine:
    """A transaction in our words, with the transfer that it is part of; Adyen need not say of which."""
    transfer = transfer or {}
    kind, data = _kind(transfer, account), transfer.get("categoryData") or {}
    value = transaction["amount"]["value"]
    # What Adyen takes of a payment is a line beside the payment's; together they are what came.
    taken = -value if kind is not LineKind.FEE and data.get("platformPaymentType") in FEES else 0
    return BalanceLine(
        line_id=transaction["id"],
        kind=kind,
        type=str(transfer.get("type", "unknown")),
        gross_minor=value + taken,
        fee_minor=taken,
        net_minor=value,
        currency=transaction["amount"]["currency"],
        created_at=made_at(transaction),
        available_on=instant(transaction["valueDate"]),
        source=_source(kind, transfer, data),
        our_id=_our_id(kind, transfer, data),
        transfer=None,
    )


def read_balance(values: Json, currency: str, account: str | None) -> BalanceFound:
    """A balance in our words."""
    found = [each for each in values["balances"] if each["currency"] == currency]
    available = Money(sum(each["available"] for each in found), currency)
    pending = Money(sum(each.get("pending") or 0 for each in found), currency)
    # Whatever a worker has can go at once where their bank takes it; we pay nobody from our own.
    instant_ = available if account and available.amount_minor > 0 else Money.zero(currency)
    return BalanceFound(available=available, pending=pending, instant=instant_)


def _transfer_of(transaction: Json) -> str | None:
    return (transaction.get("transfer") or {}).get("id")


def _kind(transfer: Json, account: str | None) -> LineKind:
    if transfer.get("category") == "topUp":
        return LineKind.TOPUP
    kind = _KIND_OF.get(transfer.get("type", ""), LineKind.UNKNOWN)
    if kind is LineKind.REFUND and (transfer.get("categoryData") or {}).get("platformPaymentType") in FEES:
        # Nobody ordered what Adyen takes for giving back.
        return LineKind.FEE
    return LineKind.ARRIVAL if kind is LineKind.TRANSFER and account else kind


def _source(kind: LineKind, transfer: Json, data: Json) -> str | None:
    paid, psp = ids.ours(data.get("paymentMerchantReference"), "py"), data.get("modificationPspReference")
    if kind is LineKind.DISPUTE and paid and isinstance(psp, str):
        return ids.dispute_called(paid, psp)
    return transfer.get("id")


def _our_id(kind: LineKind, transfer: Json, data: Json) -> str | None:
    reference = transfer.get("reference")
    if kind is LineKind.CHARGE:
        return ids.ours(data.get("paymentMerchantReference"), "py")
    if kind is LineKind.REFUND:
        return ids.ours(reference, "rf")
    if kind in {LineKind.TRANSFER, LineKind.ARRIVAL}:
        return ids.ours(reference, "tr", "rv")
    return ids.ours(reference, "po") if kind is LineKind.PAYOUT else None
