"""How a posting moves the counters of an account, whichever side is its own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ledger.chart import Side
from ledger.counters import Counters
from ledger.entries import Phase

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def moved(*steps):
    counters = Counters(b"", 0)
    for phase, side, amount_minor in steps:
        counters.move(phase, side, amount_minor, NOW)
    return counters


@pytest.mark.parametrize("normal", list(Side))
def test_a_hold_on_the_way_out_is_held_back_and_one_on_the_way_in_is_not_there_yet(normal):
    incoming, outgoing = normal, normal.opposite
    counters = moved(
        (Phase.POSTED, incoming, 100), (Phase.PENDING, outgoing, 30), (Phase.PENDING, incoming, 7)
    )
    assert (counters.balance_minor(normal), counters.held_minor(normal)) == (100, 30)
    assert not counters.is_below_floor(normal)


@pytest.mark.parametrize("normal", list(Side))
def test_a_floor_counts_what_is_held_back(normal):
    incoming, outgoing = normal, normal.opposite
    just_enough = ((Phase.POSTED, incoming, 100), (Phase.PENDING, outgoing, 100))
    assert not moved(*just_enough).is_below_floor(normal)
    assert moved(*just_enough, (Phase.POSTED, outgoing, 1)).is_below_floor(normal)
    assert moved((Phase.POSTED, outgoing, 1)).is_below_floor(normal)


@pytest.mark.parametrize("normal", list(Side))
@pytest.mark.parametrize(("way", "balance_minor"), [(Phase.POST_PENDING, 70), (Phase.VOID_PENDING, 100)])
def test_a_resolved_hold_holds_nothing_back(normal, way, balance_minor):
    counters = moved(
        (Phase.POSTED, normal, 100), (Phase.PENDING, normal.opposite, 30), (way, normal.opposite, 30)
    )
    assert (counters.balance_minor(normal), counters.held_minor(normal)) == (balance_minor, 0)
    assert counters.sequence == 3
    assert counters.recorded_at == NOW
