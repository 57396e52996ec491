"""H3: what clients pay in one currency reaches our balance in another one, at a rate of the gateway's that changes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from jobs.reconciling import begin, carry_on
from sandbox.people import Refused
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


# --- chargebacks ------------------------------------------------------------------------------------------------------


def disputed(people, milestone):
    (charged,) = steps_of(people, milestone, "charged")
    opened = people.house.peer.dispute(charged["gateway_object"])
    people.house.settle()
    return opened["id"]


def decide(people, dispute, *, won):
    people.house.peer.close_dispute(dispute, won=won)
    people.house.settle()


@pytest.mark.parametrize("currency", MARKETS)
def test_h3_a_chargeback_that_is_lost_closes_the_conversion(people, currency):
    rate, _, charged, received = MARKETS[currency]
    milestone = paid(people, currency)
    people.house.pass_time(days=3)
    people.house.peer.settle_in(currency.lower(), "usd", str(Decimal(rate) * 2))
    dispute = disputed(people, milestone)
    assert people.where(milestone) == {"charged_back": charged}
    decide(people, dispute, won=False)
    assert people.state(milestone) == "charged_back"
    assert people.books(currency) == {}
    books = people.books()
    assert (books["expenses:chargeback_fees"], books.get("assets:conversion:stripe")) == ("15.00", None)
    assert abs(Decimal(books["expenses:exchange"]) - Decimal(received)) <= Decimal("0.01")
    (fee,) = steps_of(people, milestone, "chargeback_fee")
    assert fee["amount"] == {"amount": "15.00", "currency": "USD"}
    top_up(people)
    assert reconciled(people)[0] == []
    check_agreement(people.house.peer)


@pytest.mark.parametrize("currency", MARKETS)
def test_h3_a_chargeback_that_is_won_opens_the_conversion_again(people, currency):
    rate, price, charged, received = MARKETS[currency]
    milestone = paid(people, currency)
    people.house.pass_time(days=3)
    dispute = disputed(people, milestone)
    assert "assets:conversion:stripe" not in people.books()
    people.house.peer.settle_in(currency.lower(), "usd", str(Decimal(rate) * 2))
    decide(people, dispute, won=True)
    assert people.state(milestone) == "funded"
    assert people.client.get(f"/v1/milestones/{milestone}")["held"]["amount"] == price
    assert people.books(currency)["assets:conversion:stripe"] == charged
    came_back = -Decimal(people.books()["assets:conversion:stripe"])
    assert abs(came_back - 2 * Decimal(received)) <= Decimal("0.01")
    assert "expenses:exchange" not in people.books()
    _, taken, given = steps_of(people, milestone, "converted")
    assert (taken["amount"]["amount"], given["amount"]["amount"]) == (received, str(came_back))
    assert people.finance.get(f"/v1/receipts/{given['entry_id']}")
    top_up(people)
    assert reconciled(people)[0] == []
    check_agreement(people.house.peer)


def test_h3_what_the_worker_bears_of_a_chargeback_is_in_the_currency_they_were_paid_in(people, in_euro):
    people.submit(in_euro)
    people.release(in_euro, currency="EUR")
    people.house.peer.settle_in("eur", "usd", "1.15")
    dispute = disputed(people, in_euro)
    # What was not moved to them yet is taken off at once.
    assert people.where(in_euro) == {"charged_back": "105.00"}
    assert people.books("EUR") == {}
    assert people.books()["expenses:exchange"] == "5.25"
    decide(people, dispute, won=True)
    assert people.books("EUR") == {
        "assets:conversion:stripe": "105.00",
        "income:fees:client": "-5.00",
        "income:fees:worker": "-10.00",
        "liabilities:wallet": "-90.00",
    }
    top_up(people)
    change_by_hand(people, usd=-11_760, eur=10_500)
    people.house.pass_time(days=1)
    assert people.books("EUR")["assets:gateway:stripe:connected"] == "90.00"
    check_agreement(people.house.peer)


# --- news -------------------------------------------------------------------------------------------------------------


def test_h3_events_twice_late_and_in_any_order_book_each_conversion_once(people):
    peer = people.house.peer
    peer.webhooks(duplicate=1, reorder=1, seed=7)
    milestone = paid(people, "EUR")
    people.house.pass_time(days=3)
    top_up(people)
    people.refund(milestone, "40.00", currency="EUR")
    dispute = disputed(people, milestone)
    decide(people, dispute, won=True)
    people.refund(milestone)
    peer.redeliver()
    people.house.settle()
    peer.end_webhook_troubles()
    assert people.where(milestone) == {"refunded": "105.00"}
    assert people.books("EUR") == {}
    # All at one rate, and for the part that had gone back the bank took and gave the same.
    assert people.books().keys() & {"assets:conversion:stripe", "expenses:exchange"} == set()
    check_agreement(peer)


# --- reconciliation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", MARKETS)
def test_h3_no_line_of_a_conversion_is_unexplained_and_solvency_is_told_by_currency(people, currency):
    _, price, charged, _ = MARKETS[currency]
    milestone = paid(people, currency)
    people.house.pass_time(days=3)
    top_up(people)
    breaks, stated = reconciled(people)
    assert breaks == []
    # What is held in the one currency lies in the other.
    assert stated[currency]["state"] == "short"
    assert stated[currency]["shortfall"] == {"amount": price, "currency": currency}
    assert stated["USD"]["state"] == "covered"
    at = {"gateway": "stripe", "currency": "USD"}
    least = people.finance.get("/v1/staff/reconciliation/minimum-balance", **at)["minimum_balance"]
    assert least["amount"] == str(Decimal("200.00") + Decimal(MARKETS[currency][3]))
    people.refund(milestone)
    breaks, stated = reconciled(people)
    assert (breaks, stated.get(currency, {"state": "covered"})["state"]) == ([], "covered")
    assert people.where(milestone) == {"refunded": charged}
    check_agreement(people.house.peer)


# --- workers ----------------------------------------------------------------------------------------------------------


def test_h3_a_worker_is_paid_all_of_it_once_it_is_changed_back(people, in_euro):
    people.submit(in_euro)
    people.release(in_euro, currency="EUR")
    (euro,) = wallets(people, "EUR")
    assert (euro["balance"]["amount"], euro["available"]["amount"]) == ("90.00", "0.00")
    assert euro["waiting"][0]["reason"] == (
        "The payment provider changed the client's payment into another currency. It is changed back into EUR,"
        " and your money is then moved by itself: you are paid all of it."
    )
    (waiting,) = people.finance.get("/v1/staff/orders", kind="transfer")["data"]
    assert waiting["what_to_do"].startswith(
        "See that 90.00 EUR are there: change them back at the payment provider"
    )
    people.house.pass_time(days=3)
    top_up(people)
    # Somebody changes it back, a little more than the worker gets, at the rate of the day.
    people.house.peer.book_line("adjustment", -11_760, currency="usd")
    people.house.peer.book_line("adjustment", 10_500, currency="eur")
    people.house.pass_time(days=1)
    (euro,) = wallets(people, "EUR")
    assert euro["available"]["amount"] == "90.00"
    people.finance.sign_in()
    dollars, euros = sorted(
        reconciled(people)[0], key=lambda each: each["at_gateway"]["currency"], reverse=True
    )
    assert (dollars["at_gateway"]["amount"], euros["at_gateway"]["amount"]) == ("-117.60", "105.00")
    (open_,) = people.finance.get("/v1/staff/reconciliation/open-positions")["items"]
    assert (open_["gateway"], open_["payments"]) == ("stripe", 1)
    assert open_["converted"] == {"amount": "105.00", "currency": "EUR"}
    assert open_["into"] == {"amount": "115.50", "currency": "USD"}
    said = {"explanation": "conversion", "reason": "I changed it back.", "other_break_id": euros["id"]}
    people.finance.post(f"/v1/staff/reconciliation/breaks/{dollars['id']}/resolve", said)
    assert people.finance.get("/v1/staff/reconciliation/open-positions")["items"] == []
    books = people.books()
    assert (books["expenses:exchange"], books.get("assets:conversion:stripe")) == ("2.10", None)
    assert people.books("EUR") == {
        "assets:gateway:stripe:available": "15.00",
        "assets:gateway:stripe:connected": "90.00",
        "income:fees:client": "-5.00",
        "income:fees:worker": "-10.00",
        "liabilities:wallet": "-90.00",
    }
    breaks, stated = reconciled(people)
    assert (breaks, stated["EUR"]["state"]) == ([], "covered")
    check_agreement(people.house.peer)


def test_h3_what_is_refunded_after_it_was_changed_back_opens_a_position_the_other_way(people, in_euro):
    people.house.pass_time(days=3)
    top_up(people)
    change_by_hand(people, usd=-11_760, eur=10_500)
    # The worker gives it back after all: the gateway takes dollars again, and the euros are left.
    people.house.peer.settle_in("eur", "usd", "1.15")
    people.refund(in_euro)
    (open_,) = people.finance.get("/v1/staff/reconciliation/open-positions")["items"]
    assert (open_["converted"]["amount"], open_["into"]["amount"]) == ("-105.00", "-120.75")
    change_by_hand(people, usd=12_600, eur=-10_500)
    assert people.finance.get("/v1/staff/reconciliation/open-positions")["items"] == []
    # 2.10 were lost the first time, 5.25 gained the second.
    assert people.books()["expenses:exchange"] == "-3.15"
    assert people.books("EUR") == {}
    check_agreement(people.house.peer)


def test_h3_more_than_is_open_is_no_changing_back_and_moves_nothing(people, in_euro):
    people.house.pass_time(days=3)
    top_up(people)
    before = people.books(), people.books("EUR")
    with pytest.raises(Refused) as refused:
        change_by_hand(people, usd=-11_771, eur=10_501)
    assert refused.value.problem["code"] == "more_than_is_open"
    (dollars, euros), _ = reconciled(people)
    for one, other in ((dollars, dollars), (euros, euros)):
        said = {"explanation": "conversion", "reason": "Mine.", "other_break_id": other["id"]}
        with pytest.raises(Refused) as refused:
            people.finance.post(f"/v1/staff/reconciliation/breaks/{one['id']}/resolve", said)
        assert refused.value.problem["code"] == "not_one_conversion"
    assert (people.books(), people.books("EUR")) == before


def change_by_hand(people, **changed):
    """Somebody changes money at the gateway, and says in the reconciliation that they have."""
    for currency, minor in changed.items():
        people.house.peer.book_line("adjustment", minor, currency=currency)
    (one, other), _ = reconciled(people)
    said = {"explanation": "conversion", "reason": "I changed it.", "other_break_id": other["id"]}
    people.finance.post(f"/v1/staff/reconciliation/breaks/{one['id']}/resolve", said)


def reconciled(people):
    """What is open after a reconciliation, and the last statement of each currency."""
    people.house.pass_time(days=1)
    for who in (people.finance, people.client, people.worker):
        who.sign_in()
    run = begin("stripe", by="test")
    assert carry_on(run.id)
    stated = people.finance.get("/v1/staff/reconciliation/statements", limit="50")["data"]
    open_ = people.finance.get("/v1/staff/reconciliation/breaks", state="open")["data"]
    return open_, {each["currency"]: each for each in reversed(stated)}


def wallets(people, currency):
    shown = people.worker.get("/v1/payouts/balance")["balances"]
    return [each for each in shown if each["currency"] == currency]


def top_up(people):
    """Somebody else's payment in dollars settles: what the refunds cost more than was charged is there."""
    (other,) = people.agree("200.00")
    people.fund(other)
    people.house.pass_time(days=3)
