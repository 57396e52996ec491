"""For how long money may be held, by country."""

from __future__ import annotations

import pytest

from escrow import holding


@pytest.mark.parametrize(
    ("countries", "days"),
    [(("US", "US"), 730), (("US", "DE"), 90), (("DE", "US"), 90), (("US", "TH"), 10), (("TH", "DE"), 10)],
)
def test_the_shorter_of_two_limits_counts(countries, days):
    assert holding.days(*countries) == days
