"""Who may end a transaction and who may lock a row."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, callee, service

_ENDS_TRANSACTIONS = {"commit", "rollback", "begin", "begin_nested"}

_MAY_LOCK = {
    "persistence/locks.py": "the one way to lock rows, in id order",
    "persistence/due.py": "leasing skips what another worker holds",
    "persistence/outbox.py": "the relay skips what another relay holds",
    "persistence/idempotency.py": "a key is taken by whoever locks its row",
    "ledger/counters.py": "the balance rows of accounts with one owner, in id order",
    "ledger/lanes.py": "a free lane is taken without waiting for a taken one",
}


def test_only_persistence_ends_transactions():
    assert [place for source in service() for place in ended_transactions(source)] == []


def test_only_the_named_modules_lock_rows():
    assert [place for source in service() for place in locked_rows(source)] == []


def test_every_module_that_may_lock_does():
    sources = {source.path: source for source in service()}
    assert [path for path in _MAY_LOCK if path not in sources or not list(_locks(sources[path]))] == []


@pytest.mark.parametrize(
    "line",
    ["session.commit()", "with session.begin_nested(): pass", "database().sessions.begin()", "s.rollback()"],
)
def test_a_planted_end_of_a_transaction_is_found(line):
    assert ended_transactions(Source("escrow/planted.py", line)) == ["escrow/planted.py:1"]
    assert ended_transactions(Source("persistence/planted.py", line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "select(Milestone).with_for_update()",
        "session.get(Milestone, key, with_for_update=True)",
        'text("SELECT 1 FROM milestones FOR  UPDATE")',
        'text(f"select * from {table} for update skip locked")',
    ],
)
def test_a_planted_lock_is_found(line):
    assert locked_rows(Source("escrow/planted.py", line)) == ["escrow/planted.py:1"]


def test_prose_about_locks_is_no_lock():
    assert locked_rows(Source("escrow/planted.py", '"""Waits for update of the row."""')) == []


def ended_transactions(source):
    if source.package == "persistence":
        return []
    return [
        source.at(call)
        for call in source.nodes(ast.Call)
        if isinstance(call.func, ast.Attribute) and callee(call).rpartition(".")[2] in _ENDS_TRANSACTIONS
    ]


def locked_rows(source):
    return [] if source.path in _MAY_LOCK else [source.at(node) for node in _locks(source)]


def _locks(source):
    for node in source.nodes(ast.Attribute, ast.keyword, ast.Constant):
        match node:
            case ast.Attribute(attr="with_for_update") | ast.keyword(arg="with_for_update"):
                yield node
            case ast.Constant(value=str(text)):
                words = " ".join(text.lower().split())
                # A statement, not a sentence about one.
                if "for update" in words and ("select " in words or words.startswith("for update")):
                    yield node
            case _:
                pass
