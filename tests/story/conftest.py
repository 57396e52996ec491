"""A house with everything running, and people in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

# They compare; when something differs, they shall say what.
pytest.register_assert_rewrite("tests.story.agreement", "tests.story.always", "tests.story.short_story")

from tests.story.house import House, open_house  # noqa: E402 - they are rewritten as they are imported
from tests.story.plot import Cast, cast  # noqa: E402 - the same

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def house(database_url, redis_url, stripe_peer, clock, _impatient_sdk) -> Iterator[House]:
    """Holdfast, running, with nobody in it yet."""
    with open_house(database_url, redis_url, stripe_peer, clock) as opened:
        yield opened


@pytest.fixture
def _impatient_sdk() -> Iterator[None]:
    # Stripe's SDK waits half a second of real time before it tries again.
    before, stripe.HTTPClient.INITIAL_DELAY = stripe.HTTPClient.INITIAL_DELAY, 0.0
    yield
    stripe.HTTPClient.INITIAL_DELAY = before


@pytest.fixture
def people(house) -> Cast:
    """A client, a worker who can be paid, and finance."""
    players = cast(house)
    players.set_up_payouts()
    return players
