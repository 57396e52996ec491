"""What moved on the merchant's balance: PayPal's transactions, and what they add up to."""

from decimal import ROUND_HALF_UP, Decimal

from sandbox.paypal.amounts import decimals, said
from sandbox.paypal.state import World
from sandbox.world import Json


def book(
    world: World,
    code: str,
    gross: int,
    currency: str,
    *,
    fee: int = 0,
    line_id: str | None = None,
    reference: str | None = None,
    reference_type: str = "TXN",
    custom: str | None = None,
    invoice: str | None = None,
    begun: str | None = None,
) -> Json:
    """Write a movement: `gross` with its sign, `fee` what PayPal keeps of it, `begun` when it was first worked on."""
    info: Json = {
        "transaction_id": line_id or world.new_id(),
        "transaction_event_code": code,
        "transaction_initiation_date": begun or world.instant(),
        "transaction_updated_date": world.instant(),
        "transaction_amount": said(gross, currency),
        "transaction_status": "S",
        "protection_eligibility": "02",
    }
    if fee:
        info["fee_amount"] = said(-fee, currency)
    if reference:
        info |= {"paypal_reference_id": reference, "paypal_reference_id_type": reference_type}
    if custom:
        info["custom_field"] = custom
    if invoice:
        info["invoice_id"] = invoice
    line = {
        "at": world.now(),
        "currency": currency,
        "net": gross - fee,
        "info": info,
    }
    world.data["lines"].append(line)
    total = balance(world, currency)
    info |= {"ending_balance": said(total, currency), "available_balance": said(total, currency)}
    world.touch()
    return info


def restate(world: World, line_id: str, status: str) -> None:
    """A movement is in force (`S`), or was fully reversed by another one (`V`)."""
    for line in world.data["lines"]:
        if line["info"]["transaction_id"] == line_id:
            line["info"] |= {"transaction_status": status, "transaction_updated_date": world.instant()}


def balance(world: World, currency: str, *, until: float | None = None) -> int:
    """What lies there in a currency."""
    return sum(
        line["net"]
        for line in world.data["lines"]
        if line["currency"] == currency and (until is None or line["at"] <= until)
    )


def currencies(world: World) -> list[str]:
    """The currencies that anything ever moved in."""
    return sorted({"USD"} | {line["currency"] for line in world.data["lines"]})


def changed(world: World, minor: int, currency: str) -> tuple[int, str, str] | None:
    """An amount in the currency that the merchant holds in its place, and the rate; None where its own is held."""
    conversion = world.data.get("conversions", {}).get(currency)
    if conversion is None:
        return None
    into, rate = conversion
    unit = Decimal(10) ** (decimals(into) - decimals(currency))
    amount = (minor * Decimal(rate) * unit).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return int(amount), into, rate


def convert(world: World, minor: int, currency: str, *, reference: str) -> Json | None:
    """Change what came of a payment, or below zero what is needed for a refund; what PayPal says of it."""
    found = changed(world, abs(minor), currency)
    if found is None:
        return None
    amount, into, rate = found
    sign = 1 if minor > 0 else -1
    book(world, "T0200", -minor, currency, reference=reference)
    book(world, "T0200", sign * amount, into, reference=reference)
    pair = (currency, into) if minor > 0 else (into, currency)
    return {
        "amount": said(amount, into),
        "exchange_rate": {"source_currency": pair[0], "target_currency": pair[1], "value": rate},
    }
