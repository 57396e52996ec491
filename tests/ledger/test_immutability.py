"""Nobody changes what is written: the service may not, and the tables refuse it to everybody."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from kernel.ids import new_id
from ledger.tables import accounts, entries, postings
from persistence.columns import Base
from persistence.grants import grant_statements
from persistence.unit_of_work import atomically
from tests.books import nothing_moves
from tests.ledger.words import funded, posted

CHANGES = [
    "UPDATE ledger_entries SET reason = 'something else'",
    "UPDATE ledger_entries SET id = id",
    "DELETE FROM ledger_entries",
    "UPDATE ledger_postings SET amount_minor = amount_minor + 1",
    "UPDATE ledger_postings SET line = line",
    "DELETE FROM ledger_postings",
    "DELETE FROM ledger_postings WHERE line = 0",
    "UPDATE ledger_accounts SET floor = 0",
    "DELETE FROM ledger_accounts",
    "REPLACE INTO ledger_accounts SELECT * FROM ledger_accounts",
    "REPLACE INTO ledger_entries SELECT * FROM ledger_entries",
    "REPLACE INTO ledger_postings SELECT * FROM ledger_postings",
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_service_cannot_change_what_is_written(database, change):
    posted(funded(new_id("ms")))
    with nothing_moves(), pytest.raises(DatabaseError):
        atomically(lambda session: session.execute(text(change)))


@pytest.mark.parametrize("change", CHANGES)
def test_the_tables_refuse_it_to_their_owner_too(owner, change):
    posted(funded(new_id("ms")))
    with nothing_moves(), pytest.raises(DatabaseError, match="is append-only"):
        owner(change)


@pytest.mark.mariadb
@pytest.mark.parametrize("table", ["ledger_accounts", "ledger_entries", "ledger_postings"])
@pytest.mark.parametrize(
    "change",
    ["UPDATE {} SET line = 1", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {} ADD x INT"],
)
def test_the_grants_alone_would_refuse_it(tamper, database, table, change):
    posted(funded(new_id("ms")))
    # The triggers are not asked: the privilege is missing before any row is looked at.
    with nothing_moves(), pytest.raises(DatabaseError, match=r"\(1142, .*command denied to user 'holdfast'"):
        atomically(lambda session: session.execute(text(change.format(table))))


@pytest.mark.mariadb
def test_the_service_cannot_take_the_triggers_away(database):
    with pytest.raises(DatabaseError, match=r"\(1142, .*TRIGGER command denied"):
        atomically(lambda session: session.execute(text("DROP TRIGGER ledger_entries_no_update")))


@pytest.mark.sqlite
def test_a_trigger_is_asked_even_where_a_statement_replaces_by_another_key(owner):
    posted(funded(new_id("ms")), key="funded")
    same_key = (
        "INSERT OR REPLACE INTO ledger_entries SELECT randomblob(16), movement, phase, reference, actor,"
        " approved_by, reason, idempotency_key, fingerprint, value_date, recorded_at, resolves_id, reverses_id"
        " FROM ledger_entries"
    )
    with nothing_moves(), pytest.raises(DatabaseError, match="is append-only"):
        owner(same_key)


@pytest.mark.sqlite
@pytest.mark.parametrize("table", ["ledger_entries", "ledger_postings"])
def test_no_row_has_a_hidden_number_by_which_it_could_be_replaced(owner, table):
    with pytest.raises(DatabaseError, match="rowid"):
        owner(f"SELECT rowid FROM {table}")  # noqa: S608 - our own names


def test_the_journal_is_marked_append_only():
    append_only = {table.name for table in Base.metadata.sorted_tables if table.info.get("append_only")}
    assert {accounts.name, entries.name, postings.name} <= append_only


def test_what_is_append_only_is_granted_for_reading_and_adding_alone():
    granted = grant_statements(Base.metadata, "'holdfast'@'%'", "books")
    assert "GRANT SELECT, INSERT ON `books`.`ledger_entries` TO 'holdfast'@'%'" in granted
    assert "GRANT SELECT, INSERT ON `books`.`ledger_postings` TO 'holdfast'@'%'" in granted
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON `books`.`ledger_balances` TO 'holdfast'@'%'" in granted
    assert "GRANT SELECT ON `books`.`alembic_version` TO 'holdfast'@'%'" in granted
    assert len(granted) == len(Base.metadata.tables) + 1
