"""Money is counted in whole minor units: nothing that touches it knows a float."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, service

# Of the whole service: an amount is written and read at the edges, too.
_MAY_USE_FLOATS = {
    "api/ledger/pdf_file.py": "where on the paper something stands",
    "api/ledger/xlsx_file.py": "how wide a column is; a spreadsheet knows no other numbers",
    "api/receipts/paper.py": "where on the paper something stands",
    "api/pan_guard.py": "looks for card numbers in whatever JSON can say",
    "gateways/adyen/client.py": "seconds of patience, never an amount",
    "gateways/paypal/certificates.py": "seconds of patience, never an amount",
    "gateways/paypal/client.py": "the same",
    "gateways/paypal/lines.py": "half of a stretch of time",
    "gateways/paypal/transport.py": "seconds of patience, never an amount",
    "gateways/stripe/client.py": "seconds of patience, never an amount",
    "jobs/commands.py": "seconds between two looks",
    "jobs/relay.py": "the same seconds",
    "persistence/ahead.py": "seconds of a thread's turn",
    "persistence/combined.py": "seconds until the next group",
    "persistence/unit_of_work.py": "seconds before the next try",
    "runtime/logging.py": "whatever somebody logs",
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
    assert floats(Source("api/planted.py", line)) == ["api/planted.py:1"]


def test_a_path_is_no_quotient():
    assert floats(Source("api/planted.py", 'page = folder / "docs" / "processes.md"')) == []


def test_whole_numbers_are_left_alone():
    assert floats(Source("ledger/planted.py", "share = gross * 3 // 7")) == []


def floats(source):
    if source.path in _MAY_USE_FLOATS:
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
        # (Not so where a name is put behind a folder's.)
        case ast.BinOp(op=ast.Div(), right=ast.Constant(value=str())):
            return False
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case _:
            return False
