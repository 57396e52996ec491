"""The least that has our guarantees, written by hand against the driver: what the ledger is measured with.

One transaction: an entry under an idempotency key, two postings with sequence and running balance, two balance rows
locked in order, a floor. No library in between, no lanes, no holds, no names.
"""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING, Protocol

import pymysql

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Row = tuple[int, int, int]

TABLES = (
    """CREATE TABLE raw_balances (
        account BIGINT PRIMARY KEY, sequence BIGINT NOT NULL, balance BIGINT NOT NULL
    )""",
    """CREATE TABLE raw_entries (
        id BINARY(16) PRIMARY KEY, idempotency_key VARCHAR(160) NOT NULL UNIQUE, movement VARCHAR(40) NOT NULL,
        reference VARCHAR(80) NOT NULL, recorded_at DATETIME(6) NOT NULL
    )""",
    """CREATE TABLE raw_postings (
        account BIGINT NOT NULL, sequence BIGINT NOT NULL, entry BINARY(16) NOT NULL, amount BIGINT NOT NULL,
        balance BIGINT NOT NULL, PRIMARY KEY (account, sequence)
    )""",
)


class Poster(Protocol):
    """Moves one cent from one account to another."""

    def post(self, source: int, target: int, key: str) -> None:
        """Durable when it returns."""
        ...


class OnMariaDB:
    """The transaction with PyMySQL: six round trips."""

    def __init__(self, socket: str, database: str) -> None:
        self._connection = pymysql.connect(
            unix_socket=socket,
            user="root",
            database=database,
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        )
        self._cursor = self._connection.cursor()

    def post(self, source: int, target: int, key: str) -> None:
        """Six statements, the last of which waits for the disk."""
        execute, entry = self._cursor.execute, os.urandom(16)
        execute(
            "SELECT account, sequence, balance FROM raw_balances WHERE account IN (%s, %s) ORDER BY account FOR UPDATE",
            (source, target),
        )
        taken, given = _moved(self._cursor.fetchall(), source, target)
        execute(
            "INSERT INTO raw_entries VALUES (%s, %s, 'tip_paid', 'ms_reference', SYSDATE(6))",
            (entry, key),
        )
        execute(
            "INSERT INTO raw_postings VALUES (%s, %s, %s, -1, %s), (%s, %s, %s, 1, %s)",
            (taken[0], taken[1], entry, taken[2], given[0], given[1], entry, given[2]),
        )
        execute(
            "INSERT INTO raw_balances VALUES (%s, %s, %s), (%s, %s, %s)"
            " ON DUPLICATE KEY UPDATE sequence = VALUES(sequence), balance = VALUES(balance)",
            (*taken, *given),
        )
        self._connection.commit()

    def post_many(self, moves: Sequence[tuple[int, int, str]]) -> None:
        """Many in one transaction: the rows of each table in one statement, each balance once."""
        execute = self._cursor.execute
        touched = sorted({account for source, target, _ in moves for account in (source, target)})
        execute(
            "SELECT account, sequence, balance FROM raw_balances WHERE account IN %s ORDER BY account FOR UPDATE",
            (touched,),
        )
        found = {row[0]: [row[1], row[2]] for row in self._cursor.fetchall()}
        # As every caller does who may be told the same thing twice.
        execute(
            "SELECT idempotency_key FROM raw_entries WHERE idempotency_key IN %s",
            ([key for _, _, key in moves],),
        )
        assert not self._cursor.fetchall(), "nothing was told before"
        entries: list[object] = []
        lines: list[object] = []
        for source, target, key in moves:
            entry = int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10)
            entries += entry, key
            for account, amount in ((source, -1), (target, 1)):
                after = found[account]
                after[0] += 1
                after[1] += amount
                assert after[1] >= 0 or account == 0, "the floor holds; account 0 is the gateway's"
                lines += account, after[0], entry, amount, after[1]
        execute(_rows("raw_entries", "(%s, %s, 'tip_paid', 'ms_reference', SYSDATE(6))", len(moves)), entries)
        execute(_rows("raw_postings", "(%s, %s, %s, %s, %s)", 2 * len(moves)), lines)
        execute(
            _rows("raw_balances", "(%s, %s, %s)", len(found))
            + " ON DUPLICATE KEY UPDATE sequence = VALUES(sequence), balance = VALUES(balance)",
            [value for account, after in found.items() for value in (account, *after)],
        )
        self._connection.commit()


class OnSQLite:
    """The same with the sqlite3 module."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = FULL")

    def post(self, source: int, target: int, key: str) -> None:
        """One writer at a time; COMMIT waits for the disk."""
        execute, entry = self._connection.execute, os.urandom(16)
        execute("BEGIN IMMEDIATE")
        rows = execute(
            "SELECT account, sequence, balance FROM raw_balances WHERE account IN (?, ?)", (source, target)
        ).fetchall()
        taken, given = _moved(rows, source, target)
        execute(
            "INSERT INTO raw_entries VALUES (?, ?, 'tip_paid', 'ms_reference', strftime('%Y-%m-%d %H:%M:%f', 'now'))",
            (entry, key),
        )
        execute(
            "INSERT INTO raw_postings VALUES (?, ?, ?, -1, ?), (?, ?, ?, 1, ?)",
            (taken[0], taken[1], entry, taken[2], given[0], given[1], entry, given[2]),
        )
        execute("UPDATE raw_balances SET sequence = ?, balance = ? WHERE account = ?", (*taken[1:], taken[0]))
        execute("UPDATE raw_balances SET sequence = ?, balance = ? WHERE account = ?", (*given[1:], given[0]))
        execute("COMMIT")


def _rows(table: str, row: str, count: int) -> str:
    return f"INSERT INTO {table} VALUES {', '.join([row] * count)}"  # noqa: S608 - our own names


def _moved(rows: Iterable[Row], source: int, target: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    found = {row[0]: row for row in rows}
    taken = (source, found[source][1] + 1, found[source][2] - 1)
    given = (target, found[target][1] + 1, found[target][2] + 1)
    assert taken[2] >= 0 or source == 0, "the floor holds; account 0 is the gateway's"
    return taken, given
