"""C1 to C5, E6 and B4: several people and the clock at the same moment, over HTTP; one of them wins, and money once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from identity.permissions import Role
from sandbox.people import Refused
from tests.story.agreement import check_agreement
from tests.story.plot import hired
from tests.threads import at_once, succeeded

ALL = {"amount": "100.00", "currency": "USD"}


@pytest.fixture
def milestone(people):
    """A milestone whose work was handed in."""
    (agreed,) = people.agree("100.00")
    people.fund(agreed)
    people.submit(agreed)
    return agreed


def deadline(people, milestone):
    return datetime.fromisoformat(people.client.get(f"/v1/milestones/{milestone}")["deadline_at"])


def wait_until(people, milestone, **before):
    """The clock stands so long before the end of the 72 hours; nothing that is due was done yet."""
    ahead = deadline(people, milestone) - datetime.now(UTC) - timedelta(**before)
    people.house.clock.advance(seconds=ahead.total_seconds())
    sign_in_again(people)


def sign_in_again(people):
    # Whoever acts at the same moment in two tabs does not renew one token in both.
    for who in (people.client, people.worker, people.finance):
        who.sign_in()


def release(people, milestone):
    return people.client.post(f"/v1/milestones/{milestone}/release", {"amount": ALL})


def dispute(people, milestone, who):
    return who.post(f"/v1/milestones/{milestone}/dispute", {"reason": "It does not work."})


def work(people):
    return people.house.work(people.house.redis_url)


def refused(results):
    """The codes of those that lost; nothing else may have gone wrong."""
    failures = [each for each in results if isinstance(each, Exception)]
    assert all(isinstance(each, Refused) for each in failures), failures
    return [each.problem["code"] for each in failures]


def paid_once(people, milestone):
    people.house.settle()
    assert people.state(milestone) == "released"
    assert len(people.client.get(f"/v1/milestones/{milestone}")["releases"]) == 1
    people.house.pass_time(hours=49)
    people.worker.sign_in()
    assert people.wallet() == {"available": "90.00"}
    check_agreement(people.house.peer)


def test_c1_three_clicks_in_two_tabs_release_once(people, milestone):
    results = at_once(*[lambda: release(people, milestone)] * 3)
    assert (len(succeeded(results)), set(refused(results))) == (1, {"act_not_possible"})
    paid_once(people, milestone)


def test_c1_accepting_while_the_72_hours_end_pays_once(people, milestone):
    wait_until(people, milestone, seconds=-1)
    results = at_once(lambda: release(people, milestone), lambda: work(people))
    assert refused(results) in ([], ["act_not_possible"])
    paid_once(people, milestone)


@pytest.mark.parametrize("seconds", [30, -1])
def test_c2_a_dispute_before_the_deadline_wins_and_one_after_it_is_told_what_happened(
    people, milestone, seconds
):
    wait_until(people, milestone, seconds=seconds)
    results = at_once(lambda: dispute(people, milestone, people.client), lambda: work(people))
    people.house.settle()
    if seconds > 0:
        assert refused(results) == []
        assert people.state(milestone) == "disputed"
        people.house.pass_time(hours=100)
        assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
        assert people.wallet() == {}
    else:
        (code,) = refused(results)
        assert code in {"review_window_over", "act_not_possible"}
        paid_once(people, milestone)


def test_c2_accept_dispute_and_timer_at_once_end_in_one_of_the_allowed_ways(people, milestone):
    wait_until(people, milestone, seconds=30)
    results = at_once(
        lambda: release(people, milestone),
        lambda: dispute(people, milestone, people.client),
        lambda: dispute(people, milestone, people.worker),
        lambda: work(people),
    )
    people.house.settle()
    # The work of the clock is no act of theirs, and never fails.
    assert (len(succeeded(results)), set(refused(results))) == (2, {"act_not_possible"})
    assert people.state(milestone) in {"released", "disputed"}
    if people.state(milestone) == "released":
        paid_once(people, milestone)
    check_agreement(people.house.peer)


def test_c3_a_timer_is_never_early_and_late_is_fine_after_days_without_anybody_at_work(people, milestone):
    wait_until(people, milestone, seconds=30)
    people.house.settle()
    assert people.state(milestone) == "submitted"
    # Nobody works for ten days; then two workers come at once.
    people.house.clock.advance(days=10)
    at_once(lambda: work(people), lambda: work(people))
    sign_in_again(people)
    paid_once(people, milestone)


def test_c5_the_timer_of_a_submission_that_was_sent_back_is_void(people, milestone):
    people.client.post(f"/v1/milestones/{milestone}/request-changes", {"what": "The blue is too dark."})
    people.house.pass_time(hours=71)
    people.submit(milestone)
    first = deadline(people, milestone)
    people.house.pass_time(hours=2)
    assert people.state(milestone) == "submitted", "the first window ended an hour ago"
    assert deadline(people, milestone) == first
    people.house.pass_time(hours=71)
    paid_once(people, milestone)


def test_e6_more_than_was_paid_never_goes_back_whoever_asks_at_once(people):
    other, milestone = people.agree("500.00", "100.00")
    people.fund(other)
    people.fund(milestone)
    people.house.pass_time(hours=49)
    sign_in_again(people)
    body = {"amount": {"amount": "60.00", "currency": "USD"}, "reason": "I cannot do it."}
    path = f"/v1/milestones/{milestone}/refund"
    results = at_once(*[lambda: people.worker.post(path, body)] * 3)
    assert (len(succeeded(results)), set(refused(results))) == (1, {"amount_not_held"})
    people.house.settle()
    assert people.where(milestone) == {"held": "40.00", "client_fee": "2.00", "refunded": "63.00"}
    check_agreement(people.house.peer)


def test_e6_a_refund_and_a_decision_of_the_mediator_share_what_is_held(people, milestone):
    mediator = hired(people.house, Role.MEDIATOR)
    dispute(people, milestone, people.worker)
    decision = {"to_worker": ALL, "to_client": {**ALL, "amount": "0.00"}, "decision": "It works."}
    back = {"amount": ALL, "reason": "I cannot do it."}
    results = at_once(
        lambda: mediator.post(f"/v1/milestones/{milestone}/settle", decision),
        lambda: people.worker.post(f"/v1/milestones/{milestone}/refund", back),
    )
    assert refused(results) == ["act_not_possible"]
    paid_once(people, milestone)
