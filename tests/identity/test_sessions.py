"""Sessions: kept alive by their tokens, ended one by one, and at once when somebody has a copy."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from identity.actors import Actor
from identity.permissions import Role
from identity.sessions import (
    NotSignedIn,
    RefreshRefused,
    SessionNotFound,
    authenticate,
    end_session,
    forget_old_sessions,
    own_sessions,
    refresh_session,
    refreshed,
)
from identity.tables import UserSession
from kernel.ids import new_id
from persistence.tables import OutboxEvent
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.identity.people import open_account, try_to_sign_in
from tests.threads import at_once


@pytest.fixture
def ana(database):
    return open_account(roles=[Role.CLIENT, Role.WORKER])


def test_the_token_says_who_it_is(ana):
    signed_in = try_to_sign_in()
    assert reading(authenticate, access_token=signed_in.access_token) == Actor(
        ana, frozenset({Role.CLIENT, Role.WORKER}), signed_in.session.id
    )


@pytest.mark.parametrize("token", ["", "hfa_", "x", "hfa_" + "A" * 43, "\u00e4", "hfr_x.y"])
def test_a_made_up_token_is_nobodys(ana, token):
    try_to_sign_in()
    with expect_refusal(NotSignedIn):
        reading(authenticate, access_token=token)


def test_every_token_is_another(ana):
    first, second = try_to_sign_in(), try_to_sign_in()
    tokens = {first.access_token, first.refresh_token, second.access_token, second.refresh_token}
    assert len(tokens) == 4
    assert all(len(token) >= 47 for token in tokens)
    assert first.session.id != second.session.id


def test_a_session_lives_as_long_as_it_is_refreshed_within_a_month(ana, clock):
    signed_in = try_to_sign_in()
    for _ in range(5):
        clock.advance(days=29)
        signed_in = renew(signed_in)
    assert reading(authenticate, access_token=signed_in.access_token).id == ana


def test_a_session_that_is_left_alone_for_a_month_ends(ana, clock):
    signed_in = try_to_sign_in()
    clock.advance(days=30, seconds=1)
    with expect_refusal(RefreshRefused):
        renew(signed_in)


def test_no_session_lives_longer_than_half_a_year(ana, clock):
    signed_in = try_to_sign_in()
    for _ in range(8):
        clock.advance(days=20)
        signed_in = renew(signed_in)
    clock.advance(days=20, seconds=1)
    with expect_refusal(RefreshRefused):
        renew(signed_in)


def test_a_token_ends_with_its_time_and_not_before(ana, clock):
    signed_in = try_to_sign_in()
    clock.set(signed_in.access_expires_at)
    with pytest.raises(NotSignedIn):
        reading(authenticate, access_token=signed_in.access_token)


@pytest.mark.parametrize(("generations", "seconds"), [(1, 31), (2, 0), (5, 0)])
def test_an_old_refresh_token_of_any_age_ends_the_session(ana, clock, generations, seconds):
    signed_in = stolen = try_to_sign_in()
    for _ in range(generations):
        signed_in = renew(signed_in)
    clock.advance(seconds=seconds)
    assert atomically(refresh_session, refresh_token=stolen.refresh_token) is None
    with expect_refusal(NotSignedIn):
        reading(authenticate, access_token=signed_in.access_token)
    with expect_refusal(RefreshRefused):
        renew(signed_in)
    assert ended() == [(signed_in.session.id, "reuse")]


def test_a_token_whose_answer_was_lost_is_answered_the_same_again(ana, clock):
    signed_in = try_to_sign_in()
    lost = renew(signed_in)
    clock.advance(seconds=29)
    with nothing_moves():
        again = renew(signed_in)
    assert again == lost
    assert reading(authenticate, access_token=again.access_token).id == ana
    assert renew(again).refresh_token != again.refresh_token


def test_a_token_is_not_answered_again_once_its_successor_was_used(ana):
    signed_in = try_to_sign_in()
    renew(renew(signed_in))
    assert atomically(refresh_session, refresh_token=signed_in.refresh_token) is None
    assert ended() == [(signed_in.session.id, "reuse")]


def test_a_copy_that_was_answered_again_is_found_out_at_the_next_use(ana, clock):
    signed_in = try_to_sign_in()
    owner, thief = renew(signed_in), renew(signed_in)
    clock.advance(minutes=14)
    newer = renew(thief)
    clock.advance(minutes=1)
    assert atomically(refresh_session, refresh_token=owner.refresh_token) is None
    with expect_refusal(NotSignedIn):
        reading(authenticate, access_token=newer.access_token)


def test_tokens_are_made_with_another_key_each_time(ana):
    signed_in, keys = try_to_sign_in(), set()
    for _ in range(3):
        signed_in = renew(signed_in)
        keys.add(reading(lambda session: session.scalars(select(UserSession.successor_key)).one()))
    # So whoever has an older token and the present row can make nothing of them.
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}


def test_a_copy_ends_its_own_session_and_no_other(ana, clock):
    copied, other = try_to_sign_in(), try_to_sign_in()
    renew(copied)
    clock.advance(seconds=31)
    atomically(refresh_session, refresh_token=copied.refresh_token)
    assert reading(authenticate, access_token=other.access_token).id == ana


def test_the_refusal_stands_although_the_session_was_ended_for_it():
    with pytest.raises(RefreshRefused):
        refreshed(None)


def test_refreshes_at_once_are_given_the_same_tokens_and_all_are_good(ana):
    signed_in = try_to_sign_in()
    results = at_once(*[lambda: atomically(refresh_session, refresh_token=signed_in.refresh_token)] * 8)
    assert {result.refresh_token for result in results} == {results[0].refresh_token}
    assert reading(authenticate, access_token=results[7].access_token).id == ana
    assert ended() == []


def test_the_family_alone_refreshes_nothing(ana):
    signed_in = try_to_sign_in()
    family = signed_in.refresh_token.partition(".")[0]
    assert atomically(refresh_session, refresh_token=family) is None


def test_an_ended_session_is_over_at_once(ana):
    signed_in = try_to_sign_in()
    by = reading(authenticate, access_token=signed_in.access_token)
    atomically(end_session, session_id=signed_in.session.id, by=by)
    for gone in (
        lambda: reading(authenticate, access_token=signed_in.access_token),
        lambda: renew(signed_in),
    ):
        with nothing_moves(), pytest.raises((NotSignedIn, RefreshRefused)):
            gone()
    with expect_refusal(SessionNotFound):
        atomically(end_session, session_id=signed_in.session.id, by=by)
    assert ended() == [(signed_in.session.id, "signed_out")]


def test_nobody_ends_a_session_of_somebody_else(ana):
    signed_in = try_to_sign_in()
    stranger = Actor(open_account(email="bob@example.com"), frozenset({Role.ADMIN}))
    with expect_refusal(SessionNotFound):
        atomically(end_session, session_id=signed_in.session.id, by=stranger)
    with expect_refusal(SessionNotFound):
        atomically(end_session, session_id=new_id("se"), by=stranger)


def test_only_living_sessions_are_listed(ana, clock):
    first = try_to_sign_in()
    clock.advance(days=29)
    second, third = try_to_sign_in(), try_to_sign_in()
    clock.advance(days=2)
    atomically(end_session, session_id=third.session.id, by=Actor(ana, frozenset({Role.CLIENT})))
    listed = reading(own_sessions, user_id=ana, after=None, limit=10)
    assert [session.id for session in listed] == [second.session.id]
    assert first.session.id not in {session.id for session in listed}


def test_when_it_was_last_used_is_known_by_its_refreshes(ana, clock):
    signed_in = try_to_sign_in()
    clock.advance(hours=5)
    renewed = renew(signed_in)
    assert (renewed.session.last_used_at - signed_in.session.last_used_at).total_seconds() >= 5 * 3600
    assert renewed.session.created_at == signed_in.session.created_at


def test_a_long_user_agent_is_cut(ana):
    assert len(try_to_sign_in(user_agent="\U0001f40c" * 5000).session.user_agent) == 200


def test_sessions_that_ended_long_ago_are_dropped(ana, clock):
    try_to_sign_in()
    clock.advance(days=40)
    living = try_to_sign_in()
    clock.advance(days=21)
    assert atomically(forget_old_sessions) == 1
    assert reading(lambda session: session.scalars(select(UserSession.id)).all()) == [living.session.id]


def renew(signed_in):
    return refreshed(atomically(refresh_session, refresh_token=signed_in.refresh_token))


def ended():
    statement = select(OutboxEvent.subject, OutboxEvent.payload).where(OutboxEvent.name == "session.ended")
    return [
        (subject, payload["because"])
        for subject, payload in reading(lambda session: session.execute(statement).all())
    ]
