"""What time it is, is asked of the database's clock, which every process shares and a test can turn."""

from __future__ import annotations

import pytest

from tests.architecture.sources import Source, service

_CLOCKS = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "sqlalchemy.func.now",
    "sqlalchemy.func.current_timestamp",
    "sqlalchemy.func.sysdate",
}

_MAY_READ_CLOCKS = {
    "kernel/time.py": "where clocks are made",
    "kernel/ids.py": "an id's time only orders ids roughly; nothing is decided by it",
    "persistence/clock.py": "the clock",
    "api/rate_limits.py": "limits on requests count real minutes, and nothing about money hangs on them",
}


def test_nobody_reads_a_clock_of_their_own():
    assert [place for source in service() for place in clocks(source)] == []


@pytest.mark.parametrize(
    ("imported", "line"),
    [
        ("from datetime import datetime", "datetime.now(UTC)"),
        ("from datetime import datetime as dt", "dt.now()"),
        ("import datetime as d", "d.datetime.utcnow()"),
        ("from datetime import date", "today = date.today"),
        ("import time", "now = time.time()"),
        ("from time import time as seconds", "seconds()"),
        ("import time", "field(default_factory=time.time_ns)"),
        ("from sqlalchemy import func", "select(func.now())"),
        ("import sqlalchemy as sa", "select(sa.func.now())"),
    ],
)
def test_a_planted_clock_is_found_whatever_it_is_called(imported, line):
    assert clocks(Source("escrow/planted.py", f"{imported}\n{line}")) == ["escrow/planted.py:2"]


def test_the_shared_clock_may_be_read():
    text = "import time\nfrom persistence import clock\nclock.now(session); time.monotonic()"
    assert clocks(Source("escrow/planted.py", text)) == []


def clocks(source):
    if source.path in _MAY_READ_CLOCKS:
        return []
    return [source.at(node) for node, name in source.references() if name in _CLOCKS]
