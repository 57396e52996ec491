"""What makes a function a movement, and the closed list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.entries import Entry

P = ParamSpec("P")

# Every movement there is, by name.
CATALOGUE: dict[str, Callable[..., Entry]] = {}

# A movement that only holds money back, and the movement that carries it out.
HOLDS = {"payout_reserved": "payout_sent", "instant_payout_reserved": "instant_payout_sent"}

# What a person does to the books by hand; it needs a reason, so that an auditor need not ask.
BY_HAND = frozenset({"adjustment", "reversal", "suspense_explained", "conversion_explained"})


def movement(function: Callable[P, Entry]) -> Callable[P, Entry]:
    """The function below is a movement, under its own name."""
    CATALOGUE[function.__name__] = function
    return function
