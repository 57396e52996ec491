"""Nothing that was ordered of Stripe is forgotten: staff sees it, what is done next and when, until it is done."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from persistence import due
from persistence.unit_of_work import reading
from sandbox.people import Refused
from tests.story.agreement import check_agreement
from tests.story.plot import cast

MONEY = {
    "refund": ("/v1/refunds", "10.50", lambda people, part: people.refund(part, "10.00")),
    "transfer": ("/v1/transfers", "9.00", lambda people, part: people.release(part, "10.00")),
    "payout": ("/v1/payouts", "10.00", lambda people, _: people.withdraw("10.00")),
}


def open_orders(people, **asked):
    return people.finance.get("/v1/staff/orders", **asked)["data"]


@pytest.fixture
def part(people):
    """A milestone with 100.00 in it, and a worker with money to withdraw."""
    other, part = people.agree("500.00", "100.00")
    people.fund(other)
    people.fund(part)
    people.release(other)
    people.house.pass_time(hours=49)
    people.finance.sign_in(), people.client.sign_in(), people.worker.sign_in()
    assert open_orders(people) == []
    return part


@pytest.mark.parametrize("cut", ["cut_before_effect", "cut_after_effect"])
@pytest.mark.parametrize("kind", MONEY)
def test_b1_an_order_without_an_answer_is_seen_until_it_has_one(people, part, kind, cut):
    path, amount, act = MONEY[kind]
    people.house.peer.webhooks(drop=1.0)
    people.house.peer.fault(cut, method="POST", path=path)
    act(people, part)
    (shown,) = open_orders(people)
    assert (shown["kind"], shown["state"], shown["tries"]) == (kind, "unknown", 1)
    assert (shown["amount"]["amount"], shown["overdue"]) == (amount, False)
    assert (
        shown["answer"] == "The payment provider did not answer. It is asked before anything is sent again."
    )
    assert shown["next_step"] == "It is sent, or asked for where it may have been sent before."
    assert shown["next_at"] > shown["last_tried_at"] >= shown["ordered_at"]
    people.house.pass_time(seconds=(at(shown["next_at"]) - at(shown["last_tried_at"])).total_seconds() + 1)
    assert [each["state"] for each in open_orders(people)] in ([], ["sent"])
    check_agreement(people.house.peer)


@pytest.mark.parametrize("kind", MONEY)
def test_b2_an_order_that_takes_longer_than_it_should_is_overdue_and_goes_on(people, part, kind):
    path, _, act = MONEY[kind]
    people.house.peer.fault("status", method="POST", path=path, status=503, saved=False, count=None)
    act(people, part)
    for _ in range(5):
        people.house.pass_time(hours=1)
    (shown,) = open_orders(people, kind=kind, older_than_hours=4)
    assert (shown["overdue"], shown["next_step"] != "") == (True, True)
    assert shown["tries"] > 3
    assert at(shown["next_at"]) - at(shown["last_tried_at"]) <= timedelta(hours=1, minutes=1)
    assert open_orders(people, older_than_hours=6) == []
    people.house.peer.clear_faults()
    people.house.pass_time(hours=1.1)
    assert [each["state"] for each in open_orders(people)] in ([], ["sent"])
    check_agreement(people.house.peer)


@pytest.mark.parametrize("kind", MONEY)
def test_b3_a_gateway_that_asks_to_slow_down_is_left_alone_for_as_long_as_it_asked(people, part, kind):
    path, _, act = MONEY[kind]
    peer = people.house.peer
    fault = {"method": "POST", "path": path, "status": 429, "retry_after": 120}
    before = asked(peer, path)
    peer.fault("status", **fault, count=2)
    act(people, part)
    (first,) = open_orders(people)
    assert asked(peer, path) == before + 1
    people.house.pass_time(seconds=110)
    assert asked(peer, path) == before + 1
    people.house.pass_time(seconds=15)
    assert asked(peer, path) == before + 2
    (second,) = open_orders(people)
    # Nothing was carried out and nothing is out: the same attempt goes again, and nobody counts it as a failure.
    assert (first["state"], second["state"], second["last_tried_at"]) == (
        first["state"],
        first["state"],
        None,
    )
    people.house.pass_time(seconds=125)
    assert asked(peer, path) == before + 3
    assert reading(due.parked) == []
    check_agreement(peer)


def test_b3_a_question_too_waits_for_as_long_as_the_gateway_asked(people):
    (milestone,) = people.agree("100.00")
    people.house.peer.webhooks(drop=1.0)
    people.fund(milestone)
    fault = {"method": "GET", "path": "/v1/payment_intents/.*", "status": 429, "retry_after": 200}
    people.house.peer.fault("status", **fault)
    people.house.pass_time(seconds=61)
    (shown,) = open_orders(people, kind="payment")
    people.house.pass_time(seconds=190)
    assert people.state(milestone) == "funding"
    people.house.pass_time(seconds=20)
    assert people.state(milestone) == "funded"
    assert shown["next_step"] == "The payment provider is asked how it is."


def test_b4_a_payment_that_nobody_has_made_yet_is_seen_with_its_decline_and_ends_after_a_week(people):
    (milestone,) = people.agree("100.00")
    people.fund(milestone, "pm_card_chargeDeclined")
    (shown,) = open_orders(people)
    assert (shown["kind"], shown["state"], shown["amount"]["amount"]) == ("payment", "open", "105.00")
    assert shown["answer"] == "The client has not paid yet. The last card was declined (generic_decline)."
    for _ in range(9):
        people.house.pass_time(days=1)
    people.finance.sign_in()
    assert open_orders(people) == []


@pytest.mark.parametrize(
    ("path", "kind", "act"),
    [("/v1/customers", "customer", "/checkout"), ("/v1/accounts", "account", "/v1/payouts/onboarding-link")],
)
def test_b4_a_record_whose_answer_was_lost_is_seen_until_its_person_comes_back(house, path, kind, act):
    people = cast(house)
    (milestone,) = people.agree("100.00")
    who = people.client if kind == "customer" else people.worker
    address = f"/v1/milestones/{milestone}{act}" if kind == "customer" else act
    house.peer.fault("cut_after_effect", method="POST", path=path)
    with pytest.raises(Refused, match="gateway_unavailable"):
        who.post(address)
    (shown,) = open_orders(people, kind=kind)
    assert (shown["state"], shown["amount"]) == ("unknown", None)
    assert shown["next_step"].startswith("It is looked for when the")
    house.settle()
    who.post(address)
    assert open_orders(people, kind=kind) == []


def test_b5_what_waits_for_a_person_says_for_whom_and_what_to_do(people, part):
    house = people.house
    (bad,) = people.agree("50.00")
    people.fund(bad, "pm_card_refundFail")
    house.pass_time(hours=49)
    people.worker.sign_in()
    people.refund(bad)
    house.pass_time(hours=25)
    for who in (people.client, people.worker, people.finance):
        who.sign_in()
    (owed,) = open_orders(people, kind="refund", state="failed")
    assert owed["next_step"] == "The client or staff order it again."
    assert owed["what_to_do"].endswith(f"POST /v1/refunds/{owed['id']}/order-again.")
    house.peer.restrict(people.worker.get("/v1/payouts/account")["gateway_id"])
    house.settle()
    people.release(part, "10.00")
    (waiting,) = open_orders(people, kind="transfer")
    assert (waiting["state"], waiting["what_to_do"]) == (
        "waiting",
        "Ask the worker to finish the payout account.",
    )
    with pytest.raises(Refused, match="not_permitted"):
        people.client.get("/v1/staff/orders")


def test_b5_work_that_was_given_up_says_why_and_how_it_is_taken_up_again(people):
    (milestone,) = people.agree("100.00")
    people.house.peer.webhooks(drop=1.0)
    people.client.post(f"/v1/milestones/{milestone}/checkout")
    people.house.peer.fault("status", method="GET", path="/v1/payment_intents/.*", status=400, count=None)
    for _ in range(14):
        people.house.pass_time(hours=1)
    people.finance.sign_in()
    (shown,) = open_orders(people)
    given_up = {work.id for work in reading(due.parked)}
    assert shown["next_step"].startswith("Given up after many tries: gateway_refused")
    assert shown["next_at"] is None
    assert shown["what_to_do"] in {
        f"Mend the reason, then `flask --app wsgi jobs retry {work_id}`." for work_id in given_up
    }


def test_b5_the_list_comes_in_pages_first_ordered_first(people):
    milestones = people.agree("10.00", "20.00", "30.00")
    for milestone in milestones:
        people.client.post(f"/v1/milestones/{milestone}/checkout")
    first = people.finance.get("/v1/staff/orders", limit=2)
    rest = people.finance.get("/v1/staff/orders", limit=2, cursor=first["next_cursor"])
    assert [shown["about"] for shown in first["data"] + rest["data"]] == milestones
    assert rest["next_cursor"] is None
    assert open_orders(people, kind="refund") == open_orders(people, state="waiting") == []


def asked(peer, path):
    return sum(entry["method"] == "POST" and entry["path"] == path for entry in peer.journal())


def at(text):
    return datetime.fromisoformat(text)
