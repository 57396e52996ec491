"""Events that never arrive are found in Stripe's own list, taken in once, and staff is told."""

from __future__ import annotations

import json
from itertools import islice

import pytest
from sqlalchemy import delete, select

from gateways.tables import EventSweep, WebhookEvent
from jobs.commands import webhooks_commands
from jobs.sweeping import sweep
from payments.answers import GatewayUnavailable
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from runtime.wiring import gateway
from sandbox.people import Refused
from tests.books import nothing_moves
from tests.story.agreement import check_agreement
from tests.story.plot import cast
from tests.story.short_story import play

HELD = {"held": "100.00", "client_fee": "5.00"}
# What a sweep writes down of itself; nothing else may move when there was nothing to find.
ITSELF = frozenset({"event_sweeps"})


@pytest.fixture
def milestone(people):
    (agreed,) = people.agree("100.00")
    return agreed


def test_a4_a_story_of_which_no_event_arrives_ends_with_every_event_in_the_inbox(house):
    house.peer.webhooks(drop=1.0)
    play(house)
    house.pass_time(hours=26)
    assert {row.event_id for row in kept()} >= {event["id"] for event in events(house) if concerns_us(event)}
    assert all(row.swept for row in kept())
    check_agreement(house.peer)


def test_a4_what_never_arrived_is_booked_within_the_hour(people, milestone):
    house = people.house
    house.peer.webhooks(drop=1.0)
    people.fund(milestone)
    assert people.state(milestone) == "funding"
    quietly(house, minutes=11)
    assert taken_in() > 0
    house.settle()
    assert people.where(milestone) == HELD
    check_agreement(house.peer)


def test_a4_looking_twice_finds_nothing_new(people, milestone):
    people.house.peer.webhooks(drop=1.0)
    people.fund(milestone)
    quietly(people.house, minutes=11)
    assert taken_in() > 0
    with nothing_moves(besides=ITSELF):
        assert taken_in() == 0


def test_a4_what_is_still_on_the_road_is_not_missed(people, milestone):
    house = people.house
    house.pass_time(minutes=11)
    house.peer.webhooks(delay=1.0, delay_seconds=60)
    people.fund(milestone)
    assert taken_in() == 0
    house.pass_time(minutes=2)
    assert people.where(milestone) == HELD
    quietly(house, minutes=11)
    assert taken_in() == 0
    assert not any(row.swept for row in kept())


def test_a4_what_was_found_and_arrives_all_the_same_is_handled_once(people, milestone):
    house = people.house
    house.peer.webhooks(drop=1.0)
    people.fund(milestone)
    quietly(house, minutes=11)
    assert taken_in() > 0
    house.peer.end_webhook_troubles()
    house.peer.redeliver()
    house.peer.drain()
    house.settle()
    ids = [(row.account, row.event_id) for row in kept()]
    assert len(ids) == len(set(ids))
    assert people.where(milestone) == HELD
    check_agreement(house.peer)


def test_a4_a_long_list_is_looked_through_page_by_page_and_goes_on_where_it_was_cut_off(people, milestone):
    house = people.house
    house.peer.webhooks(drop=1.0)
    for _ in range(4):
        for _ in range(30):
            house.peer.restrict(account_of(people))
        house.peer.complete_onboarding(account_of(people))
    quietly(house, minutes=11)
    account = account_of(people)
    before = len(asked(house))
    house.peer.fault("status", path="/v1/events", nth=2, count=2, status=500)
    with pytest.raises(GatewayUnavailable):
        taken_in(account)
    first = {row.event_id for row in kept() if row.swept}
    assert len(first) == 100
    house.peer.clear_faults()
    taken_in(account)
    assert {row.event_id for row in kept() if row.account == account} >= {
        event["id"] for event in events(house) if event.get("account") == account and concerns_us(event)
    }
    # The first page was not asked for again.
    pages = [entry["parameters"] for entry in asked(house)[before:] if entry["path"] == "/v1/events"]
    assert ["starting_after" in page for page in pages] == [False, *[True] * (len(pages) - 1)]


def test_a4_a_workers_account_is_looked_through_every_day(people):
    house, account = people.house, account_of(people)
    house.peer.webhooks(drop=1.0)
    house.peer.restrict(account)
    house.settle()
    assert people.worker.get("/v1/payouts/account")["can_be_paid_out"]
    house.pass_time(hours=25)
    house.pass_time(hours=1)
    people.worker.sign_in()
    assert not people.worker.get("/v1/payouts/account")["can_be_paid_out"]


def test_a4_staff_sees_what_the_endpoint_missed(people, milestone):
    house = people.house
    house.pass_time(minutes=60)
    (before,) = people.finance.get("/v1/staff/webhooks")["items"]
    assert (before["late"], before["missed_last_day"], before["text"]) == (False, 0, "Everything arrives.")
    house.peer.webhooks(drop=1.0)
    people.fund(milestone)
    house.pass_time(minutes=70)
    (after,) = people.finance.get("/v1/staff/webhooks")["items"]
    assert after["missed_last_day"] > 0
    assert after["text"].startswith("Events were sent and did not arrive")
    with pytest.raises(Refused, match="not_permitted"):
        people.client.get("/v1/staff/webhooks")


def test_a4_nobody_looking_is_an_alarm_of_its_own(people):
    house = people.house
    house.pass_time(minutes=60)
    assert people.finance.get("/readyz")["checks"]["webhooks"] == "ok"
    quietly(house, hours=5)
    people.finance.sign_in()
    assert people.finance.get("/readyz")["checks"]["webhooks"] == "not looked for"
    (shown,) = people.finance.get("/v1/staff/webhooks")["items"]
    assert (shown["late"], shown["text"].split(":")[0]) == (True, "Nobody has looked for lost events lately")
    house.settle()
    assert people.finance.get("/readyz")["checks"]["webhooks"] == "ok"


def test_a4_after_more_than_a_month_everything_is_asked_for_instead_and_that_is_said(people, milestone):
    house, account = people.house, account_of(people)
    people.fund(milestone)
    house.pass_time(minutes=60)
    house.peer.webhooks(drop=1.0)
    house.peer.restrict(account)
    quietly(house, days=40)
    house.settle()
    people.worker.sign_in(), people.finance.sign_in()
    assert not people.worker.get("/v1/payouts/account")["can_be_paid_out"]
    (shown,) = people.finance.get("/v1/staff/webhooks")["items"]
    assert shown["blind_since"] < shown["blind_until"]
    assert {"refresh_payment", "refresh_account"} <= {work.kind for work in works("ask_for_everything")}
    check_agreement(house.peer)


def test_a4_the_command_looks_everywhere_and_says_how_much_was_missing(house, people, milestone, runner):
    house.peer.webhooks(drop=1.0)
    people.fund(milestone)
    house.peer.restrict(account_of(people))
    quietly(house, minutes=11)
    told = runner("sweep")
    assert told.exit_code == 0
    assert "had not arrived and will be handled now." in told.output
    house.settle()
    people.client.sign_in()
    assert people.where(milestone) == HELD
    assert not people.worker.get("/v1/payouts/account")["can_be_paid_out"]
    assert runner("sweep").output.endswith("Nothing was missing.\n")


def test_a4_the_command_says_when_the_gateway_does_not_answer(house, people, runner):
    house.peer.fault("status", path="/v1/events", count=4, status=503)
    with nothing_moves(besides=ITSELF):
        told = runner("sweep")
    assert told.exit_code == 1
    assert "did not answer" in told.output


def test_a4_two_who_look_at_the_same_time_take_in_each_event_once(house):
    people = cast(house)
    house.peer.webhooks(drop=1.0)
    people.set_up_payouts()
    quietly(house, minutes=11)
    both = [sweep(gateway("stripe")), sweep(gateway("stripe"))]
    while both:
        both = [each for each in both if next(each, None) is not None]
    ids = [(row.account, row.event_id) for row in kept()]
    assert len(ids) == len(set(ids))
    assert looked("").until is None


def test_a4_the_first_look_ends_however_many_pages_a_month_has(people):
    house, account = people.house, account_of(people)
    house.peer.webhooks(drop=1.0)
    happen(house, account)
    quietly(house, minutes=11)
    atomically(lambda session: session.execute(delete(EventSweep)))
    pages = list(islice(sweep(gateway("stripe"), account), 20))
    assert pages[-1].done
    assert {row.event_id for row in kept()} >= {
        event["id"] for event in events(house) if event.get("account") == account and concerns_us(event)
    }


def test_a4_what_the_list_forgets_while_it_is_looked_through_is_said_to_be_lost(people):
    house, account = people.house, account_of(people)
    house.pass_time(minutes=60)
    house.peer.webhooks(drop=1.0)
    happen(house, account)
    quietly(house, days=29, hours=22)
    assert not next(sweep(gateway("stripe"), account)).done
    assert looked(account).blind_since is None
    quietly(house, hours=12)
    taken_in(account)
    row = looked(account)
    assert row.blind_since < row.blind_until < row.swept_until


def test_a4_a_first_look_that_never_ends_is_an_alarm_too(people):
    house = people.house
    atomically(lambda session: session.execute(delete(EventSweep)))
    house.peer.fault("status", path="/v1/events", count=None, status=500)
    with pytest.raises(GatewayUnavailable):
        taken_in()
    assert people.finance.get("/readyz")["checks"]["webhooks"] == "ok"
    quietly(house, hours=5)
    people.finance.sign_in()
    assert people.finance.get("/readyz")["checks"]["webhooks"] == "not looked for"


@pytest.fixture
def runner(house):
    house.app.cli.add_command(webhooks_commands)
    return lambda *arguments: house.app.test_cli_runner().invoke(args=["webhooks", *arguments])


def quietly(house, **span):
    """Time passes, and nobody does anything."""
    house.clock.advance(**span)


def happen(house, account):
    """More than fits on a page."""
    for _ in range(60):
        house.peer.restrict(account)
        house.peer.complete_onboarding(account)


def looked(account):
    """How far the news of this account have been looked through."""
    of_account = select(EventSweep).where(EventSweep.account == account)
    return reading(lambda session: session.scalars(of_account).one())


def taken_in(account=""):
    return sum(len(page.missed) for page in sweep(gateway("stripe"), account))


def kept():
    return reading(lambda session: list(session.scalars(select(WebhookEvent))))


def works(cause):
    """The work that came of this work."""
    (of,) = reading(lambda session: list(session.scalars(select(DueWork).where(DueWork.kind == cause))))
    statement = select(DueWork).where(DueWork.dedup_key.contains(of.id))
    return reading(lambda session: list(session.scalars(statement)))


def events(house):
    return [thing for thing in house.peer.state()["objects"].values() if thing["object"] == "event"]


def asked(house):
    return house.peer.journal()


def concerns_us(event):
    return gateway("stripe").read_event(json.dumps(event).encode()).kind is not None


def account_of(people):
    return people.worker.get("/v1/payouts/account")["gateway_id"]
