"""Signing in: the right password opens, a wrong one costs time, and guessing costs more and more of it."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from identity import emails, throttle
from identity.passwords import SignInsBusy
from identity.sign_in import SignInRefused, admit, attempt
from identity.tables import SignInAttempts, User, UserSession
from identity.throttle import TooManyAttempts, forget_old_attempts
from persistence import clock as clock_of
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.identity.people import EMAIL, PASSWORD, open_account, try_to_sign_in
from tests.threads import at_once


def fail(times=1, **attempt):
    for _ in range(times):
        with pytest.raises(SignInRefused):
            try_to_sign_in(**({"password": "not that one"} | attempt))


def guessed(times, *, email, address):
    """So many failures, all of them judged at once; `{}` is the number of each."""
    for number in range(times):
        attempt_made = throttle.tried(
            email_digest=emails.digest(email.format(number)), address=address.format(number)
        )
        atomically(throttle.failed, attempt_made)


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
    for wrong in ({"password": "not that one"}, {"email": "bob@example.com"}):
        with pytest.raises(SignInRefused) as refused:
            try_to_sign_in(**wrong)
        details.add((refused.value.detail, refused.value.field, str(refused.value.details)))
    assert len(details) == 1
    assert number_of_sessions() == 0


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_guessing_at_one_email_doubles_the_wait_each_time(database, clock, email):
    open_account()
    waits = []
    fail(5, email=email)
    for _ in range(8):
        waits.append(wait_after_failure(email=email))
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
    guessed(20, email="{}@example.com", address="203.0.113.66")
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


def test_nobody_is_shut_out_by_who_guesses_at_them_from_elsewhere(database, clock):
    open_account()
    fail(5, address="198.51.100.1")
    wait_after_failure(address="198.51.100.1")
    for _ in range(24 * 4):
        clock.advance(minutes=15)
        guessed(1, email=EMAIL, address="198.51.100.1")
    for number in range(3):
        try_to_sign_in(address=f"203.0.113.{number}")
    assert number_of_sessions() == 3


def test_guessing_at_one_email_from_everywhere_is_slowed_down_but_for_who_is_known(database, clock):
    open_account()
    try_to_sign_in(address="192.0.2.1")
    guessed(50, email=EMAIL, address="198.51.100.{}")
    waits = []
    for number in range(5):
        waits.append(wait_after_failure(address=f"203.0.113.{number}"))
        try_to_sign_in(address="192.0.2.1")
        clock.advance(seconds=waits[-1])
        fail(address=f"203.0.113.{number}")
    expected = [15, 30, 60, 120, 240]
    assert all(wanted - 10 <= wait <= wanted for wait, wanted in zip(waits, expected, strict=True)), waits
    assert number_of_sessions() == 6


def test_guessing_at_one_email_from_everywhere_never_makes_anybody_wait_longer_than_five_minutes(database):
    open_account()
    guessed(80, email=EMAIL, address="198.51.100.{}")
    assert 290 <= wait_after_failure(address="203.0.113.1") <= 300


def test_who_signed_in_from_an_address_is_not_shut_out_by_their_neighbours(database):
    open_account()
    try_to_sign_in(address="203.0.113.66")
    guessed(20, email="{}@example.com", address="203.0.113.66")
    assert wait_after_failure(email="bob@example.com", address="203.0.113.66") >= 1
    try_to_sign_in(address="203.0.113.66")
    assert number_of_sessions() == 2


def test_who_is_known_somewhere_may_not_guess_there_either(database):
    open_account()
    try_to_sign_in()
    fail(5)
    wait_after_failure()


def test_who_was_somewhere_a_season_ago_is_not_known_there_any_more(database, clock):
    open_account()
    try_to_sign_in(address="203.0.113.66")
    clock.advance(days=90, seconds=1)
    guessed(20, email="{}@example.com", address="203.0.113.66")
    wait_after_failure(address="203.0.113.66")


def test_an_office_where_somebody_mistypes_every_day_is_never_shut_out(database, clock):
    open_account()
    for _ in range(40):
        clock.advance(hours=23)
        guessed(1, email="{}@example.com", address="192.0.2.10")
    try_to_sign_in(address="192.0.2.10")
    assert number_of_sessions() == 1


def test_counts_decay_whatever_is_tried_meanwhile(database, clock):
    open_account()
    for _ in range(60):
        clock.advance(hours=1)
        guessed(1, email=EMAIL, address="192.0.2.10")
    fail(4, address="192.0.2.10")
    try_to_sign_in(address="192.0.2.10")


def test_right_passwords_from_one_address_are_not_in_each_others_way(database, clock):
    people = [f"person{number}@example.com" for number in range(8)]
    for email in people:
        open_account(email=email)
    guessed(20, email="{}@example.com", address="192.0.2.10")
    clock.advance(seconds=wait_after_failure(email=people[0], address="192.0.2.10"))
    results = at_once(*[_signs_in(email) for email in people])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert number_of_sessions() == 8


def test_an_attempt_that_nobody_judged_is_not_counted(database):
    open_account()
    for _ in range(12):
        made = atomically(attempt, email=EMAIL, password=PASSWORD, address="192.0.2.10", user_agent="test")
        busy = SignInsBusy("Many people are signing in right now.")
        with nothing_moves(besides=frozenset({"sign_in_attempts"})):
            assert atomically(admit, intent=made, outcome=busy) is busy
    assert failures_counted() == 0
    try_to_sign_in(address="192.0.2.10")


def test_an_attempt_whose_process_died_is_counted_and_forgotten(database, clock):
    open_account()
    for _ in range(5):
        atomically(attempt, email=EMAIL, password=PASSWORD, address="192.0.2.10", user_agent="test")
    wait_after_failure(address="192.0.2.10")
    clock.advance(hours=5, seconds=1)
    assert failures_counted() == 0
    try_to_sign_in(address="192.0.2.10")


def test_failures_are_forgotten_one_by_one(database, clock):
    fail(4)
    clock.advance(hours=2)
    fail(3)
    wait_after_failure()


def test_counts_long_past_are_dropped_and_who_is_known_where_is_not(database, clock):
    open_account()
    try_to_sign_in(address="203.0.113.9")
    fail(1, email="old@example.com", address="203.0.113.1")
    clock.advance(minutes=50)
    fail(1, email="new@example.com", address="203.0.113.2")
    clock.advance(minutes=15)
    # Of the newer one, the strict count alone is left.
    assert atomically(forget_old_attempts) == 5
    assert reading(lambda session: session.scalar(select(func.count(SignInAttempts.digest)))) == 2
    clock.advance(days=90)
    assert atomically(forget_old_attempts) == 2


def test_who_tried_is_kept_as_a_digest_only(database):
    fail(1, email="nobody@example.com", address="203.0.113.77")
    digests = reading(lambda session: session.scalars(select(SignInAttempts.digest)).all())
    assert len(digests) == 3
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


def _signs_in(email):
    return lambda: try_to_sign_in(email=email, address="192.0.2.10")


def failures_counted():
    def count(session):
        instant = clock_of.now(session)
        return sum(row.forgotten_at > instant for row in session.scalars(select(SignInAttempts)))

    return reading(count)


def kept_hash(session):
    return session.scalars(select(User.password_hash)).one()


def number_of_sessions():
    return reading(lambda session: session.scalar(select(func.count(UserSession.id))))
