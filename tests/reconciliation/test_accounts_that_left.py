"""An account that has left us cannot be read, and every cent that went there and came back is still counted once."""

from __future__ import annotations

import pytest

from tests.books import seal_everything


@pytest.fixture(params=["read before", "never read"])
def account(request, finance, clock):
    """A worker's account with 90.00, which the daily run has read, or not."""
    opened = finance.world.onboard()
    finance.world.earn()
    finance.world.settle()
    clock.advance(days=3)
    finance.world.settle()
    if request.param == "read before":
        finance.reconcile()
    return opened


def _nothing_differs(finance, clock):
    finance.world.settle()
    finance.reconcile()
    # What is only a matter of time would be a break by then.
    clock.advance(days=12)
    finance.world.settle()
    finance.reconcile()
    seal_everything()
    assert finance.differences() == []
    stated = finance.statement().stated
    # There is what is held, and what we earned: no cent of it twice.
    assert int(stated["there_minor"]) == int(stated["held_minor"]) + _EARNED
    assert stated["short_minor"] == "0"
    return stated


# Our fees of 5.00 and 10.00, less the gateway's.
_EARNED = 1_500 - 335


def test_g7_what_came_back_from_an_account_that_left_is_there_once(finance, clock, account):
    finance.world.peer.leave(account)
    stated = _nothing_differs(finance, clock)
    assert (stated["workers_minor"], stated["held_minor"]) == ("0", "9000")
    finance.world.onboard()
    stated = _nothing_differs(finance, clock)
    assert (stated["workers_minor"], stated["held_minor"]) == ("9000", "9000")


def test_g7_what_stayed_there_is_held_for_the_worker_and_counted_there(finance, clock, account):
    finance.world.peer.leave(account, gives_back=False)
    stated = _nothing_differs(finance, clock)
    assert (stated["workers_minor"], stated["held_minor"]) == ("9000", "9000")
    assert stated["liabilities_left_minor"] == "9000"


def test_g7_an_account_that_is_back_lists_what_was_known_of_it_and_counts_it_once(finance, clock, account):
    finance.world.peer.leave(account)
    _nothing_differs(finance, clock)
    finance.world.peer.come_back(account)
    stated = _nothing_differs(finance, clock)
    assert (stated["workers_minor"], stated["held_minor"]) == ("9000", "9000")
