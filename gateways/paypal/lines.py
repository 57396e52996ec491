"""PayPal's transactions: every cent that moved on our balance, line by line, and what lies there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateways.contract import BalanceFound, BalanceLine, LineKind, LinesPage, Rejected
from gateways.paypal.amounts import from_paypal, minor_of
from gateways.paypal.outcomes import answered, ours, understood
from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.contract import Busy, Unknown
    from gateways.paypal.client import Connection
    from gateways.paypal.outcomes import Json

# PayPal's reports reach back three years, and tell of at most 31 days and ten thousand movements at once.
_REACH = timedelta(days=3 * 365)
_LONGEST = timedelta(days=31)
_SHORTEST = timedelta(minutes=1)
_TOO_MANY = "RESULTSET_TOO_LARGE"
_PAGE = 500

# By single codes, where a group of PayPal's holds different things of ours (T-codes of the transaction reports).
_BY_CODE = MappingProxyType(
    {
        "T0001": LineKind.PAYOUT,
        "T0104": LineKind.FEE,
        "T0106": LineKind.DISPUTE,
        "T0114": LineKind.DISPUTE,
        "T1105": LineKind.RESERVE,
        "T1106": LineKind.DISPUTE,
        "T1107": LineKind.REFUND,
        "T1110": LineKind.DISPUTE,
        "T1111": LineKind.DISPUTE,
        "T1114": LineKind.PAYOUT,
        "T1115": LineKind.PAYOUT,
        "T1201": LineKind.DISPUTE,
        "T1202": LineKind.DISPUTE,
    }
)
_BY_GROUP = MappingProxyType(
    {
        "T00": LineKind.CHARGE,
        "T01": LineKind.FEE,
        "T02": LineKind.OTHER,
        "T03": LineKind.TOPUP,
        "T04": LineKind.OTHER,
        "T12": LineKind.OTHER,
        "T15": LineKind.RESERVE,
        "T19": LineKind.OTHER,
        "T20": LineKind.OTHER,
        "T21": LineKind.RESERVE,
    }
)
# What PayPal takes for the trouble of a dispute comes by a line of its own, and is a fee.
_DISPUTE_FEES = ("T0106", "T0114")
_CONVERSIONS = "T02"
# What is held and let go again is told twice under one id.
_HOLDS = ("T1105", "T1110", "T1111", "T15", "T21")
_OURS = MappingProxyType({LineKind.CHARGE: "py_", LineKind.REFUND: "rf_", LineKind.PAYOUT: "po_"})
# What was reversed later has moved as well, and what reversed it is a line of its own.
_HAS_MOVED = ("S", "V")
# An e-check is reported once it has come, with the day on which it began.
_LONGEST_PENDING = timedelta(days=14)


# Reports tell whole seconds and disputes thousandths of them.
_SAME_MOMENT = timedelta(minutes=1)
# What a bank takes is booked before PayPal has made a dispute of it.
BEFORE_A_DISPUTE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reported:
    """What moved, oldest first, as far as PayPal's reports were written at that time."""

    lines: tuple[BalanceLine, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some time of which PayPal is asked, at most 31 days."""

    begins: datetime
    ends: datetime

    @property
    def written(self) -> str:
        """The stretch as a place in a list."""
        return f"{int(self.begins.timestamp())}-{int(self.ends.timestamp())}"

    @classmethod
    def read(cls, written: str) -> Stretch:
        """The stretch at that place."""
        begins, ends = (datetime.fromtimestamp(int(each), UTC) for each in written.split("-"))
        return cls(begins, ends)


class Lines:
    """The lines of our balance, and the balance."""

    connection: Connection

    def balance(
        self, currency: str, *, account: str | None = None
    ) -> BalanceFound | Rejected | Busy | Unknown:
        """What lay at PayPal in one currency when its list was last written, so that it is what its lines add up to.

        Held money is told as gone, as its lines tell it; nothing is pending.
        """
        if account is not None:
            return _no_accounts()
        upto = self._reported_until()
        if not isinstance(upto, datetime):
            return upto
        query = {"currency_code": currency, "as_of_time": _written(upto)}
        return answered(
            lambda: self.connection.ask("GET", "/v1/reporting/balances", params=query),
            lambda values: read_balance(values, currency),
        )

    def balance_lines(
        self, *, since: datetime | None, after: str | None, account: str | None = None
    ) -> LinesPage | Rejected | Busy | Unknown:
        """The lines made since then, newest first, a stretch of time after the other: a page of them may be empty.

        It begins some days earlier, for what was pending then.
        """
        if account is not None:
            return _no_accounts()
        upto = Stretch.read(after).ends if after is not None else self._reported_until()
        if not isinstance(upto, datetime):
            return upto
        if after is not None:
            return self._page(Stretch(Stretch.read(after).begins, upto))
        earliest = upto - _REACH if since is None else since - _LONGEST_PENDING
        page = self._page(Stretch(earliest, upto)) if earliest < upto else LinesPage((), None)
        return replace(page, written_until=upto) if isinstance(page, LinesPage) else page

    def transactions(self, stretch: Stretch) -> list[Json] | Rejected | Busy | Unknown:
        """Everything of a stretch as PayPal reports it, in no order."""
        found: list[Json] = []
        page, pages = 1, 1
        while page <= pages:
            query = {
                "start_date": _written(stretch.begins),
                "end_date": _written(stretch.ends),
                "fields": "transaction_info",
                "page_size": str(_PAGE),
                "page": str(page),
            }
            answer = self._report(query)
            if not isinstance(answer, dict):
                return answer
            found += [each["transaction_info"] for each in answer.get("transaction_details") or []]
            page, pages = page + 1, int(answer.get("total_pages") or 1)
        return found

    def disputes_about(self, capture: str) -> list[Json] | Rejected | Busy | Unknown:
        """The disputes about a capture, in no order."""
        query = {"disputed_transaction_id": capture}
        return answered(lambda: self.connection.ask("GET", "/v1/customer/disputes", params=query), _items)

    def _report(self, query: dict[str, str]) -> Json | Rejected | Busy | Unknown:
        return answered(
            lambda: self.connection.ask("GET", "/v1/reporting/transactions", params=query), _as_it_is
        )

    def _reported_until(self) -> datetime | Rejected | Busy | Unknown:
        # PayPal's own time, up to which its reports are written.
        return answered(lambda: self.connection.ask("GET", "/v1/reporting/balances"), _refreshed)

    def dispute_lines(self, capture: str, *, since: datetime) -> Reported | Rejected | Busy | Unknown:
        """What moved for disputes about a capture since then, each with its dispute."""
        written = self._reported_until()
        if not isinstance(written, datetime):
            return written
        lines: dict[str, BalanceLine] = {}
        until = written
        while since < until:
            found = self._fitting(Stretch(since, until))
            if not isinstance(found, tuple):
                return found
            stretch, reported = found
            about = [each for each in reported if each.kind is LineKind.DISPUTE and each.source == capture]
            named = self._named(about, all_told=True)
            if not isinstance(named, list):
                return named
            lines |= {line.line_id: line for line in named}
            until = stretch.begins
        return Reported(tuple(sorted(lines.values(), key=_made_at)), written)

    def _page(self, wanted: Stretch) -> LinesPage | Rejected | Busy | Unknown:
        found = self._fitting(wanted)
        if not isinstance(found, tuple):
            return found
        stretch, reported = found
        named = self._named(reported, all_told=False)
        if not isinstance(named, list):
            return named
        # PayPal begins with the oldest, and many are of one second.
        named = sorted(named, key=_made_at)[::-1]
        # A second belongs to both stretches rather than to neither; a line that comes twice is one line.
        left = Stretch(wanted.begins, stretch.begins) if stretch.begins > wanted.begins else None
        return LinesPage(tuple(named), None if left is None else left.written)

    def _fitting(self, wanted: Stretch) -> tuple[Stretch, list[BalanceLine]] | Rejected | Busy | Unknown:
        """The lines of the last part of a stretch that is as long as PayPal reports at once, and that part."""
        stretch = Stretch(max(wanted.begins, wanted.ends - _LONGEST), wanted.ends)
        found = self.transactions(stretch)
        while isinstance(found, Rejected) and found.code == _TOO_MANY and _length(stretch) > _SHORTEST:
            stretch = Stretch(stretch.ends - _length(stretch) / 2, stretch.ends)
            found = self.transactions(stretch)
        return (stretch, read_lines(found)) if isinstance(found, list) else found

    def _named(
        self, lines: Sequence[BalanceLine], *, all_told: bool
    ) -> list[BalanceLine] | Rejected | Busy | Unknown:
        named = []
        for line in lines:
            found = self._of_its_dispute(line) if line.kind is LineKind.DISPUTE else self._of_its_refund(line)
            if not all_told and isinstance(found, Rejected) and not (found.at_the_door or found.temporary):
                # One that PayPal tells nothing about is for a person to look at, and keeps none of the others away.
                found = replace(line, kind=LineKind.OTHER)
            if not isinstance(found, BalanceLine):
                return found
            named.append(found)
        return named

    def _of_its_dispute(self, line: BalanceLine) -> BalanceLine | Rejected | Busy | Unknown:
        """PayPal reports what a dispute moved with the capture it is about, and not with the dispute."""
        disputes = [] if line.source is None else self.disputes_about(line.source)
        return _of_the_latest(line, disputes) if isinstance(disputes, list) else disputes

    def _of_its_refund(self, line: BalanceLine) -> BalanceLine | Rejected | Busy | Unknown:
        """Should a report name the payment where the refund is meant, the refund itself says what it is."""
        if line.kind is not LineKind.REFUND or line.our_id is not None:
            return line
        payments = self.connection.sdk.payments
        found = answered(
            lambda: self.connection.by_sdk(lambda: payments.get_refund({"refund_id": line.line_id})),
            lambda values: replace(line, our_id=_our_id(line.kind, values.get("custom_id"))),
        )
        return line if isinstance(found, Rejected) and not found.at_the_door else found


def read_lines(reported: Sequence[Json]) -> list[BalanceLine]:
    """Those transactions in our words that have moved something."""
    return [line for each in reported for line in understood(each, _lines_that_moved)]


def _lines_that_moved(info: Json) -> Sequence[BalanceLine]:
    if info["transaction_status"] not in _HAS_MOVED:
        return ()
    line = read_line(info)
    if line.kind is not LineKind.PAYOUT or not line.fee_minor:
        return (line,)
    # What a payout costs is nothing that was ordered and no part of what its worker gets: a bill, by a line of its own.
    sent = replace(line, fee_minor=0, net_minor=line.gross_minor)
    bill = replace(line, line_id=f"{line.line_id}.fee", kind=LineKind.FEE, our_id=None)
    return (sent, replace(bill, gross_minor=0, net_minor=-line.fee_minor))


def read_line(info: Json) -> BalanceLine:
    """A transaction in our words."""
    gross, currency = minor_of(info["transaction_amount"])
    fee = -minor_of(info["fee_amount"])[0] if "fee_amount" in info else 0
    code, transaction = info["transaction_event_code"], info["transaction_id"]
    kind = _BY_CODE.get(code) or _BY_GROUP.get(code[:3], LineKind.UNKNOWN)
    if code in _DISPUTE_FEES:
        gross, fee = 0, -gross + fee
    moment = datetime.fromisoformat(info["transaction_initiation_date"])
    return BalanceLine(
        line_id=f"{transaction}.{code}" if code.startswith(_HOLDS) else transaction,
        kind=kind,
        type=code,
        gross_minor=gross,
        fee_minor=fee,
        net_minor=gross - fee,
        currency=currency,
        created_at=moment,
        available_on=moment,
        source=info.get("paypal_reference_id") if kind is LineKind.DISPUTE else transaction,
        our_id=_our_id(kind, info.get("custom_field")),
        # What was changed into another currency for a payment or a refund is a part of that.
        transfer=info.get("paypal_reference_id") if code.startswith(_CONVERSIONS) else None,
    )


def read_balance(values: Json, currency: str) -> BalanceFound:
    """A balance in our words; a currency PayPal does not list is at zero."""
    none = Money.zero(currency)
    there = [each for each in values.get("balances") or [] if each["currency"] == currency]
    available = from_paypal(there[0].get("available_balance") or there[0]["total_balance"]) if there else none
    return BalanceFound(available=available, pending=none, instant=none)


def _of_the_latest(line: BalanceLine, disputes: Sequence[Json]) -> BalanceLine:
    # Of several the earlier one may have moved it; of a single one it can only be the beginning.
    early = BEFORE_A_DISPUTE if len(disputes) == 1 else _SAME_MOMENT
    begun = [each for each in disputes if _began_at(each) <= line.created_at + early]
    if not begun:
        # A payment that PayPal or a bank reversed without one; nobody here has ordered it.
        return replace(line, kind=LineKind.OTHER)
    return replace(line, source=max(begun, key=_began_at)["dispute_id"])


def _began_at(dispute: Json) -> datetime:
    return datetime.fromisoformat(dispute["create_time"])


def _our_id(kind: LineKind, custom: str | None) -> str | None:
    # A refund may carry the name of the payment it is of.
    return ours(_OURS[kind], custom) if kind in _OURS else None


def _no_accounts() -> Rejected:
    return Rejected("no_accounts", "PayPal keeps no accounts of workers for us.")


def _as_it_is(values: Json) -> Json:
    return values


def _items(values: Json) -> list[Json]:
    return list(values.get("items") or [])


def _refreshed(values: Json) -> datetime:
    return datetime.fromisoformat(values.get("last_refresh_time") or values["as_of_time"])


def _made_at(line: BalanceLine) -> datetime:
    return line.created_at


def _length(stretch: Stretch) -> timedelta:
    return stretch.ends - stretch.begins


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
