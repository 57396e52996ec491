"""The hands of somebody who owns the database, as no part of Holdfast does."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, make_url, text

from ledger.immutability import dropped_triggers, triggers

APPEND_ONLY = (
    "ledger_accounts",
    "ledger_entries",
    "ledger_postings",
    "ledger_seals",
    "ledger_seal_leaves",
)


@pytest.fixture
def owner(database, database_url):
    """Run statements as the owner of the tables, with the triggers in place."""
    engine = create_engine(make_url(database_url).set(username=owner_of(database_url)))

    def run(*statements):
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    yield run
    engine.dispose()


@pytest.fixture
def tamper(owner, database):
    """Change what nobody may change: the triggers are gone while the statements run."""
    dialect = database.engine.dialect.name

    @contextmanager
    def without_guards():
        owner(*dropped_triggers(dialect, *APPEND_ONLY))
        try:
            yield
        finally:
            owner(*triggers(dialect, *APPEND_ONLY))

    def run(*statements):
        with without_guards():
            owner(*statements)

    return run


def owner_of(url):
    return None if url.startswith("sqlite") else "root"
