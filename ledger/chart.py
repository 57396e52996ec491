"""The chart of accounts: every place where money can be, and no other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Side(Enum):
    """The two columns of the books."""

    DEBIT = "debit"
    CREDIT = "credit"

    @property
    def opposite(self) -> Side:
        """The other column."""
        return Side.CREDIT if self is Side.DEBIT else Side.DEBIT


@dataclass(frozen=True, slots=True)
class Account:
    """A place for money of one currency; `normal` is the side that makes it grow.

    An account with a `floor` may not go below zero, holds included. A `shared` one is touched by everybody's
    transactions and is kept in lanes, so that nobody waits for it; a floor needs one row, so no account is both.
    """

    code: str
    currency: str
    normal: Side
    floor: bool
    shared: bool

    def __post_init__(self) -> None:
        assert not (self.floor and self.shared), "a floor cannot be watched in lanes"

    def __hash__(self) -> int:
        # The code says nearly everything, and a text remembers its hash.
        return hash(self.code)

    @property
    def row_id(self) -> bytes:
        """The sixteen bytes the account's rows hang on, derived so that nobody has to look them up."""
        return row_id(self.code, self.currency)


# Whose money moves once, moves again soon.
@lru_cache(maxsize=16_384)
def row_id(code: str, currency: str) -> bytes:
    """The sixteen bytes that stand for the account of this code and currency in the database."""
    return sha256(f"{code}|{currency}".encode("ascii")).digest()[:16]


def gateway_pending(gateway: str, currency: str) -> Account:
    """Our money at the gateway that has not settled yet."""
    return _shared(f"assets:gateway:{gateway}:pending", currency, Side.DEBIT)


def gateway_available(gateway: str, currency: str) -> Account:
    """Our money at the gateway that can be moved today."""
    return _shared(f"assets:gateway:{gateway}:available", currency, Side.DEBIT)


def connected(gateway: str, user_id: str, currency: str) -> Account:
    """Money already moved to the worker's own account at the gateway."""
    return _personal(f"assets:gateway:{gateway}:connected:{user_id}", currency, Side.DEBIT)


def conversion(gateway: str, currency: str) -> Account:
    """What the gateway changed of this currency into another, less what it changed into this: open until it is back.

    It is no money anywhere. In the one currency it says what is missing because of that, in the other what is over.
    """
    return _shared(f"assets:conversion:{gateway}", currency, Side.DEBIT)


def receivable(user_id: str, currency: str) -> Account:
    """What a worker owes us after a clawback; we cannot take back more than is owed, hence the floor."""
    return _floored(f"assets:receivable:{user_id}", currency, Side.DEBIT)


def bank(currency: str) -> Account:
    """What gateways have paid out to us; what becomes of it at our bank is told by other books."""
    return _shared("assets:bank:arrived", currency, Side.DEBIT)


def bank_in_transit(currency: str) -> Account:
    """Payouts of ours that have left a gateway, or are about to, and that our bank does not have yet."""
    return _shared("assets:bank:in_transit", currency, Side.DEBIT)


def escrow(milestone_id: str, currency: str) -> Account:
    """Money held for one milestone."""
    return _floored(f"liabilities:escrow:{milestone_id}", currency, Side.CREDIT)


def owed(milestone_id: str, currency: str) -> Account:
    """Refunds of one milestone that came back: the client's money, apart from the hold, until it is sent again."""
    return _floored(f"liabilities:owed:{milestone_id}", currency, Side.CREDIT)


def wallet(user_id: str, currency: str) -> Account:
    """Money released to a worker and not yet withdrawn."""
    return _floored(f"liabilities:wallet:{user_id}", currency, Side.CREDIT)


def left_with(user_id: str, currency: str) -> Account:
    """The worker's money at an account of theirs that has left us: it is out of our reach, and theirs to fetch."""
    return _floored(f"liabilities:left:{user_id}", currency, Side.CREDIT)


def payouts_in_transit(currency: str) -> Account:
    """Payouts that were sent and are not yet confirmed by the gateway."""
    return _shared("liabilities:payouts:in_transit", currency, Side.CREDIT)


def refunds_in_transit(currency: str) -> Account:
    """Refunds that were ordered and are not yet confirmed by the gateway."""
    return _shared("liabilities:refunds:in_transit", currency, Side.CREDIT)


def withholding_federal(currency: str) -> Account:
    """Federal tax withheld from workers and not yet deposited."""
    return _shared("liabilities:withholding:federal", currency, Side.CREDIT)


def withholding_state(state: str, currency: str) -> Account:
    """Tax of one state withheld from workers and not yet deposited."""
    return _shared(f"liabilities:withholding:state:{state}", currency, Side.CREDIT)


def suspense(gateway: str, currency: str) -> Account:
    """Money in a line of the gateway that nobody has explained yet; it may turn out to go either way."""
    return _shared(f"liabilities:suspense:{gateway}", currency, Side.CREDIT)


def client_fees(currency: str) -> Account:
    """What clients pay us on top of the price."""
    return _shared("income:fees:client", currency, Side.CREDIT)


def worker_fees(currency: str) -> Account:
    """What we keep of what workers earn."""
    return _shared("income:fees:worker", currency, Side.CREDIT)


def payout_fees(currency: str) -> Account:
    """What workers pay us for a withdrawal."""
    return _shared("income:fees:payout", currency, Side.CREDIT)


def gateway_fees(currency: str) -> Account:
    """What the gateways charge us for processing and converting."""
    return _shared("expenses:gateway_fees", currency, Side.DEBIT)


def chargebacks(currency: str) -> Account:
    """What we lost to chargebacks that nobody else bears."""
    return _shared("expenses:chargebacks", currency, Side.DEBIT)


def chargeback_fees(currency: str) -> Account:
    """What the gateways charge us for handling chargebacks."""
    return _shared("expenses:chargeback_fees", currency, Side.DEBIT)


def goodwill(currency: str) -> Account:
    """What we paid without owing it."""
    return _shared("expenses:goodwill", currency, Side.DEBIT)


def exchange(currency: str) -> Account:
    """What was lost between changing into another currency and back; below zero, what was gained."""
    return _shared("expenses:exchange", currency, Side.DEBIT)


# Every code there is; what stands at a star names a gateway, a person, a milestone or a state.
_PLACES: dict[tuple[str, ...], Callable[..., Account]] = {
    ("assets", "gateway", "*", "pending"): gateway_pending,
    ("assets", "gateway", "*", "available"): gateway_available,
    ("assets", "gateway", "*", "connected", "*"): connected,
    ("assets", "conversion", "*"): conversion,
    ("assets", "receivable", "*"): receivable,
    ("assets", "bank", "arrived"): bank,
    ("assets", "bank", "in_transit"): bank_in_transit,
    ("liabilities", "escrow", "*"): escrow,
    ("liabilities", "owed", "*"): owed,
    ("liabilities", "wallet", "*"): wallet,
    ("liabilities", "left", "*"): left_with,
    ("liabilities", "payouts", "in_transit"): payouts_in_transit,
    ("liabilities", "refunds", "in_transit"): refunds_in_transit,
    ("liabilities", "withholding", "federal"): withholding_federal,
    ("liabilities", "withholding", "state", "*"): withholding_state,
    ("liabilities", "suspense", "*"): suspense,
    ("income", "fees", "client"): client_fees,
    ("income", "fees", "worker"): worker_fees,
    ("income", "fees", "payout"): payout_fees,
    ("expenses", "gateway_fees"): gateway_fees,
    ("expenses", "chargebacks"): chargebacks,
    ("expenses", "chargeback_fees"): chargeback_fees,
    ("expenses", "goodwill"): goodwill,
    ("expenses", "exchange"): exchange,
}


@lru_cache(maxsize=4_096)
def named(code: str, currency: str) -> Account | None:
    """The account with this code, floor and all; None where the chart has no such place."""
    parts = code.split(":")
    for pattern, place in _PLACES.items():
        if len(pattern) == len(parts) and all(map(_fits, pattern, parts)):
            return place(*(part for star, part in zip(pattern, parts, strict=True) if star == "*"), currency)
    return None


def _fits(pattern: str, part: str) -> bool:
    return bool(part) and pattern in {"*", part}


# A few, met in almost every entry.
@lru_cache(maxsize=1_024)
def _shared(code: str, currency: str, normal: Side) -> Account:
    return Account(code, currency, normal, floor=False, shared=True)


def _personal(code: str, currency: str, normal: Side) -> Account:
    return Account(code, currency, normal, floor=False, shared=False)


def _floored(code: str, currency: str, normal: Side) -> Account:
    return Account(code, currency, normal, floor=True, shared=False)
