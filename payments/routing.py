"""Which gateway collects a payment: the first rule that fits it, of a gateway that answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.refusals import Conflict

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

METHODS = ("card", "paypal")

_CONDITIONS = {"currency": re.compile(r"[A-Z]{3}"), "country": re.compile(r"[A-Z]{2}")}


class MethodNotOffered(Conflict):
    """Nobody whom we use takes this method in this currency and country."""

    code = "method_not_offered"


@dataclass(frozen=True, slots=True)
class Route:
    """One rule: the gateway collects by this method; None of a condition is any currency, or any country."""

    gateway: str
    method: str
    currencies: frozenset[str] | None = None
    countries: frozenset[str] | None = None

    def fits(self, *, method: str, currency: str, country: str) -> bool:
        """Whether a payment by this method, in this currency, of a client in this country can go this way."""
        return (
            self.method == method
            and (self.currencies is None or currency in self.currencies)
            and (self.countries is None or country in self.countries)
        )


def candidates(
    routes: Sequence[Route], *, method: str, currency: str, country: str, away: Collection[str] = ()
) -> tuple[str, ...]:
    """The gateways that may collect, the one to ask first in front: those that are `away` come last.

    A gateway that has not answered lately is still better than none, so it is not left out. Refuses when no rule fits.
    """
    fitting = [
        route.gateway for route in routes if route.fits(method=method, currency=currency, country=country)
    ]
    if not fitting:
        raise MethodNotOffered(
            f"This milestone cannot be paid in {currency} by {method}. Choose another way to pay.",
            field="method",
        )
    # Sorting keeps the rules' order among those that answer, and among those that do not.
    return tuple(sorted(dict.fromkeys(fitting), key=lambda gateway: gateway in away))


def read_routes(text: str) -> tuple[Route, ...]:
    """The rules in words, such as `adyen card currency=EUR,GBP country=DE; stripe card; paypal paypal`, first to last.

    Raises ValueError, with the rule at fault, when it is not one.
    """
    return tuple(_route(rule) for rule in text.split(";") if rule.strip())


def _route(rule: str) -> Route:
    words = rule.split()
    if len(words) < len(("gateway", "method")) or words[1] not in METHODS:
        raise ValueError(f"{rule.strip()!r} does not begin with a gateway and one of {', '.join(METHODS)}")
    conditions = dict(_condition(word) for word in words[2:])
    return Route(words[0], words[1], conditions.get("currency"), conditions.get("country"))


def _condition(word: str) -> tuple[str, frozenset[str]]:
    name, _, values = word.partition("=")
    codes = values.split(",")
    form = _CONDITIONS.get(name)
    if form is None or not all(form.fullmatch(code) for code in codes):
        raise ValueError(f"{word!r} is not currency=EUR,GBP or country=DE,FR")
    return name, frozenset(codes)
