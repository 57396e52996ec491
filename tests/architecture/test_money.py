"""Money is counted in whole minor units: nothing that touches it knows a float."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, service

_MONEY = {"ledger", "payments", "escrow", "payouts", "gateways", "tax", "reconciliation"}
_ALSO = {"kernel/money.py"}

_MAY_USE_FLOATS = {
    "gateways/stripe/client.py": "seconds of patience, never an amount",
}


def test_no_float_comes_near_money():
    assert [place for source in service() for place in floats(source)] == []


@pytest.mark.parametrize(
    "line",
    ["fee = 0.1", "fee = float(gross)", "def fee(gross: float): ...", "half = gross / 2", "gross /= 2"],
)
def test_a_planted_float_is_found(line):
    assert floats(Source("ledger/planted.py", line)) == ["ledger/planted.py:1"]
    assert floats(Source("kernel/money.py", line)) == ["kernel/money.py:1"]
    assert floats(Source("jobs/planted.py", line)) == []


def test_whole_numbers_are_left_alone():
    assert floats(Source("ledger/planted.py", "share = gross * 3 // 7")) == []


def floats(source):
    watched = source.package in _MONEY or source.path in _ALSO
    if not watched or source.path in _MAY_USE_FLOATS:
        return []
    return [
        source.at(node)
        for node in source.nodes(ast.Constant, ast.Name, ast.BinOp, ast.AugAssign)
        if _floats(node)
    ]


def _floats(node):
    match node:
        case ast.Constant(value=float()) | ast.Name(id="float"):
            return True
        # A quotient of whole numbers is a float too.
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case _:
            return False
