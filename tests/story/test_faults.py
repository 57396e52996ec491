"""Whatever happens to a call to Stripe, the story ends in the same books, and nothing is sent twice."""

from __future__ import annotations

import re

import pytest

from tests.story.short_story import play

# Every question and every order that the story sends to Stripe, and the most often that any of them is sent.
CALLS = {
    "POST /v1/account_links",
    "POST /v1/accounts",
    "POST /v1/customer_sessions",
    "POST /v1/customers",
    "POST /v1/payment_intents",
    "POST /v1/payouts",
    "POST /v1/refunds",
    "POST /v1/transfers",
    "GET /v1/accounts/*",
    "GET /v1/balance",
    "GET /v1/balance_transactions",
    "GET /v1/events",
    "GET /v1/payment_intents/*",
    "GET /v1/payouts/*",
    "GET /v1/refunds/*",
}
MISFORTUNES = {
    "cut_before_effect": {"kind": "cut_before_effect"},
    "cut_after_effect": {"kind": "cut_after_effect"},
    "429": {"kind": "status", "status": 429},
    "500": {"kind": "status", "status": 500, "saved": False},
    "500_although_done": {"kind": "status", "status": 500, "effect": True, "saved": False},
    "slow": {"kind": "slow", "seconds": 0.05},
}


def test_the_calls_of_the_story_are_those_that_are_spoilt(house):
    play(house)
    assert {call_of(entry) for entry in house.peer.journal() if not is_the_app(entry)} == CALLS


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("misfortune", MISFORTUNES)
def test_a_call_that_goes_wrong(house, misfortune, nth):
    for call in CALLS:
        method, path = call.split()
        # Twice: the SDK tries a question again by itself once.
        house.peer.fault(
            **MISFORTUNES[misfortune], method=method, path=path.replace("*", "[^/]+"), nth=nth, count=2
        )
    play(house)


def call_of(entry):
    path = re.sub(r"/[a-z]+_\w+$", "/*", entry["path"]) if entry["path"].count("/") == 3 else entry["path"]
    return f"{entry['method']} {path}"


def is_the_app(entry):
    """What the client's phone says to Stripe itself."""
    return entry["path"].endswith("/confirm") or entry["path"] == "/v1/confirmation_tokens"
