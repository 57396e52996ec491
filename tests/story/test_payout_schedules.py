"""Who chose a day is paid on it, once, all that is available; who cannot be is told why and what to do."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from persistence import due
from persistence.unit_of_work import atomically
from sandbox.people import Refused
from tests.books import nothing_moves
from tests.story.agreement import check_agreement

_REQUESTS = frozenset({"idempotency_keys", "user_sessions"})
_DAILY = {"interval": "daily"}


@pytest.fixture(autouse=True)
def _after_the_days_payouts(clock):
    """Who chooses a day is paid at six in the morning, so that a day of these stories begins later than that."""
    tomorrow = clock.now() + timedelta(days=1)
    clock.set(tomorrow.replace(hour=7, minute=0))


def choose(people, order, **options):
    return people.worker.post("/v1/payouts/schedule", order, **options)


def schedule(people):
    return people.worker.get("/v1/payouts/balance")["schedule"]


def account_of(people):
    return people.worker.get("/v1/payouts/account")["gateway_id"]


def payouts(people):
    return people.worker.get("/v1/payouts")["data"]


def earn(people, price):
    """Nine tenths of it can be withdrawn at once."""
    (milestone,) = people.agree(price)
    people.fund(milestone, "pm_card_bypassPending")
    people.release(milestone)


def test_who_is_paid_daily_is_paid_all_that_is_available_once_a_day(people):
    chosen = choose(people, _DAILY)
    assert (chosen["interval"], chosen["last"]) == ("daily", [])
    earn(people, "100.00")
    people.house.pass_time(hours=25)
    (payout,) = payouts(people)
    assert (payout["amount"]["amount"], payout["by_schedule"], payout["method"]) == (
        "90.00",
        True,
        "standard",
    )
    (last,) = schedule(people)["last"]
    assert (last["outcome"], last["payout_id"]) == ("requested", payout["id"])
    assert last["reason"] == "$90.00 was sent on its way to your bank."
    earn(people, "10.00")
    people.house.pass_time(hours=1)
    assert len(payouts(people)) == 1
    people.house.pass_time(hours=24)
    assert [each["amount"]["amount"] for each in payouts(people)] == ["9.00", "90.00"]
    people.house.pass_time(hours=120)
    assert {each["state"] for each in payouts(people)} == {"paid"}
    assert people.wallet() == {}
    check_agreement(people.house.peer)


def test_who_is_paid_weekly_is_paid_on_that_day_and_sees_the_date(people):
    chosen = choose(people, {"interval": "weekly", "weekday": "friday"})
    next_at = datetime.fromisoformat(chosen["next_at"])
    assert (next_at.weekday(), next_at.hour) == (4, 6)
    assert schedule(people)["next_at"] == chosen["next_at"]
    earn(people, "100.00")
    people.house.pass_time(seconds=(next_at - people.house.clock.now()).total_seconds() - 3_600)
    assert payouts(people) == []
    people.house.pass_time(hours=2)
    assert [each["amount"]["amount"] for each in payouts(people)] == ["90.00"]
    after = datetime.fromisoformat(schedule(people)["next_at"])
    assert after - next_at == timedelta(days=7)
    people.house.pass_time(hours=144)
    check_agreement(people.house.peer)


def test_a_schedule_that_is_previewed_is_not_chosen(people):
    with nothing_moves(besides=_REQUESTS):
        shown = choose(people, _DAILY, preview="true")
    assert shown["result"]["next_at"] is not None
    assert schedule(people)["interval"] == "on_demand"


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"interval": "weekly"}, "/weekday"),
        ({"interval": "daily", "weekday": "monday"}, "/weekday"),
        ({"interval": "on_demand", "minimum": {"amount": "5.00", "currency": "USD"}}, "/minimum"),
    ],
)
def test_a_schedule_that_says_too_little_or_too_much_is_refused(people, order, field):
    with nothing_moves(besides=_REQUESTS), pytest.raises(Refused) as caught:
        choose(people, order)
    assert (caught.value.problem["code"], caught.value.problem["field"]) == (
        "payout_schedule_malformed",
        field,
    )


def test_who_goes_back_to_on_demand_is_paid_when_they_ask(people):
    choose(people, _DAILY)
    choose(people, {"interval": "on_demand"})
    earn(people, "100.00")
    people.house.pass_time(hours=50)
    assert payouts(people) == []
    assert people.wallet() == {"available": "90.00"}
    check_agreement(people.house.peer)


def test_g4_a_scheduled_payout_below_the_minimum_says_so_and_goes_by_itself_once_there_is_enough(people):
    choose(people, _DAILY)
    earn(people, "1.00")
    people.house.pass_time(hours=25)
    assert payouts(people) == []
    (last,) = schedule(people)["last"]
    assert (last["outcome"], last["reason"]) == (
        "below_minimum",
        "$0.90 waits: payments to your bank start at $1.00.",
    )
    earn(people, "10.00")
    people.house.pass_time(hours=25)
    assert [each["amount"]["amount"] for each in payouts(people)] == ["9.90"]
    people.house.pass_time(hours=120)
    assert people.wallet() == {}
    check_agreement(people.house.peer)


def test_g4_a_workers_own_minimum_keeps_the_money_until_it_is_reached(people):
    choose(people, _DAILY | {"minimum": {"amount": "50.00", "currency": "USD"}})
    earn(people, "20.00")
    people.house.pass_time(hours=25)
    (last,) = schedule(people)["last"]
    assert (last["outcome"], last["reason"]) == (
        "below_own_minimum",
        "$18.00 waits: it is less than your own minimum of $50.00.",
    )
    earn(people, "40.00")
    people.house.pass_time(hours=25)
    assert [each["amount"]["amount"] for each in payouts(people)] == ["54.00"]
    people.house.pass_time(hours=120)
    check_agreement(people.house.peer)


def test_g1_an_account_that_cannot_be_paid_is_left_alone_and_told_the_one_thing_to_do(people):
    peer = people.house.peer
    choose(people, _DAILY)
    earn(people, "100.00")
    peer.restrict(account_of(people))
    people.house.pass_time(hours=25)
    assert payouts(people) == []
    (last,) = schedule(people)["last"]
    assert last["outcome"] == "account_not_ready"
    (shown,) = people.worker.get("/v1/payouts/balance")["balances"]
    assert [notice["code"] for notice in shown["notices"]] == ["account_not_ready"]
    assert "Complete your payout account." in shown["notices"][0]["text"]
    peer.complete_onboarding(account_of(people))
    people.house.settle()
    people.house.pass_time(hours=25)
    assert [each["amount"]["amount"] for each in payouts(people)] == ["90.00"]
    people.house.pass_time(hours=120)
    check_agreement(peer)


def test_g6_below_zero_nothing_is_paid_by_itself_until_it_is_made_up_for(people):
    peer = people.house.peer
    choose(people, _DAILY)
    earn(people, "100.00")
    peer.book_line("moon_fee", -10_000, account=account_of(people))
    people.house.pass_time(hours=25)
    assert payouts(people) == []
    (last,) = schedule(people)["last"]
    assert last["outcome"] == "negative_balance"
    peer.book_line("moon_fee", 10_000, account=account_of(people))
    people.house.pass_time(hours=25)
    assert [each["amount"]["amount"] for each in payouts(people)] == ["90.00"]
    people.house.pass_time(hours=120)
    check_agreement(peer)


def test_a_gateway_that_is_away_delays_the_day_and_does_not_double_it(people):
    peer = people.house.peer
    choose(people, _DAILY)
    earn(people, "100.00")
    peer.fault("cut_before_effect", method="GET", path="/v1/balance", count=None)
    people.house.pass_time(hours=25)
    assert payouts(people) == []
    peer.clear_faults()
    people.house.pass_time(hours=3)
    assert [each["amount"]["amount"] for each in payouts(people)] == ["90.00"]
    people.house.pass_time(hours=120)
    assert len(payouts(people)) == 1
    check_agreement(peer)


def test_the_same_day_given_out_again_pays_nothing_more(people):
    chosen = choose(people, _DAILY)
    earn(people, "100.00")
    people.house.pass_time(hours=25)
    earn(people, "10.00")
    for number in range(3):
        atomically(
            due.schedule,
            kind="pay_by_schedule",
            subject=chosen["id"],
            due_at=people.house.clock.now(),
            key=f"again:{number}",
            payload={"due_at": chosen["next_at"].replace("Z", "+00:00")},
        )
    people.house.settle()
    assert len(payouts(people)) == 1
    people.house.pass_time(hours=120)
    check_agreement(people.house.peer)
