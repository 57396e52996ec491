"""What time it is, is asked of the database's clock, which every process shares and a test can turn."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, callee, service

_CLOCKS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "time.time",
    "time.time_ns",
    "func.now",
    "func.current_timestamp",
    "func.sysdate",
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
    "line", ["datetime.now(UTC)", "now = time.time()", "date.today()", "select(func.now())"]
)
def test_a_planted_clock_is_found(line):
    assert clocks(Source("escrow/planted.py", line)) == ["escrow/planted.py:1"]


def test_the_shared_clock_may_be_read():
    assert clocks(Source("escrow/planted.py", "clock.now(session); time.monotonic()")) == []


def clocks(source):
    if source.path in _MAY_READ_CLOCKS:
        return []
    return [source.at(call) for call in source.nodes(ast.Call) if callee(call) in _CLOCKS]
