"""Signing in: the right password opens, a wrong one costs time, and guessing costs more and more of it."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from identity.sign_in import SignInRefused
from identity.tables import SignInAttempts, User, UserSession
from identity.throttle import TooManyAttempts, forget_old_attempts
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.identity.people import EMAIL, PASSWORD, open_account, try_to_sign_in
from tests.threads import at_once


def fail(times=1, **attempt):
    for _ in range(times):
        with pytest.raises(SignInRefused):
            try_to_sign_in(**({"password": "not that one"} | attempt))


def wait_after_failure(**attempt):
    with nothing_moves(), pytest.raises(TooManyAttempts) as refused:
        try_to_sign_in(**attempt)
    return refused.value.details["retry_after_seconds"]


def test_the_right_password_opens_a_session(database):
    user_id = open_account()
    try_to_sign_in(user_agent="Holdfast/1.0 (iPhone)")
    row = reading(lambda session: session.scalars(select(UserSession)).one())
    assert (row.user_id, row.user_agent) == (user_id, "Holdfast/1.0 (iPhone)")


def test_a_wrong_password_and_an_unknown_email_open_nothing_and_say_the_same(database):
    open_account()
    details = set()
    for attempt in ({"password": "not that one"}, {"email": "bob@example.com"}):
        with pytest.raises(SignInRefused) as refused:
            try_to_sign_in(**attempt)
        details.add((refused.value.detail, refused.value.field, str(refused.value.details)))
    assert len(details) == 1
    assert number_of_sessions() == 0


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_guessing_at_one_email_doubles_the_wait_each_time(database, clock, email):
    open_account()
    waits = []
    fail(5, email=email)
    for _ in range(8):
        waits.append(wait_after_failure(email=email, address="203.0.113.9"))
        clock.advance(seconds=waits[-1])
        fail(email=email)
    # Whole seconds, rounded up; some of each wait has passed when it is asked for.
    expected = [15, 30, 60, 120, 240, 480, 900, 900]
    assert all(wanted - 10 <= wait <= wanted for wait, wanted in zip(waits, expected, strict=True)), waits


def test_the_right_password_is_not_looked_at_too_early(database, clock):
    open_account()
    fail(5)
    wait_after_failure()
    assert number_of_sessions() == 0
    clock.advance(seconds=15)
    try_to_sign_in()
    assert number_of_sessions() == 1


def test_the_right_password_forgets_the_failures(database, clock):
    open_account()
    fail(4)
    try_to_sign_in()
    fail(4)
    try_to_sign_in()
    assert number_of_sessions() == 2


def test_guessing_at_many_emails_from_one_address_is_slowed_down_too(database, clock):
    for number in range(20):
        fail(email=f"{number}@example.com", address="203.0.113.66")
    assert wait_after_failure(email="fresh@example.com", address="203.0.113.66") >= 1
    fail(email="fresh@example.com", address="203.0.113.67")


def test_an_account_of_ones_own_does_not_clear_the_address(database, clock):
    open_account()
    for number in range(18):
        fail(email=f"{number}@example.com", address="203.0.113.66")
    try_to_sign_in(address="203.0.113.66")
    fail(2, email="a@example.com", address="203.0.113.66")
    assert wait_after_failure(email="b@example.com", address="203.0.113.66") >= 1


def test_signing_in_rightly_is_never_counted_against_an_address(database):
    open_account()
    for _ in range(25):
        try_to_sign_in(address="203.0.113.66")
    assert number_of_sessions() == 25


def test_of_many_guesses_at_once_no_more_are_looked_at_than_one_by_one(database):
    open_account()
    results = at_once(*[lambda: try_to_sign_in(password="not that one")] * 16)
    assert {type(result) for result in results} == {SignInRefused, TooManyAttempts}
    assert sum(type(result) is SignInRefused for result in results) == 5


def test_failures_are_forgotten_after_a_day(database, clock):
    fail(4)
    clock.advance(hours=24, seconds=1)
    fail(5)
    wait_after_failure()


def test_counts_long_past_are_dropped(database, clock):
    fail(1, email="old@example.com", address="203.0.113.1")
    clock.advance(hours=23)
    fail(1, email="new@example.com", address="203.0.113.2")
    clock.advance(hours=2)
    assert atomically(forget_old_attempts) == 2
    assert reading(lambda session: session.scalar(select(func.count(SignInAttempts.digest)))) == 2


def test_who_tried_is_kept_as_a_digest_only(database):
    fail(1, email="nobody@example.com", address="203.0.113.77")
    digests = reading(lambda session: session.scalars(select(SignInAttempts.digest)).all())
    assert len(digests) == 2
    assert all(len(digest) == 64 and digest.isalnum() for digest in digests)


def test_a_hash_of_yesterdays_parameters_is_renewed_at_the_next_sign_in(database):
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    open_account(password_hash=weak)
    fail()
    assert reading(kept_hash) == weak
    try_to_sign_in()
    assert reading(kept_hash).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    try_to_sign_in()
    assert number_of_sessions() == 2


def test_an_address_spelt_in_another_way_is_counted_with_it(database):
    fail(3, email="Ana@Example.com")
    fail(2, email=" ANA@example.com ")
    with expect_refusal(TooManyAttempts):
        try_to_sign_in(email="ana@example.com")


def kept_hash(session):
    return session.scalars(select(User.password_hash)).one()


def number_of_sessions():
    return reading(lambda session: session.scalar(select(func.count(UserSession.id))))
