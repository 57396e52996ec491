"""What is sealed of an entry is all of it, in bytes that never change their meaning."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import insert

from ledger import chart, leaves
from ledger.canonical import canonical
from ledger.tables import accounts, balances, entries, postings
from persistence.unit_of_work import atomically, reading

ENTRY = "en_01jdg5d0g07k8v3b2m4n5p6q7r"
AT = datetime(2026, 11, 25, 2, 5, 0, 123456, tzinfo=UTC)
ESCROW = chart.escrow("ms_1", "USD")
FEES = chart.client_fees("USD")
SEED = bytes(range(32))


@pytest.fixture
def entry(database):
    """An entry of which every byte is known; whether the books are right is not asked of it."""
    atomically(_write)


def _write(session):
    for account in (ESCROW, FEES):
        session.execute(
            insert(accounts).values(
                id=account.row_id,
                code=account.code,
                currency="USD",
                normal=account.normal.value,
                floor=account.floor,
                shared=account.shared,
            )
        )
    session.execute(
        insert(entries).values(
            id=ENTRY,
            movement="milestone_funded",
            phase="posted",
            reference="ms_1",
            actor="us_1",
            reason="caf\u00e9 \U0001f600",
            idempotency_key="key",
            fingerprint=bytes(32),
            value_date=date(2026, 11, 25),
            recorded_at=AT,
        )
    )
    for line, account in enumerate((ESCROW, FEES)):
        session.execute(
            insert(postings).values(
                account_id=account.row_id,
                lane=0,
                sequence=1,
                entry_id=ENTRY,
                line=line,
                side="credit",
                amount_minor=10_000,
                balance_minor=10_000,
                held_minor=0,
                recorded_at=AT,
            )
        )


def test_the_form_is_the_one_that_is_written_down():
    assert canonical("k", {"b": "\u00e9", "a": None}) == "1:k,1:a,~1:b,2:\u00e9,".encode()


def test_no_two_things_have_one_form():
    things = [
        canonical("k", {"a": "b"}),
        canonical("k", {"a": None}),
        canonical("k", {"a": ""}),
        canonical("k", {"a": "~"}),
        canonical("k", {}),
        canonical("ka", {"": "b"}),
        canonical("k", {"a": "b,1:c,1:d"}),
        canonical("k", {"a": "b", "c": "d"}),
    ]
    assert len(set(things)) == len(things)


@pytest.mark.usefixtures("entry")
def test_an_entry_says_the_same_on_both_databases():
    parts = reading(found).parts
    assert [kind for kind, _ in parts] == ["head", "said", "kept", "moved", "moved", *["empty"] * 4]
    assert parts[0][1] == {
        "id": ENTRY,
        "movement": "milestone_funded",
        "phase": "posted",
        "reference": "ms_1",
        "value_date": "2026-11-25",
        "recorded_at": "2026-11-25T02:05:00.123456Z",
        "resolves_id": None,
        "reverses_id": None,
    }
    assert parts[3][1] == {
        "line": "0",
        "side": "credit",
        "amount_minor": "10000",
        "account.code": "liabilities:escrow:ms_1",
        "account.currency": "USD",
    }
    assert (parts[2][1]["0.account.floor"], parts[2][1]["1.account.floor"]) == ("1", "0")
    assert parts[2][1]["fingerprint"] == "00" * 32


@pytest.mark.usefixtures("entry")
def test_the_leaf_of_an_entry_never_changes():
    # Computed by hand from docs/sealing.md.
    assert reading(found).leaf(SEED).hex() == (
        "ae7407baa39fe20744630f1fb07b9ee69ca7409d40eb1b6df0d8528493908f60"
    )


@pytest.mark.usefixtures("entry")
def test_every_column_of_the_journal_is_in_a_part():
    """A column that comes later needs a version of its own: see docs/sealing.md."""
    said = {name for _, fields in reading(found).parts for name in fields}
    assert said >= {column.name for column in entries.columns}
    of_a_line = {column.name for column in postings.columns}
    of_an_account = {f"account.{column.name}" for column in accounts.columns}
    in_lines = {name.partition(".")[2] for name in said if name.startswith("0.")} | said
    assert in_lines >= of_a_line | of_an_account
    assert "sequence" in {column.name for column in balances.columns}


@pytest.mark.usefixtures("entry")
def test_the_same_amount_looks_different_in_every_place_and_under_every_seed():
    first = [part.digest for part in reading(found).salted(SEED)]
    second = [part.digest for part in reading(found).salted(bytes(32))]
    assert len({*first, *second}) == 18


def found(session):
    return leaves.contents(session.connection(), [ENTRY])[ENTRY]
