"""Who may open and end a transaction, and who may lock a row."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.sources import Source, service

_ENDS_TRANSACTIONS = {"commit", "rollback", "begin", "begin_nested"}
_OPENS_CONNECTIONS = {"create_engine", "sessionmaker", "raw_connection", "isolation_level", "AUTOCOMMIT"}
_STATEMENT = re.compile(
    r"(commit|rollback|begin|end)( work| transaction)?;?|begin (immediate|deferred|exclusive)\b.*"
    r"|rollback (work )?to \w.*|start transaction\b.*|(release )?savepoint \w.*|set (session |global )?autocommit\b.*",
    re.IGNORECASE,
)

# The packages whose requests, jobs and commands are the edges.
_EDGES = {"api", "jobs", "persistence", "runtime"}
_OWNS_TRANSACTIONS = {"atomically", "staged", "rehearse", "reading", "examining", "database", "bind"}
_UNIT_OF_WORK = "persistence.unit_of_work"
_MAY_OWN_TRANSACTIONS = {
    "identity/sign_in.py": "a password is checked between two transactions, so that nothing waits for the hashing",
    "ledger/together.py": "many callers' entries are posted in one transaction, which is none of theirs",
}

_MAY_LOCK = {
    "persistence/locks.py": "the one way to lock rows, in id order",
    "persistence/due.py": "leasing skips what another worker holds",
    "persistence/outbox.py": "the relay skips what another relay holds",
    "persistence/idempotency.py": "a key is taken by whoever locks its row",
    "ledger/counters.py": "the balance rows of accounts with one owner, in id order",
    "ledger/lanes.py": "a free lane is taken without waiting for a taken one",
}
_LOCKING_WORDS = (
    "for share",
    "lock in share mode",
    "lock table",
    "get_lock(",
    "release_lock(",
)
_LOCKING_FUNCTIONS = {"get_lock", "release_lock"}


def test_only_persistence_ends_transactions():
    assert [place for source in service() for place in ended_transactions(source)] == []


def test_nothing_below_an_edge_owns_a_transaction():
    assert [place for source in service() for place in owned_transactions(source)] == []


def test_only_the_named_modules_lock_rows():
    assert [place for source in service() for place in locked_rows(source)] == []


def test_every_module_that_may_lock_does():
    sources = {source.path: source for source in service()}
    assert [path for path in _MAY_LOCK if path not in sources or not list(_locks(sources[path]))] == []


@pytest.mark.parametrize(
    "line",
    [
        "session.commit()",
        "with session.begin_nested(): pass",
        "database().sessions.begin()",
        "s.rollback()",
        "end = session.commit",
        "getattr(session, 'commit')()",
        "session.execute(text('COMMIT'))",
        "session.execute(text(' rollback to here'))",
        "connection.exec_driver_sql('START TRANSACTION')",
        "connection.exec_driver_sql('SET autocommit = 1')",
        "engine = create_engine(url)",
        "engine = sqlalchemy.create_engine(url)",
        "session.connection(execution_options={'isolation_level': 'AUTOCOMMIT'})",
        "engine.execution_options(isolation_level=level)",
        "from sqlalchemy import create_engine as open_it",
    ],
)
def test_a_planted_end_of_a_transaction_is_found(line):
    assert set(ended_transactions(Source("escrow/planted.py", line))) == {"escrow/planted.py:1"}
    assert ended_transactions(Source("persistence/planted.py", line)) == []


def test_prose_about_commitments_ends_nothing():
    assert ended_transactions(Source("escrow/planted.py", '"""Begin, or go on, to pay."""')) == []


@pytest.mark.parametrize(
    "line",
    [
        "from persistence.unit_of_work import atomically",
        "from persistence.unit_of_work import Retry, staged as in_steps",
        "from persistence import unit_of_work; unit_of_work.atomically(operation)",
        "import persistence.unit_of_work as work; end = work.staged",
        "import persistence.unit_of_work; persistence.unit_of_work.database().sessions()",
    ],
)
def test_a_planted_transaction_below_an_edge_is_found(line):
    assert owned_transactions(Source("escrow/planted.py", line)) == ["escrow/planted.py:1"]
    assert owned_transactions(Source("api/planted.py", line)) == []


def test_what_runs_in_somebodys_transaction_may_ask_for_another_try():
    assert owned_transactions(Source("escrow/planted.py", "from persistence.unit_of_work import Retry")) == []


@pytest.mark.parametrize(
    "line",
    [
        "select(Milestone).with_for_update()",
        "session.get(Milestone, key, with_for_update=True)",
        'text("SELECT 1 FROM milestones FOR  UPDATE")',
        'text(f"select * from {table} for update skip locked")',
        'text("SELECT 1 FROM milestones LOCK IN SHARE MODE")',
        'text("SELECT 1 FROM milestones FOR SHARE")',
        "text(\"SELECT GET_LOCK('escrow', 10)\")",
        'text("LOCK TABLES milestones WRITE")',
        'func.get_lock("escrow", 10)',
    ],
)
def test_a_planted_lock_is_found(line):
    assert locked_rows(Source("escrow/planted.py", line)) == ["escrow/planted.py:1"]


def test_prose_about_locks_is_no_lock():
    assert locked_rows(Source("escrow/planted.py", '"""Waits for update of the row."""')) == []


def ended_transactions(source):
    return [] if source.package == "persistence" else [source.at(node) for node in _ends(source)]


def _ends(source):
    for node in source.nodes(ast.Attribute, ast.Name, ast.alias, ast.keyword, ast.Constant):
        match node:
            # Taken without being called it is called under another name.
            case ast.Attribute(attr=name) if name in _ENDS_TRANSACTIONS | _OPENS_CONNECTIONS:
                yield node
            case ast.Name(id=name) | ast.alias(name=name) | ast.keyword(arg=name) if (
                name in _OPENS_CONNECTIONS
            ):
                yield node
            case ast.Constant(value=str(text)):
                if text in _OPENS_CONNECTIONS or _STATEMENT.fullmatch(text.strip()):
                    yield node
            case _:
                pass


def owned_transactions(source):
    if source.package in _EDGES or source.path in _MAY_OWN_TRANSACTIONS or "/" not in source.path:
        return []
    return [source.at(node) for node in _owns(source)]


def _owns(source):
    for node in source.nodes(ast.ImportFrom):
        if node.module == _UNIT_OF_WORK and {alias.name for alias in node.names} & _OWNS_TRANSACTIONS:
            yield node
    for node, name in source.references():
        module, _, owned = name.rpartition(".")
        if module == _UNIT_OF_WORK and owned in _OWNS_TRANSACTIONS and isinstance(node, ast.Attribute):
            yield node


def locked_rows(source):
    return [] if source.path in _MAY_LOCK else [source.at(node) for node in _locks(source)]


def _locks(source):
    for node in source.nodes(ast.Attribute, ast.keyword, ast.Constant):
        match node:
            case ast.Attribute(attr="with_for_update") | ast.keyword(arg="with_for_update"):
                yield node
            case ast.Attribute(attr=name) if name in _LOCKING_FUNCTIONS:
                yield node
            case ast.Constant(value=str(text)):
                words = " ".join(text.lower().split())
                # A statement, not a sentence about one.
                statement = "select " in words or words.startswith(("for update", "for share", "lock "))
                if statement and any(each in words for each in ("for update", *_LOCKING_WORDS)):
                    yield node
            case _:
                pass
