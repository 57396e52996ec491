"""Balances: every cent that moves at Stripe is a balance transaction."""

import heapq
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal

from sandbox.agenda import due, schedule
from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.state import World

FundsHandler = Callable[[World, str], None]
_WAITING_FOR_FUNDS: list[FundsHandler] = []

_DECIMALS = {"jpy": 0, "krw": 0, "kwd": 3}
_REPORTED_AS = {
    "payment": "charge",
    "payment_refund": "refund",
    "transfer_refund": "transfer_reversal",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "adjustment": "dispute",
}


def book(
    world: World,
    account: str,
    kind: str,
    *,
    amount: int,
    currency: str,
    source: str | None,
    fee: int = 0,
    available_on: int | None = None,
    description: str | None = None,
    exchange_rate: str | None = None,
) -> Json:
    """Move money on an account; it is pending until `available_on`."""
    now = world.now()
    later = available_on is not None and available_on > now
    transaction: Json = {
        "id": world.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on if later else now,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": description,
        # A number on the wire, with the digits that somebody wrote.
        "exchange_rate": None if exchange_rate is None else float(exchange_rate),
        "fee": fee,
        "fee_details": _fee_details(fee, currency),
        "net": amount - fee,
        "reporting_category": _REPORTED_AS.get(kind, kind),
        "source": source,
        "status": "pending" if later else "available",
        "type": kind,
    }
    world.put(account, transaction)
    _purse(world, account, currency)[transaction["status"]] += transaction["net"]
    if later:
        schedule(world, at=transaction["available_on"], kind="settle", subject=transaction["id"])
    return transaction


def settles_in(world: World, amount: int, currency: str) -> tuple[int, str, str | None]:
    """What an amount is on the platform's balance: itself, or, where it has none of that currency, at today's rate."""
    conversion = world.data.get("conversions", {}).get(currency)
    if conversion is None:
        return amount, currency, None
    into, rate = conversion
    unit = Decimal(10) ** (decimals(into) - decimals(currency))
    changed = (amount * Decimal(rate) * unit).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return int(changed), into, rate


def decimals(currency: str) -> int:
    """How many decimals a currency has."""
    return _DECIMALS.get(currency, 2)


def restated(world: World, transaction: Json, *, amount: int) -> Json:
    """The same line over another amount, as if it had been so from the start."""
    difference = amount - transaction["amount"]
    transaction["amount"] += difference
    transaction["net"] += difference
    account = world.owner(transaction["id"])
    _purse(world, account, transaction["currency"])[transaction["status"]] += difference
    return transaction


def _fee_details(fee: int, currency: str) -> list[Json]:
    if not fee:
        return []
    return [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]


@due("settle")
def settle(world: World, transaction_id: str) -> None:
    """Pending money becomes available, together with all that ripens at the same moment."""
    account = world.owner(transaction_id)
    for ripe in [transaction_id, *_settling_now(world, account)]:
        _release(world, account, world.data["objects"][ripe])
    # A balance has no id that would lead to its owner.
    emit(world, "balance.available", balance(world, account), account=account)
    funds_arrived(world, account)


def _settling_now(world: World, account: str) -> Iterator[str]:
    agenda = world.data["agenda"]
    while agenda and agenda[0][0] == world.now() and agenda[0][2] == "settle":
        if world.owner(agenda[0][3]) != account:
            return
        yield heapq.heappop(agenda)[3]


def _release(world: World, account: str, transaction: Json) -> None:
    transaction["status"] = "available"
    purse = _purse(world, account, transaction["currency"])
    purse["pending"] -= transaction["net"]
    purse["available"] += transaction["net"]


def when_funds_arrive(handler: FundsHandler) -> FundsHandler:
    """Name a function that may proceed once an account has more available money."""
    _WAITING_FOR_FUNDS.append(handler)
    return handler


def funds_arrived(world: World, account: str) -> None:
    """Let everything that waited for money on this account try again."""
    for handler in _WAITING_FOR_FUNDS:
        handler(world, account)


def available(world: World, account: str, currency: str) -> int:
    """What the account could pay out now."""
    return _purse(world, account, currency)["available"]


def pending(world: World, account: str, currency: str) -> int:
    """What has been received but has not settled."""
    return _purse(world, account, currency)["pending"]


def require_available(world: World, account: str, *, amount: int, currency: str, message: str) -> None:
    """Refuse with `balance_insufficient` unless the account can cover the amount."""
    if available(world, account, currency) < amount:
        raise invalid(message, code="balance_insufficient")


def balance(world: World, account: str) -> Json:
    """The balance object of an account."""
    purses = {
        key.partition("/")[2]: purse
        for key, purse in world.data["balances"].items()
        if key.startswith(f"{account}/")
    } or {"usd": {"available": 0, "pending": 0}}
    shown: Json = {
        "object": "balance",
        "available": _amounts(purses, "available"),
        "livemode": False,
        "pending": _amounts(purses, "pending"),
    }
    if account == world.platform:
        shown["connect_reserved"] = [{"amount": 0, "currency": currency} for currency in purses]
    else:
        shown["instant_available"] = _amounts(
            {currency: {"available": max(purse["available"], 0)} for currency, purse in purses.items()},
            "available",
        )
    return shown


def _amounts(purses: Json, part: str) -> list[Json]:
    return [
        {"amount": purse[part], "currency": currency, "source_types": {"card": purse[part]}}
        for currency, purse in purses.items()
    ]


def _purse(world: World, account: str, currency: str) -> dict[str, int]:
    purse: dict[str, int] = world.data["balances"].setdefault(
        f"{account}/{currency}", {"available": 0, "pending": 0}
    )
    return purse


def processing_fee(world: World, amount: int) -> int:
    """What Stripe charges for a card payment, rounded to the nearest cent."""
    settings = world.settings
    return (amount * settings.fee_basis_points + 5_000) // 10_000 + settings.fee_fixed_minor


def spoken(amount: int, currency: str) -> str:
    """An amount the way Stripe's messages say it."""
    sign = {"usd": "$", "eur": "€", "gbp": "£"}.get(currency)
    figure = f"{amount / 100:,.2f}"
    return f"{sign}{figure}" if sign else f"{figure} {currency}"


def positive(amount: int, *, param: str = "amount") -> int:
    """The amount, if it is one that can be moved."""
    if amount < 1:
        raise _too_small(param)
    return amount


def _too_small(param: str) -> StripeError:
    return invalid(
        "This value must be greater than or equal to 1.",
        code="parameter_invalid_integer",
        param=param,
    )
