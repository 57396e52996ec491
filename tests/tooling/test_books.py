"""What proves that nothing moves notices when something does."""

from __future__ import annotations

import pytest

from persistence import clock as database_clock
from persistence import due, outbox
from persistence.unit_of_work import atomically
from tests.books import nothing_moves


def tell(session):
    outbox.publish(session, name="milestone.released", subject="ms_1", payload={})


def plan(session):
    due.schedule(session, kind="seal", subject="books", due_at=database_clock.now(session), key="seal")


@pytest.mark.parametrize("act", [tell, plan])
def test_a_row_more_is_noticed(database, act):
    with pytest.raises(AssertionError), nothing_moves():
        atomically(act)


def test_a_row_that_was_changed_is_noticed(database):
    atomically(plan)
    with pytest.raises(AssertionError), nothing_moves():
        atomically(due.lease)


def test_what_may_change_may_change(database):
    with nothing_moves(besides=frozenset({"outbox_events"})):
        atomically(tell)
    with pytest.raises(AssertionError), nothing_moves(besides=frozenset({"outbox_events"})):
        atomically(plan)
