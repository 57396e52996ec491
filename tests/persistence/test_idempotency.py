from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from kernel.refusals import Conflict, Invalid, Unavailable
from persistence import clock as database_clock
from persistence import idempotency, outbox
from persistence.idempotency import (
    STARTED,
    Answer,
    IdempotencyKeyReused,
    Request,
    RequestInProgress,
    answered_once,
)
from persistence.tables import IdempotencyKey, OutboxEvent
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.threads import together

_ASKED = Request("us_1", "key-1", b"f" * 32)


class NotHeld(Conflict):
    """It is not held, for a test."""

    code = "not_held_in_a_test"


class Down(Unavailable):
    """It is down, for a test."""

    code = "down_in_a_test"


def test_the_second_request_gets_the_first_answer_and_moves_nothing(database):
    first = answered_once(_ASKED, _release, _keep)
    with nothing_moves():
        second = answered_once(_ASKED, _release, _keep)
    assert first == Answer(200, '{"net":"90.00"}', {"ETag": "1"}, "ms_1")
    assert second == Answer(200, '{"net":"90.00"}', {"ETag": "1"}, "ms_1", replayed=True)
    assert reading(_releases) == 1


def test_thirty_two_requests_with_one_key_are_carried_out_once_and_answered_alike(database):
    answers = together(lambda: answered_once(_ASKED, _release, _keep), people=32)
    assert reading(_releases) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert {(answer.status, answer.body, answer.resource_id) for answer in answers} == {
        (200, '{"net":"90.00"}', "ms_1")
    }


def test_thirty_two_requests_that_are_refused_are_refused_alike(database):
    answers = together(lambda: answered_once(_ASKED, _refuse, _keep), people=32)
    assert reading(_releases) == 0
    assert {(answer.status, answer.body) for answer in answers} == {(409, "not_held_in_a_test")}


def test_a_key_stands_for_one_request_only(database):
    answered_once(_ASKED, _release, _keep)
    with expect_refusal(IdempotencyKeyReused) as caught:
        answered_once(Request("us_1", "key-1", b"g" * 32), _release, _keep)
    assert caught.value.field == "Idempotency-Key"


def test_two_people_may_choose_the_same_key(database):
    answered_once(_ASKED, _release, _keep)
    answer = answered_once(Request("us_2", "key-1", b"f" * 32), _release, _keep)
    assert answer.replayed is False
    assert reading(_releases) == 2


def test_keys_that_differ_in_case_are_different_keys(database):
    for key in ("key-a", "key-A", "Key-a", "KEY-A"):
        assert answered_once(Request("us_1", key, b"f" * 32), _release, _keep).replayed is False
    assert reading(_releases) == 4


def test_a_refusal_that_cannot_change_is_kept_and_repeated(database):
    assert answered_once(_ASKED, _refuse, _keep) == Answer(409, "not_held_in_a_test")
    with nothing_moves():
        assert answered_once(_ASKED, _release, _keep) == Answer(409, "not_held_in_a_test", replayed=True)
    assert reading(_releases) == 0


def test_a_refusal_that_may_change_is_not_kept(database):
    def down(session):
        _release(session)
        raise Down("later")

    with expect_refusal(Down):
        answered_once(_ASKED, down, _keep)
    assert answered_once(_ASKED, _release, _keep).replayed is False
    assert reading(_releases) == 1


def test_an_act_that_fails_leaves_its_key_free(database):
    def broken(session):
        _release(session)
        session.flush()
        raise ZeroDivisionError

    with nothing_moves(), pytest.raises(ZeroDivisionError):
        answered_once(_ASKED, broken, _keep)
    assert answered_once(_ASKED, _release, _keep).replayed is False


def test_a_request_in_progress_is_refused_until_its_lease_runs_out(database, clock):
    held = atomically(idempotency.claim, _ASKED)
    assert (held.recovery_point, held.answer) == (STARTED, None)
    with expect_refusal(RequestInProgress):
        answered_once(_ASKED, _release, _keep)
    clock.advance(seconds=61)
    assert answered_once(_ASKED, _release, _keep).replayed is False


def test_whoever_comes_after_the_lease_goes_on_where_the_first_stopped(database, clock):
    def order(session):
        held = idempotency.claim(session, _ASKED)
        idempotency.advance(session, held, recovery_point="ordered", resource_id="py_1")

    atomically(order)
    clock.advance(seconds=61)
    again = atomically(idempotency.claim, _ASKED)
    assert (again.recovery_point, again.resource_id, again.answer) == ("ordered", "py_1", None)


def test_a_key_given_back_is_free_at_once_and_knows_how_far_it_came(database):
    def order(session):
        held = idempotency.claim(session, _ASKED)
        idempotency.advance(session, held, recovery_point="ordered", resource_id="py_1")
        return held

    held = atomically(order)
    atomically(idempotency.give_back, held)
    assert atomically(idempotency.claim, _ASKED).recovery_point == "ordered"


def test_eight_who_claim_one_key_at_once_get_it_once(database):
    def try_it():
        try:
            return atomically(idempotency.claim, _ASKED).recovery_point
        except RequestInProgress:
            return "in progress"

    assert sorted(together(try_it, people=8)) == ["in progress"] * 7 + [STARTED]


def test_an_answer_without_a_body_is_kept_without_one(database):
    secret = Answer(201, None, {}, "py_1")
    answered_once(_ASKED, lambda _session: secret, _keep)
    assert answered_once(_ASKED, lambda _session: secret, _keep) == Answer(
        201, None, {}, "py_1", replayed=True
    )


def test_keys_are_kept_for_a_month_and_then_forgotten(database, clock):
    answered_once(_ASKED, _release, _keep)
    clock.advance(days=29)
    with nothing_moves():
        assert atomically(idempotency.forget_expired) == 0
    clock.advance(days=2)
    assert atomically(idempotency.forget_expired) == 1
    assert reading(_keys) == 0


def test_a_key_lasts_thirty_days_from_its_first_use(database):
    before = reading(database_clock.now)
    answered_once(_ASKED, _release, _keep)
    kept = reading(_expiry) - before
    assert timedelta(days=30) <= kept < timedelta(days=30, hours=1)


def _release(session):
    outbox.publish(session, name="milestone.released", subject="ms_1")
    return Answer(200, '{"net":"90.00"}', {"ETag": "1"}, "ms_1")


def _refuse(session):
    _release(session)
    raise NotHeld("no")


def _keep(refusal):
    return Answer(409, refusal.code) if isinstance(refusal, Conflict | Invalid) else None


def _releases(session):
    return session.scalar(select(func.count()).select_from(OutboxEvent))


def _keys(session):
    return session.scalar(select(func.count()).select_from(IdempotencyKey))


def _expiry(session):
    return session.scalar(select(IdempotencyKey.expires_at))
