"""Whatever byte is changed in whatever row of the books is found, and named; the cases are the tables' own columns."""

# ruff: noqa: S608 - the statements are the point, and every part of them is ours

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import BigInteger, Boolean, Integer, SmallInteger, create_engine, make_url, text

from ledger.immutability import dropped_triggers, triggers
from ledger.integrity import verify
from ledger.tables import accounts, balances, entries, postings, seal_leaves, seals
from persistence.columns import Id
from persistence.unit_of_work import examining
from tests.ledger.conftest import APPEND_ONLY, owner_of
from tests.ledger.sealed import a_little_of_everything, breaches

TABLES = (accounts, balances, entries, postings, seals, seal_leaves)
COLUMNS = [column for table in TABLES for column in table.columns]
_SIZES = {Boolean: 1, SmallInteger: 2, Integer: 4, BigInteger: 8}


@pytest.fixture
def hand(database, database_url):
    """Somebody who owns the database and has taken every guard away."""
    engine = create_engine(make_url(database_url).set(username=owner_of(database_url)))
    dialect = engine.dialect.name
    off = (
        ["PRAGMA foreign_keys = 0", "PRAGMA ignore_check_constraints = 1"]
        if dialect == "sqlite"
        else ["SET foreign_key_checks = 0", "SET check_constraint_checks = 0"]
    )
    a_little_of_everything()
    with engine.connect() as connection:
        for statement in (*off, *dropped_triggers(dialect, *APPEND_ONLY)):
            connection.execute(text(statement))
        connection.commit()
        yield connection
        connection.rollback()
        for statement in triggers(dialect, *APPEND_ONLY):
            connection.execute(text(statement))
        connection.commit()
    engine.dispose()


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_every_byte_that_is_changed_is_found_and_named(hand, column):
    row = chosen(hand, column)
    tried = list(changed(row[column.name], column))
    assert tried
    if hand.dialect.name != "sqlite":
        # It is the same code, and a server takes its time: the first and the last.
        tried = tried[:1] + tried[1:][-1:]
    for value in tried:
        put(hand, column, row, value)
        look(column, row, value)
        put(hand, column, {**row, column.name: value}, row[column.name])
    assert derived_again() == breaches() == []


def derived_again():
    """What does not fit, but for the missing guards: whoever tampers has taken them away."""
    return [breach for breach in examining(verify) if breach.rule != "journal_is_guarded"]


def look(column, row, value):
    """Whether it is found, by the seals alone where it is sealed, and whether all the rest is still examined."""
    sealed, derived = breaches(), derived_again()
    found = derived if column.table is balances else sealed
    assert found, f"{column}: {row[column.name]!r} was changed to {value!r}"
    assert all(breach.subject for breach in found)
    if column.table in (entries, postings):
        owner = row["id" if column.table is entries else "entry_id"]
        named = f"entry {Id('en').process_result_value(owner, None)}"
        assert sealed[0].rule in {"entry_is_as_sealed", "sealed_entry_is_there"}
        assert sealed[0].subject in {f"seal 1, {named}", f"seal 2, {named}"}


def chosen(hand, column):
    """A row that has something in this column, if any has."""
    table = column.table.name
    some = hand.execute(text(f"SELECT * FROM {table} WHERE {column.name} IS NOT NULL")).mappings().first()
    found = some or hand.execute(text(f"SELECT * FROM {table}")).mappings().first()
    hand.commit()
    return dict(found)


def put(hand, column, row, value):
    """Write the value where the row is."""
    keys = " AND ".join(f"{key.name} = :key_{key.name}" for key in column.table.primary_key)
    names = {f"key_{key.name}": row[key.name] for key in column.table.primary_key}
    statement = text(f"UPDATE {column.table.name} SET {column.name} = :value WHERE {keys}")
    assert hand.execute(statement, {"value": value, **names}).rowcount == 1
    hand.commit()


def changed(value, column):
    """The value with each of its bytes changed, one after the other, as the database keeps it."""
    if value is None:
        yield bytes(16) if isinstance(column.type, Id) else "someone"
    elif isinstance(value, bytes):
        yield from (flipped(value, place) for place in range(len(value)))
    elif isinstance(value, datetime):
        # The server's own form cannot be reached; these are its bytes from the last to the first.
        yield from (value + timedelta(microseconds=10**power) for power in range(0, 14, 2))
    elif isinstance(value, date):
        yield from (value + timedelta(days=days) for days in (1, 31, 366))
    elif isinstance(value, int):
        # Not the lowest bit, or it is the next one's number.
        yield from (value ^ 64 << 8 * place for place in range(_SIZES[type(column.type)]))
    else:
        encoded = value.encode()
        for place in range(len(encoded)):
            # What is no text any more, the databases do not take.
            if encoded[place] < 128:
                yield flipped(encoded, place).decode()


def flipped(value, place):
    return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]


def test_the_cases_are_all_there_is_to_change():
    assert {column.table.name for column in COLUMNS} == {
        "ledger_accounts",
        "ledger_balances",
        "ledger_entries",
        "ledger_postings",
        "ledger_seals",
        "ledger_seal_leaves",
    }
