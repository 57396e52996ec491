"""One caller is counted as one, however their address is written and whichever of their own they take."""

from __future__ import annotations

import pytest

from api.addresses import counted_as


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:40001", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:40001", "203.0.113.7"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("[2001:db8:0:1::2]:443", "2001:db8:0:1::/64"),
        ("[2001:DB8:0:1::2]", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_address_is_counted_without_what_the_caller_can_change(written, counted):
    assert counted_as(written) == counted


@pytest.mark.parametrize(
    "written", ["", "unknown", "_hidden", "203.0.113", "203.0.113.7.8:1", "[::1", "x" * 500]
)
def test_what_is_no_address_is_counted_together(written):
    assert counted_as(written) in {"unknown", "::/64"}
