"""Clients pay through one gateway and workers are paid through another: to the cent, and back the way it came."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from jobs.reconciling import begin, carry_on
from payments.tables import Payment
from persistence import due
from persistence.unit_of_work import reading
from runtime import books
from sandbox.people import Refused
from sandbox.place import more_gateways
from tests.story.house import open_house
from tests.story.plot import cast, joined

CARD, PAYPAL = {"method": "card"}, {"method": "paypal"}


@pytest.fixture
def opened(database_url, redis_url, stripe_peer, clock, _impatient_sdk):
    """A Holdfast with all three gateways, by these routes."""

    def open_with(routes="adyen card; stripe card; paypal paypal"):
        more = more_gateways(stripe_peer.base_url) | {"GATEWAY_ROUTES": routes}
        return open_house(database_url, redis_url, stripe_peer, clock, **more)

    return open_with


@pytest.fixture
def house(opened):
    with opened() as house:
        # PayPal's reports are so much behind what it does and says.
        house.peer.paypal.prices(report_delay_seconds=3 * 3_600)
        yield house
        for peer in (house.peer.adyen, house.peer.paypal):
            assert peer.violations() == []


@pytest.fixture
def people(house):
    players = cast(house)
    players.set_up_payouts()
    return players


@pytest.fixture
def float_(people):
    """Of what clients pay elsewhere nothing lies at Stripe; somebody has to have brought it there."""
    (float_,) = people.agree("2000.00")
    _pay_with_card_at_stripe(people, float_)
    people.house.pass_time(hours=49)
    for who in (people.client, people.worker, people.finance):
        who.sign_in()


def _pay_with_card_at_stripe(people, milestone):
    token = people.house.peer.confirmation_token("pm_card_visa")
    people.client.post("/v1/checkout/confirm", {"milestone_id": milestone, "confirmation_token": token})
    people.house.settle()


def checkout(people, milestone, how):
    return people.client.post(f"/v1/milestones/{milestone}/checkout", how)


def pay_at_adyen(people, milestone, **how):
    sheet = checkout(people, milestone, CARD)
    assert sheet["gateway"] == "adyen"
    people.house.peer.adyen.pay(sheet["session"]["id"], **how)
    people.house.settle()
    return sheet


def agree_at_paypal(people, milestone, instrument="good"):
    sheet = checkout(people, milestone, PAYPAL)
    assert (sheet["gateway"], sheet["paymentIntent"]) == ("paypal", None)
    order = sheet["approvalUrl"].rpartition("=")[2]
    people.house.peer.paypal.approve(order, instrument=instrument)
    return sheet


def pay_at_paypal(people, milestone):
    sheet = agree_at_paypal(people, milestone)
    paid = people.client.post(f"/v1/payments/{sheet['payment_id']}/capture")
    assert (paid["state"], paid["gateway"]) == ("succeeded", "paypal")
    people.house.settle()
    return sheet


PAY = {"adyen": pay_at_adyen, "paypal": pay_at_paypal}


def the_books_are_sound():
    """Nothing is where it should not be, and no work was given up."""
    assert reading(books.verify) == []
    assert reading(due.parked) == []


def nothing_is_left_open(people):
    """The books are sound, no work was given up, and each gateway's lines are the books' to the last one."""
    people.house.pass_time(hours=60)
    for gateway in ("stripe", "adyen", "paypal"):
        run = begin(gateway, by="test")
        assert carry_on(run.id)
    people.finance.sign_in()
    assert people.finance.get("/v1/staff/reconciliation/breaks", state="open")["data"] == []
    statements = people.finance.get("/v1/staff/reconciliation/statements")["data"]
    assert statements[0]["state"] == "covered"
    the_books_are_sound()


@pytest.mark.parametrize("gateway", PAY)
def test_what_is_paid_through_one_gateway_reaches_the_worker_through_another(people, float_, gateway):
    (milestone,) = people.agree("100.00")
    PAY[gateway](people, milestone)
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    people.release(milestone)
    people.house.pass_time(hours=49)
    people.worker.sign_in()
    people.withdraw("90.00")
    people.house.pass_time(days=6)
    for who in (people.client, people.worker, people.finance):
        who.sign_in()
    assert people.where(milestone) == {"bank": "90.00", "worker_fee": "10.00", "client_fee": "5.00"}
    nothing_is_left_open(people)


@pytest.mark.parametrize("gateway", PAY)
def test_what_is_given_back_goes_the_way_it_came(people, float_, gateway):
    whole, part = people.agree("100.00", "80.00")
    for milestone in (whole, part):
        PAY[gateway](people, milestone)
    people.house.pass_time(hours=50)
    for who in (people.client, people.worker, people.finance):
        who.sign_in()
    people.refund(whole)
    people.release(part, "50.00")
    people.refund(part)
    people.house.pass_time(hours=30)
    people.finance.sign_in()
    assert people.where(whole)["refunded"] == "105.00"
    assert people.where(part)["refunded"] == "31.50"
    shown = people.finance.get("/v1/staff/ledger/trial-balance")["lines"]
    assert not any(
        line["account"].startswith("liabilities:refunds:in_transit") and line["balance"]["amount"] != "0.00"
        for line in shown
        if "balance" in line
    )
    nothing_is_left_open(people)


def test_while_one_gateway_does_not_answer_the_next_collects(people):
    house = people.house
    ordered = people.agree("10.00", "20.00", "30.00", "40.00", "50.00")
    house.peer.adyen.fault("status", status=429, count=3, path=".*/sessions")
    for milestone in ordered[:3]:
        assert checkout(people, milestone, CARD)["gateway"] == "stripe"
    (shown,) = [
        line for line in people.finance.get("/v1/staff/gateways")["items"] if line["gateway"] == "adyen"
    ]
    assert (shown["passed_over"], shown["failures"]) == (True, 3)
    house.peer.adyen.clear_faults()
    # It is not even asked now.
    asked = len(house.peer.adyen.journal())
    assert checkout(people, ordered[3], CARD)["gateway"] == "stripe"
    assert len(house.peer.adyen.journal()) == asked
    house.pass_time(seconds=61)
    assert checkout(people, ordered[4], CARD)["gateway"] == "adyen"
    # One answer, and nobody is passed over any more.
    answers = people.finance.get("/v1/staff/gateways")["items"]
    assert {line["gateway"]: line["failures"] for line in answers} == {"adyen": 0, "paypal": 0, "stripe": 0}


def test_what_may_be_out_at_one_gateway_is_sent_to_no_other(people):
    (milestone,) = people.agree("10.00")
    people.house.peer.adyen.fault("cut_after_effect", path=".*/sessions")
    with pytest.raises(Refused, match="gateway_unavailable"):
        checkout(people, milestone, CARD)
    people.house.peer.adyen.clear_faults()
    assert checkout(people, milestone, CARD)["gateway"] == "adyen"


def test_what_the_payer_agreed_to_is_collected_though_their_app_never_comes_back(people):
    (milestone,) = people.agree("100.00")
    agree_at_paypal(people, milestone)
    people.house.settle()
    assert people.state(milestone) == "funded"
    the_books_are_sound()


def test_what_was_given_up_is_not_collected_though_its_payer_agrees_afterwards(people):
    (milestone,) = people.agree("100.00")
    sheet = checkout(people, milestone, PAYPAL)
    people.client.post(f"/v1/milestones/{milestone}/give-up-funding")
    people.house.peer.paypal.approve(sheet["approvalUrl"].rpartition("=")[2])
    people.house.settle()
    assert people.state(milestone) == "draft"
    assert people.client.post(f"/v1/payments/{sheet['payment_id']}/capture")["state"] == "canceled"
    pay_at_adyen(people, milestone)
    assert people.state(milestone) == "funded"
    the_books_are_sound()


def test_news_of_a_payment_that_nobody_paid_are_asked_about_as_it_was_begun(people):
    (milestone,) = people.agree("100.00")
    sheet = checkout(people, milestone, CARD)
    people.client.post(f"/v1/milestones/{milestone}/give-up-funding")
    people.house.settle()
    told, *_ = people.house.peer.adyen.news("CANCELLATION")
    assert b'"value": 0' in told[0]
    nobody_waits = reading(due.planned, subjects=[f"ay_{sheet['payment_id']}"])
    assert nobody_waits == {}
    assert people.client.get(f"/v1/payments/{sheet['payment_id']}")["state"] == "canceled"
    the_books_are_sound()


def test_a_payer_who_is_declined_agrees_to_pay_with_something_else(people):
    (milestone,) = people.agree("100.00")
    sheet = agree_at_paypal(people, milestone, "declined")
    with pytest.raises(Refused, match="gateway_refused"):
        people.client.post(f"/v1/payments/{sheet['payment_id']}/capture")
    people.house.pass_time(minutes=61)
    seen = people.client.get(f"/v1/payments/{sheet['payment_id']}")
    assert (seen["state"], seen["decline_code"]) == ("open", "INSTRUMENT_DECLINED")
    # Nobody tries the same again and again meanwhile.
    tried = [each for each in people.house.peer.paypal.journal() if each["path"].endswith("/capture")]
    assert len(tried) == 1
    again = agree_at_paypal(people, milestone)
    assert again["payment_id"] == sheet["payment_id"]
    assert people.client.post(f"/v1/payments/{sheet['payment_id']}/capture")["state"] == "succeeded"


def test_an_order_that_nobody_agreed_to_is_forgotten_there_and_the_milestone_is_free_again(people):
    (milestone,) = people.agree("100.00")
    checkout(people, milestone, PAYPAL)
    people.house.pass_time(hours=8)
    people.client.sign_in()
    assert people.state(milestone) == "draft"
    pay_at_paypal(people, milestone)


def test_another_way_to_pay_is_begun_once_the_first_is_given_up(people):
    (milestone,) = people.agree("100.00")
    checkout(people, milestone, PAYPAL)
    with pytest.raises(Refused, match="another_way_under_way"):
        checkout(people, milestone, CARD)
    people.client.post(f"/v1/milestones/{milestone}/give-up-funding")
    pay_at_adyen(people, milestone)


def test_a_drop_in_that_was_left_open_for_a_day_begins_anew_and_is_paid_once(people):
    (milestone,) = people.agree("100.00")
    first = checkout(people, milestone, CARD)
    again = checkout(people, milestone, CARD | {"save_card": True})
    assert again["session"]["id"] == first["session"]["id"]
    people.house.pass_time(hours=23, minutes=1)
    people.client.sign_in()
    # What was begun in its last minute may still arrive.
    with pytest.raises(Refused, match="sheet_ended"):
        checkout(people, milestone, CARD)
    people.house.pass_time(minutes=10)
    later = checkout(people, milestone, CARD)
    assert later["session"]["id"] != first["session"]["id"]
    people.house.peer.adyen.pay(later["session"]["id"])
    people.house.settle()
    assert people.state(milestone) == "funded"
    the_books_are_sound()


def test_what_we_may_just_be_collecting_is_not_given_up_before_that_is_answered(people):
    (milestone,) = people.agree("100.00")
    people.house.peer.paypal.fault("status", status=503, path=".*/capture")
    sheet = agree_at_paypal(people, milestone)
    with pytest.raises(Refused, match="gateway_unavailable"):
        people.client.post(f"/v1/payments/{sheet['payment_id']}/capture")
    # Nobody knows whether the call arrived: PayPal still calls it agreed to.
    assert people.client.post(f"/v1/milestones/{milestone}/give-up-funding")["state"] == "open"
    people.house.peer.paypal.clear_faults()
    people.house.pass_time(minutes=10)
    assert people.state(milestone) == "funded"
    the_books_are_sound()


def test_what_was_declined_can_be_given_up_at_once(people):
    (milestone,) = people.agree("100.00")
    sheet = agree_at_paypal(people, milestone, "declined")
    with pytest.raises(Refused, match="gateway_refused"):
        people.client.post(f"/v1/payments/{sheet['payment_id']}/capture")
    assert people.client.post(f"/v1/milestones/{milestone}/give-up-funding")["state"] == "canceled"
    assert people.state(milestone) == "draft"


def test_the_routes_decide_by_currency_and_country(opened):
    with opened("adyen card currency=EUR; adyen card country=DE; stripe card currency=USD") as house:
        cast_ = cast(house)
        cast_.set_up_payouts()
        german = cast(house)
        german.client, german.worker = joined(house, "client", country="DE"), cast_.worker
        (dollars,), (euros,) = cast_.agree("10.00"), cast_.agree("10.00", currency="EUR")
        (from_germany,) = german.agree("10.00")
        assert checkout(cast_, dollars, CARD)["gateway"] == "stripe"
        assert checkout(cast_, euros, CARD)["gateway"] == "adyen"
        assert checkout(german, from_germany, CARD)["gateway"] == "adyen"
        (refused,) = cast_.agree("10.00")
        with pytest.raises(Refused, match="method_not_offered"):
            checkout(cast_, refused, PAYPAL)
        assert cast_.state(refused) == "draft"


@pytest.mark.parametrize("gateway", PAY)
def test_a_bank_that_takes_a_payment_back_stops_its_milestone_and_what_it_decides_is_booked(people, gateway):
    house = people.house
    (milestone,) = people.agree("100.00")
    PAY[gateway](people, milestone)
    house.pass_time(hours=1)
    peer = house.peer.adyen if gateway == "adyen" else house.peer.paypal
    taken = _take_back(house, gateway, milestone)
    house.pass_time(hours=4)
    (seen,) = people.finance.get("/v1/staff/chargebacks")["data"]
    assert (seen["state"], seen["amount"]["amount"]) == ("needs_response", "105.00")
    with pytest.raises(Refused):
        people.release(milestone)
    if gateway == "adyen":
        peer.move_dispute(taken, "DISPUTE_DEFENSE_PERIOD_ENDED")
    else:
        peer.resolve_dispute(taken, outcome="RESOLVED_BUYER_FAVOUR")
    house.pass_time(hours=30)
    people.finance.sign_in()
    (seen,) = people.finance.get("/v1/staff/chargebacks")["data"]
    assert seen["state"] == "lost"
    the_books_are_sound()


def _paid(milestone):
    def paid(session):
        return session.scalars(select(Payment).where(Payment.milestone_id == milestone)).one()

    return reading(paid)


def charge_of(milestone):
    """What the gateway calls the charge of a milestone's payment."""
    return _paid(milestone).charge_id


def _take_back(house, gateway, milestone):
    if gateway == "adyen":
        return house.peer.adyen.dispute(_paid(milestone).id)["id"]
    return house.peer.paypal.dispute(charge_of(milestone), channel="EXTERNAL", stage="CHARGEBACK")[
        "dispute_id"
    ]


def test_what_the_payer_agreed_to_is_asked_for_until_the_gateway_answers(people):
    (milestone,) = people.agree("100.00")
    people.house.peer.paypal.fault("status", status=503, count=2, path=".*/capture")
    agree_at_paypal(people, milestone)
    people.house.settle()
    assert people.state(milestone) == "funding"
    people.house.pass_time(minutes=10)
    people.house.pass_time(minutes=10)
    assert people.state(milestone) == "funded"
    the_books_are_sound()


def test_what_no_gateway_has_a_record_for_can_be_given_up(opened):
    with opened("stripe card; paypal paypal") as house:
        people = cast(house)
        (milestone,) = people.agree("10.00")
        house.peer.fault("status", status=429, count=1, method="POST", path="/v1/customers")
        with pytest.raises(Refused, match="gateway_unavailable"):
            checkout(people, milestone, CARD)
        people.client.post(f"/v1/milestones/{milestone}/give-up-funding")
        assert people.state(milestone) == "draft"
        assert checkout(people, milestone, PAYPAL)["gateway"] == "paypal"


def test_h3_what_paypal_changes_into_another_currency_is_booked_in_both_and_closes_when_it_is_back(people):
    (dollars,) = people.agree("200.00")
    pay_at_paypal(people, dollars)
    people.house.peer.paypal.settle_in("EUR", "USD", "1.10")
    (milestone,) = people.agree("100.00", currency="EUR")
    pay_at_paypal(people, milestone)
    assert people.state(milestone) == "funded"
    # PayPal keeps 4.15 EUR of 105.00, and changes the rest.
    assert people.books("EUR")["assets:conversion:paypal"] == "100.85"
    assert people.books()["assets:conversion:paypal"] == "-110.94"
    people.house.peer.paypal.settle_in("EUR", "USD", "1.20")
    people.refund(milestone)
    assert people.where(milestone) == {"refunded": "105.00"}
    # What it kept in euros was paid in dollars in the end.
    assert people.books("EUR") == {"expenses:exchange": "-4.15", "expenses:gateway_fees": "4.15"}
    books = people.books()
    assert "assets:conversion:paypal" not in books
    assert books["expenses:exchange"] == "15.06"
    people.house.pass_time(hours=60)
    run = begin("paypal", by="test")
    assert carry_on(run.id)
    people.finance.sign_in()
    assert people.finance.get("/v1/staff/reconciliation/breaks", state="open")["data"] == []
    the_books_are_sound()
