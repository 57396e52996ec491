"""D7: what is held is held no longer than the law allows, and both sides know until when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from identity.permissions import Role
from persistence.tables import OutboxEvent
from persistence.unit_of_work import reading
from tests.story.agreement import check_agreement
from tests.story.plot import Cast, hired, joined


def told(name):
    query = select(OutboxEvent.payload).where(OutboxEvent.name == name).order_by(OutboxEvent.id)
    return reading(lambda session: list(session.scalars(query)))


@pytest.fixture
def abroad(house):
    """A client, and a worker in Germany, where it is 90 days."""
    people = Cast(
        house, joined(house, "client"), joined(house, "worker", country="DE"), hired(house, Role.FINANCE)
    )
    people.set_up_payouts()
    return people


def funded(people):
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    return milestone


def pass_days(people, days):
    for _ in range(days):
        people.house.clock.advance(days=1)
    people.house.settle()
    for who in (people.client, people.worker, people.finance):
        who.sign_in()


def test_d7_both_sides_are_told_and_then_what_is_held_goes_back(abroad):
    milestone = funded(abroad)
    shown = abroad.client.get(f"/v1/milestones/{milestone}")
    paid, until = (datetime.fromisoformat(shown[name]) for name in ("funded_at", "hold_until"))
    assert until - paid == timedelta(days=90)
    request = {"amount": {"amount": "30.00", "currency": "USD"}, "reason": "Too late."}
    abroad.client.post(f"/v1/milestones/{milestone}/refund-requests", request)

    pass_days(abroad, 53)
    assert told("milestone.holding_limit_near") == []
    pass_days(abroad, 2)
    assert [each["percent"] for each in told("milestone.holding_limit_near")] == [60]
    pass_days(abroad, 18)
    assert [each["percent"] for each in told("milestone.holding_limit_near")] == [60, 80]
    assert abroad.state(milestone) == "funded"
    pass_days(abroad, 16)
    assert abroad.state(milestone) == "funded", "early never happens"
    pass_days(abroad, 2)
    assert abroad.state(milestone) == "refunded"
    # Stripe waits for what it kept of the charge itself.
    assert abroad.where(milestone) == {"refunding": "105.00"}
    (asked,) = abroad.client.get(f"/v1/milestones/{milestone}")["refund_requests"]
    assert asked["state"] == "agreed"
    check_agreement(abroad.house.peer)


def test_d7_what_was_handed_in_is_released_and_not_given_back(abroad):
    milestone = funded(abroad)
    pass_days(abroad, 89)
    abroad.submit(milestone)
    pass_days(abroad, 2)
    assert abroad.state(milestone) == "submitted"
    assert told("milestone.holding_limit_reached") == [], "nobody has to decide"
    pass_days(abroad, 2)
    assert abroad.state(milestone) == "released"
    check_agreement(abroad.house.peer)


def test_d7_what_is_disputed_is_told_to_staff_every_day_until_somebody_decides(abroad):
    milestone = funded(abroad)
    abroad.client.post(f"/v1/milestones/{milestone}/dispute", {"reason": "It does not work."})
    for _ in range(3):
        pass_days(abroad, 31)
    seen = len(told("milestone.holding_limit_reached"))
    pass_days(abroad, 2)
    again = told("milestone.holding_limit_reached")
    assert (seen >= 1, len(again) > seen, again[-1]["state"]) == (True, True, "disputed")
    assert abroad.where(milestone)["held"] == "100.00"
    check_agreement(abroad.house.peer)


def test_d7_nothing_is_said_of_what_was_released_in_time(abroad):
    milestone = funded(abroad)
    abroad.release(milestone)
    pass_days(abroad, 95)
    assert told("milestone.holding_limit_near") == []
    assert abroad.state(milestone) == "released"
