"""H3: what clients pay in one currency reaches our balance in another one, at a rate of the gateway's that changes."""

from __future__ import annotations

import pytest

from tests.story.agreement import check_agreement

MARKETS = {
    # What the client pays in, and in what and at which rate it reaches us: the price, all that is charged, what comes.
    "EUR": ("1.10", "100.00", "105.00", "115.50"),
    "JPY": ("0.0067", "10000", "10500", "70.35"),
    "KWD": ("3.25", "10.000", "10.500", "34.13"),
}


@pytest.fixture
def in_euro(people):
    """A milestone of 100.00 EUR, paid; 115.50 USD came of the 105.00 EUR that were charged."""
    return paid(people, "EUR")


def paid(people, currency):
    rate, price, _, _ = MARKETS[currency]
    people.house.peer.settle_in(currency.lower(), "usd", rate)
    (milestone,) = people.agree(price, currency=currency)
    people.fund(milestone)
    return milestone


@pytest.mark.parametrize("currency", MARKETS)
def test_h3_what_was_promised_stays_and_what_came_is_booked_in_its_own_currency(people, currency):
    _, price, charged, received = MARKETS[currency]
    milestone = paid(people, currency)
    assert people.state(milestone) == "funded"
    assert people.client.get(f"/v1/milestones/{milestone}")["held"] == {"amount": price, "currency": currency}
    promised, there = people.books(currency), people.books("USD")
    assert promised["assets:conversion:stripe"] == charged
    assert "assets:gateway:stripe:pending" not in promised
    assert there["assets:conversion:stripe"] == f"-{received}"
    fee = there["expenses:gateway_fees"]
    assert there.keys() == {
        "assets:conversion:stripe",
        "assets:gateway:stripe:pending",
        "expenses:gateway_fees",
    }
    check_agreement(people.house.peer)
    people.house.pass_time(days=3)
    settled = people.books("USD")
    assert settled["assets:gateway:stripe:available"] == there["assets:gateway:stripe:pending"]
    assert (settled["expenses:gateway_fees"], people.books(currency)) == (fee, promised)
    check_agreement(people.house.peer)


def test_h3_finance_sees_in_the_trail_what_came_and_at_which_rate(people, in_euro):
    steps = {step["step"]: step for step in people.finance.get(f"/v1/milestones/{in_euro}/money")["steps"]}
    assert steps["charged"]["amount"] == {"amount": "105.00", "currency": "EUR"}
    assert steps["converted"]["amount"] == {"amount": "115.50", "currency": "USD"}
    assert steps["converted"]["reason"] == "The payment provider's rate: 1.1"
    assert steps["gateway_fee"]["amount"] == {"amount": "3.65", "currency": "USD"}
    assert people.where(in_euro) == {"held": "100.00", "client_fee": "5.00"}
    shown = people.client.get(f"/v1/milestones/{in_euro}/money")
    assert "USD" not in str(shown)
    assert people.finance.get(f"/v1/receipts/{steps['converted']['entry_id']}")
