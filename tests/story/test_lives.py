"""Whole lives by dice, at all three gateways: the money adds up after every act, and at the end nothing is left.

`HOLDFAST_LIVES=40 ./test tests/story/test_lives.py` plays forty of them, and `HOLDFAST_LIVES=41-80` forty others.
`./test --soak 10` goes on for ten minutes.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

import pytest

from sandbox.place import more_gateways
from tests.story.house import open_house
from tests.story.life import Life
from tests.story.paying import ROUTES

_FIRST, _, _LAST = os.environ.get("HOLDFAST_LIVES", "3-3").rpartition("-")
# One line for each life that ended well.
_LOG = os.environ.get("HOLDFAST_LIVES_LOG")
_ACTS = 25
_FEES = {
    "CLIENT_FEE_BASIS_POINTS": [0, 1, 333, 500, 1_234, 2_500],
    "WORKER_FEE_BASIS_POINTS": [0, 1, 333, 1_000, 1_550, 10_000],
}


@pytest.fixture(params=range(int(_FIRST or 1), 1 + int(_LAST)))
def dice(request, monkeypatch):
    """Dice that fall the same each time; the fees are the first they decide on, before the house is opened."""
    thrown = random.Random(request.param)
    for setting, rates in _FEES.items():
        monkeypatch.setenv(setting, str(thrown.choice(rates)))
    return thrown


@pytest.fixture
def house(dice, database_url, redis_url, stripe_peer, clock, _impatient_sdk):
    """Holdfast with all three gateways, and with the fees that the dice have decided on."""
    more = more_gateways(stripe_peer.base_url) | {"GATEWAY_ROUTES": ROUTES}
    with open_house(database_url, redis_url, stripe_peer, clock, **more) as opened:
        yield opened


def test_a_life(dice, house):
    life = Life.begin(house, dice)
    try:
        life.go_on(_ACTS)
        life.end()
        if _LOG:
            with Path(_LOG).open("a") as log:
                log.write(json.dumps(life.counted()) + "\n")
    finally:
        # Shown when the test fails.
        sys.stdout.write("\n".join(life.told))
