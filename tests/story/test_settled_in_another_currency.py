"""H3: what clients pay in one currency reaches our balance in another one, at a rate of the gateway's that changes."""

from __future__ import annotations

from decimal import Decimal

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


def paid(people, currency, card="pm_card_visa"):
    rate, price, _, _ = MARKETS[currency]
    people.house.peer.settle_in(currency.lower(), "usd", rate)
    (milestone,) = people.agree(price, currency=currency)
    people.fund(milestone, card)
    return milestone


def steps_of(people, milestone, name):
    steps = people.finance.get(f"/v1/milestones/{milestone}/money")["steps"]
    return [step for step in steps if step["step"] == name]


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


# --- refunds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "difference"),
    [("1.15", "5.25"), ("1.05", "-5.25"), ("1.10", None)],
    ids=["loss", "gain", "even"],
)
def test_h3_a_refund_in_full_closes_the_conversion_with_a_loss_or_a_gain(people, in_euro, rate, difference):
    people.house.pass_time(days=3)
    top_up(people)
    people.house.peer.settle_in("eur", "usd", rate)
    people.refund(in_euro)
    assert people.state(in_euro) == "refunded"
    assert people.where(in_euro) == {"refunded": "105.00"}
    assert people.where(in_euro, people.client) == {"refunded": "105.00"}
    assert people.books("EUR") == {}
    books = people.books()
    assert "assets:conversion:stripe" not in books
    assert books.get("expenses:exchange") == difference
    check_agreement(people.house.peer)


def test_h3_refunds_in_parts_close_the_conversion_with_the_last_one(people, in_euro):
    people.house.pass_time(days=3)
    top_up(people)
    for rate, amount, conversion in (
        # 31.50, 31.50 and 42.00 EUR go back, for 36.23, 33.08 and 46.20 USD; 115.50 had come.
        ("1.15", "30.00", ("73.50", "-79.27")),
        ("1.05", "30.00", ("42.00", "-46.19")),
        ("1.10", "40.00", (None, None)),
    ):
        people.house.peer.settle_in("eur", "usd", rate)
        people.refund(in_euro, amount, currency="EUR")
        open_ = [people.books(currency).get("assets:conversion:stripe") for currency in ("EUR", "USD")]
        assert tuple(open_) == conversion
    assert people.books()["expenses:exchange"] == "0.01"
    _, *taken = steps_of(people, in_euro, "converted")
    assert [(step["amount"]["amount"], step["reason"]) for step in taken] == [
        ("36.23", "The payment provider's rate: 1.15"),
        ("33.08", "The payment provider's rate: 1.05"),
        ("46.20", "The payment provider's rate: 1.1"),
    ]
    check_agreement(people.house.peer)


@pytest.mark.parametrize("currency", MARKETS)
def test_h3_a_refund_that_comes_back_and_goes_again_is_booked_at_each_rate(people, currency):
    rate, _, charged, received = MARKETS[currency]
    milestone = paid(people, currency)
    people.house.pass_time(days=3)
    top_up(people)
    people.refund(milestone)
    assert people.books(currency) == {}
    (refund,) = people.client.get(f"/v1/milestones/{milestone}")["refunds"]
    (back,) = steps_of(people, milestone, "refunded")
    people.house.peer.settle_in(currency.lower(), "usd", str(Decimal(rate) / 2))
    people.house.peer.fail_refund(back["gateway_object"])
    people.house.settle()
    assert people.where(milestone) == {"owed": charged}
    half = Decimal(received) / 2
    assert people.books(currency)["assets:conversion:stripe"] == charged
    assert abs(Decimal(people.books()["assets:conversion:stripe"]) + half) <= Decimal("0.01")
    check_agreement(people.house.peer)
    people.house.peer.settle_in(currency.lower(), "usd", rate)
    people.client.post(f"/v1/refunds/{refund['id']}/order-again")
    people.house.settle()
    assert people.where(milestone) == {"refunded": charged}
    assert people.books(currency) == {}
    books = people.books()
    assert "assets:conversion:stripe" not in books
    # Half of it was lost when it came back worth so little.
    assert abs(Decimal(books["expenses:exchange"]) - half) <= Decimal("0.01")
    check_agreement(people.house.peer)


def test_h3_a_refund_that_fails_before_we_heard_of_it_moves_at_both_rates(people):
    milestone = paid(people, "EUR", "pm_card_pendingRefund")
    people.house.pass_time(days=3)
    top_up(people)
    people.refund(milestone)
    assert people.where(milestone) == {"refunding": "105.00"}
    assert people.books()["assets:conversion:stripe"] == "-115.50"
    people.house.peer.settle_in("eur", "usd", "1.20")
    (back,) = steps_of(people, milestone, "refunded")
    people.house.peer.fail_refund(back["gateway_object"])
    people.house.settle()
    assert people.where(milestone) == {"owed": "105.00"}
    assert people.books("EUR")["assets:conversion:stripe"] == "105.00"
    # They had taken 115.50 and gave 126.00 back: nothing is gained before all of it has gone.
    assert people.books()["assets:conversion:stripe"] == "-126.00"
    assert "expenses:exchange" not in people.books()
    assert [step["amount"]["amount"] for step in steps_of(people, milestone, "converted")] == [
        "115.50",
        "115.50",
        "126.00",
    ]
    check_agreement(people.house.peer)


def top_up(people):
    """Somebody else's payment in dollars settles: what the refunds cost more than was charged is there."""
    (other,) = people.agree("200.00")
    people.fund(other)
    people.house.pass_time(days=3)
