"""The database is lost after the gateway has done its part and before the request's key is settled."""

from __future__ import annotations

import pytest

from persistence import unit_of_work
from tests.escrow.story import CLIENT, draft, money

pytestmark = pytest.mark.mariadb

_SETTLING = ("before_commit", "persistence.idempotency.finish")


@pytest.fixture
def the_database_goes_away_at(schema):
    """Every connection of the service is cut when it comes to this point, until it is told otherwise."""
    points = set()

    def cut(stage, name):
        if (stage, name) in points:
            schema.cut_everybody_off()

    unit_of_work.observe(cut)
    yield points.add
    points.clear()


def test_a_sheet_that_was_made_is_handed_out_and_made_once_though_its_key_could_not_be_settled(
    world, clock, the_database_goes_away_at
):
    milestone = draft("100.00")
    path, key = f"/v1/milestones/{milestone.id}/checkout", {"Idempotency-Key": "one-click"}
    the_database_goes_away_at(_SETTLING)
    first = world.post(path, by=CLIENT, headers=key)
    assert first.status_code == 200
    world.peer.pay(first.json["paymentIntent"])
    clock.advance(seconds=61)
    again = world.post(path, by=CLIENT, headers=key)
    assert again.json["payment_id"] == first.json["payment_id"]
    world.settle()
    assert len(world.made("payment_intent")) == 1
    assert money()["held"] == "100.00"
