"""Money as whole minor units of one currency; there is no other way to say an amount in Holdfast."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import TYPE_CHECKING

from babel.numbers import format_currency

from kernel.refusals import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

# ISO 4217 exponents of the currencies we settle in. A currency that is not here is refused, because a guessed
# exponent is an error by a factor of a hundred.
EXPONENTS = {
    "AUD": 2,
    "BRL": 2,
    "CAD": 2,
    "CHF": 2,
    "CZK": 2,
    "DKK": 2,
    "EUR": 2,
    "GBP": 2,
    "HKD": 2,
    "ILS": 2,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "MXN": 2,
    "NOK": 2,
    "NZD": 2,
    "PLN": 2,
    "SEK": 2,
    "SGD": 2,
    "THB": 2,
    "USD": 2,
}

# Card networks and banks move what has three decimals in tens of the smallest unit.
_THREE_DECIMALS = 3

# BIGINT holds 9.2e18; a single amount stays far below, so that no sum of ours can leave it.
LARGEST_MINOR = 10**15

_DECIMAL = re.compile(r"(?P<sign>-?)(?P<whole>0|[1-9]\d{0,15})(?:\.(?P<fraction>\d{1,6}))?", re.ASCII)


class CurrencyNotSupported(Invalid):
    """The currency is not one that Holdfast holds money in."""

    code = "currency_not_supported"


class AmountMalformed(Invalid):
    """The amount is not a plain decimal, or has more decimals than its currency."""

    code = "amount_malformed"


class AmountNotMovable(Invalid):
    """The amount is finer than anybody can move it: of a currency with three decimals the last one is 0."""

    code = "amount_not_movable"


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `amount_minor` counts the smallest unit of `currency` (cents, yen, fils)."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        assert type(self.amount_minor) is int, "money is counted in whole minor units"
        if self.currency not in EXPONENTS:
            raise CurrencyNotSupported(
                f"{self.currency!r} is not a currency we hold money in. Use one of {', '.join(EXPONENTS)}.",
                field="currency",
            )

    @classmethod
    def parse(cls, amount: str, currency: str) -> Money:
        """Read "12.50" as USD; refuse floats, exponents, separators and a decimal the currency does not have."""
        zero = cls(0, currency)
        match = _DECIMAL.fullmatch(amount)
        fraction = (match["fraction"] or "") if match else ""
        if match is None or len(fraction) > zero.exponent:
            raise AmountMalformed(
                f"Write the amount as a plain number with at most {zero.exponent} decimals,"
                f" such as {_example(zero.exponent)}.",
                field="amount",
            )
        minor = int(match["whole"] + fraction.ljust(zero.exponent, "0"))
        if minor > LARGEST_MINOR:
            raise AmountMalformed("The amount is larger than any that Holdfast holds.", field="amount")
        return cls(-minor if match["sign"] else minor, currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in `currency`."""
        return cls(0, currency)

    @property
    def exponent(self) -> int:
        """How many decimals the currency has."""
        return EXPONENTS[self.currency]

    @property
    def step(self) -> int:
        """The smallest part that can be moved, in minor units."""
        return 10 if self.exponent == _THREE_DECIMALS else 1

    @property
    def decimal(self) -> str:
        """The amount as the interface writes it: "12.50"."""
        sign = "-" if self.amount_minor < 0 else ""
        digits = str(abs(self.amount_minor)).rjust(self.exponent + 1, "0")
        if not self.exponent:
            return sign + digits
        return f"{sign}{digits[: -self.exponent]}.{digits[-self.exponent :]}"

    def format(self, locale: str = "en_US") -> str:
        """The amount as a person of that locale writes it: "$12.50", "12,50 €"."""
        # As a decimal string: babel parses it exactly, where a float would round.
        from decimal import Decimal  # noqa: PLC0415 - only people-facing text needs it

        return str(format_currency(Decimal(self.decimal), self.currency, locale=locale))

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"

    def __bool__(self) -> bool:
        return self.amount_minor != 0

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount_minor < self._same(other)

    def allocate(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Split exactly in proportion to `weights`; odd units go to the largest remainders, earlier parts first."""
        assert self.amount_minor >= 0, "only an amount one has can be shared out"
        total = sum(weights)
        assert total > 0, "there must be somebody to share with"
        assert min(weights) >= 0, "nobody has a negative share"
        floors = [self.amount_minor * weight // total for weight in weights]
        remainders = [self.amount_minor * weight % total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda part: (-remainders[part], part))
        for part in by_remainder[: self.amount_minor - sum(floors)]:
            floors[part] += 1
        return tuple(Money(floor, self.currency) for floor in floors)

    def basis_points(self, rate: int) -> Money:
        """`rate` hundredths of a percent of it, rounded half up to what can be moved."""
        return Money(
            (self.amount_minor * rate + 5_000 * self.step) // (10_000 * self.step) * self.step, self.currency
        )

    def _same(self, other: Money) -> int:
        assert self.currency == other.currency, f"{self.currency} and {other.currency} do not mix"
        return other.amount_minor


def movable(amount: Money, *, field: str) -> Money:
    """`amount`; refuses one of which a part would be left that nobody can move."""
    if amount.amount_minor % amount.step:
        raise AmountNotMovable(
            f"Amounts in {amount.currency} are moved in steps of {Money(amount.step, amount.currency)}.",
            field=field,
        )
    return amount


def total(amounts: Sequence[Money], currency: str) -> Money:
    """The sum of `amounts`, which may be none."""
    return Money(sum(Money.zero(currency)._same(amount) for amount in amounts), currency)  # noqa: SLF001 - same module


def _example(exponent: int) -> str:
    return "1250" if not exponent else "12." + "5".ljust(exponent, "0")
