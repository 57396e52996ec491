"""The service asks no engine for what another lacks; the rules for tables are in tests/persistence/portability.py."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.sources import ROOT, Source, service

# Locks by name or of tables are a node's own: two transactions on two nodes would both have them. The rest is lost or
# local on one engine or another, or gives out ids that were not there before the first attempt.
_LACKING = re.compile(
    r"\b(GET_LOCK|RELEASE_LOCK|LOCK\s+TABLES?|XA\s+(?:START|BEGIN|PREPARE)|TEMPORARY\s+TABLE|SAVEPOINT"
    r"|LAST_INSERT_ID|FOUND_ROWS|ROW_COUNT|HANDLER\s+\w+\s+OPEN|LOAD\s+DATA|AUTO_INCREMENT|UUID\s*\(|NEXT\s+VALUE)\b",
    re.IGNORECASE,
)
_LOSES = {"begin_nested", "begin_twophase", "lastrowid"}


def test_nothing_is_asked_for_that_an_engine_lacks():
    assert [place for source in [*service(), *_migrations()] for place in asked_for(source)] == []


@pytest.mark.parametrize(
    "line",
    [
        "text(\"SELECT GET_LOCK('sweep', 1)\")",
        'text("LOCK TABLES ledger_balances WRITE")',
        'text("create temporary table t (id int)")',
        'text("SAVEPOINT before")',
        "session.begin_nested()",
        "connection.begin_twophase()",
        "result.lastrowid",
    ],
)
def test_what_is_planted_is_found(line):
    assert asked_for(Source("escrow/planted.py", line)) == ["escrow/planted.py:1"]


def test_prose_may_speak_of_it():
    assert asked_for(Source("escrow/planted.py", '"""Nobody needs a savepoint here."""')) == []


def asked_for(source):
    prose = {id(node.value) for node in source.nodes(ast.Expr)}
    return [
        source.at(node)
        for node in source.nodes(ast.Attribute, ast.Constant)
        if (isinstance(node, ast.Attribute) and node.attr in _LOSES)
        or (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in prose
            and _LACKING.search(node.value)
        )
    ]


def _migrations():
    return [
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "migrations").rglob("*.py"))
    ]
