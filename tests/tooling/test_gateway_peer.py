"""The gateway's peer shares the clock of the test."""

from __future__ import annotations

from datetime import timedelta

from persistence import clock as database_clock


def test_turning_the_clock_turns_the_database_and_the_gateway_alike(stripe_peer, session, clock):
    clock.advance(hours=72)
    clock.set(clock.now() + timedelta(days=1))
    apart = database_clock.now(session).timestamp() - stripe_peer.now()
    assert abs(apart) < timedelta(hours=1).total_seconds()
    assert stripe_peer.now() - clock.now().timestamp() < timedelta(hours=1).total_seconds()
