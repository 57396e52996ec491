from __future__ import annotations

import pytest

from tests.payouts.conftest import books, world  # noqa: F401 - the same town, with the same books
from tests.reconciliation.finance import Finance


@pytest.fixture
def finance(world):  # noqa: F811
    """Somebody in finance, in a world with a client who pays, a worker who is paid, and a gateway."""
    return Finance(world)
