"""The rules that keep one schema for MariaDB, Galera, InnoDB Cluster, Aurora, TiDB, Vitess and SQLite, as questions.

`docs/scale.md` says where each bites. Each question finds what breaks a rule: a table and, where it is not the whole
table, what of it.
"""

# ruff: noqa: S608 - the questions are put together of our own words

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

ROOT = Path(__file__).parents[2]

RULES = {
    "R1": "every table has a primary key, and InnoDB keeps it",
    "R2": "ids are made by us, never counted up by the server",
    "R3": "what makes a row unique is there before the first attempt",
    "R4": "READ COMMITTED, set by us",
    "R5": "correct by keys, guards and row locks, never by an isolation level",
    "R6": "rows are locked in id order",
    "R7": "foreign keys restrict, and stay within one shard",
    "R8": "a CHECK is only the second line of defence",
    "R9": "nothing but tables, columns and ordinary indexes",
    "R10": "primary and unique keys begin with what the table is partitioned by, or with an id of ours",
    "R11": "one movement of money touches at most two shards",
    "R12": "character sets and collations are written out; keys are ASCII, compared byte by byte",
    "R13": "instants are DATETIME(6), amounts are BIGINT, and every engine has the type",
    "R14": "names and keys fit everywhere; no locks by name, XA, temporary tables or savepoints",
}

# These are no property of a schema: who holds them.
HELD_ELSEWHERE = {
    "R4": "tests/persistence/test_portability.py asks a connection",
    "R5": "tests/galera and the races in every package",
    "R6": "tests/architecture/test_transactions.py: nobody locks but persistence.locks and the ledger",
    "R11": "docs/scale.md, by movement",
}


@dataclass(frozen=True)
class Breach:
    """One thing that breaks one rule."""

    rule: str
    table: str
    what: str

    def __str__(self) -> str:
        return f"{self.table} breaks {self.rule} ({RULES[self.rule]}): {self.what}"


_OURS = "table_schema = DATABASE()"
_LONGEST_NAME = 64
# What all of them have and store alike.
_TYPES = (
    "'bigint', 'int', 'smallint', 'tinyint', 'binary', 'varbinary', 'char', 'varchar', 'text', 'mediumtext',"
    " 'blob', 'mediumblob', 'longblob', 'date', 'datetime'"
)
_ELSEWHERE = "'enum', 'set', 'geometry', 'point', 'linestring', 'polygon', 'multipoint', 'geometrycollection'"

# (rule, what is wrong, which): the columns of each are a table and a name.
_ON_MARIADB = [
    (
        "R1",
        "it has no primary key",
        f"""SELECT table_name, '' FROM information_schema.tables t WHERE {_OURS} AND table_type = 'BASE TABLE'
        AND NOT EXISTS (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = t.table_schema
        AND s.table_name = t.table_name AND s.index_name = 'PRIMARY')""",
    ),
    (
        "R1",
        "it is kept by {}",
        f"""SELECT table_name, engine FROM information_schema.tables
        WHERE {_OURS} AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'""",
    ),
    (
        "R2",
        "{} is AUTO_INCREMENT",
        f"""SELECT table_name, column_name FROM information_schema.columns
        WHERE {_OURS} AND extra LIKE '%auto_increment%'""",
    ),
    (
        "R2",
        "it is a sequence",
        f"SELECT table_name, '' FROM information_schema.tables WHERE {_OURS} AND table_type = 'SEQUENCE'",
    ),
    (
        "R3",
        "{} is part of a key and has a default of the server's",
        f"""SELECT DISTINCT c.table_name, c.column_name FROM information_schema.columns c
        JOIN information_schema.statistics s USING (table_schema, table_name, column_name)
        WHERE {_OURS} AND s.non_unique = 0 AND c.column_default IS NOT NULL AND c.column_default <> 'NULL'""",
    ),
    (
        "R7",
        "{} does more than restrict",
        """SELECT table_name, constraint_name FROM information_schema.referential_constraints
        WHERE constraint_schema = DATABASE()
        AND NOT (update_rule IN ('RESTRICT', 'NO ACTION') AND delete_rule IN ('RESTRICT', 'NO ACTION'))""",
    ),
    (
        "R8",
        "{} is checked by the table",
        """SELECT table_name, constraint_name FROM information_schema.check_constraints
        WHERE constraint_schema = DATABASE()""",
    ),
    (
        "R9",
        "it is no table but a {}",
        f"""SELECT table_name, LOWER(table_type) FROM information_schema.tables
        WHERE {_OURS} AND table_type NOT IN ('BASE TABLE', 'SEQUENCE')""",
    ),
    (
        "R9",
        "{} is a trigger",
        """SELECT event_object_table, trigger_name FROM information_schema.triggers
        WHERE trigger_schema = DATABASE()""",
    ),
    (
        "R9",
        "it is a {}",
        """SELECT routine_name, LOWER(routine_type) FROM information_schema.routines
        WHERE routine_schema = DATABASE()""",
    ),
    (
        "R9",
        "it is an event",
        "SELECT event_name, '' FROM information_schema.events WHERE event_schema = DATABASE()",
    ),
    (
        "R9",
        "{} is an ENUM, a SET or a place",
        f"""SELECT table_name, column_name FROM information_schema.columns
        WHERE {_OURS} AND data_type IN ({_ELSEWHERE})""",
    ),
    (
        "R9",
        "{} is generated and part of a key",
        f"""SELECT DISTINCT c.table_name, c.column_name FROM information_schema.columns c
        JOIN information_schema.statistics s USING (table_schema, table_name, column_name)
        WHERE {_OURS} AND c.is_generated = 'ALWAYS'""",
    ),
    (
        "R9",
        "{} is no B-tree",
        f"""SELECT DISTINCT table_name, index_name FROM information_schema.statistics
        WHERE {_OURS} AND index_type <> 'BTREE'""",
    ),
    (
        "R9",
        "it is cut into partitions by hand",
        f"""SELECT DISTINCT table_name, '' FROM information_schema.partitions
        WHERE {_OURS} AND partition_name IS NOT NULL""",
    ),
    (
        "R12",
        "its own collation is {}",
        f"""SELECT table_name, table_collation FROM information_schema.tables
        WHERE {_OURS} AND table_type = 'BASE TABLE' AND table_collation <> 'utf8mb4_bin'""",
    ),
    (
        "R12",
        "{}",
        f"""SELECT table_name, CONCAT(column_name, ' is ', collation_name) FROM information_schema.columns
        WHERE {_OURS} AND collation_name NOT IN ('utf8mb4_bin', 'ascii_bin')""",
    ),
    (
        "R12",
        "{} is part of a key and not ASCII",
        f"""SELECT DISTINCT c.table_name, c.column_name FROM information_schema.columns c
        JOIN information_schema.statistics s USING (table_schema, table_name, column_name)
        WHERE {_OURS} AND c.collation_name <> 'ascii_bin'""",
    ),
    (
        "R13",
        "{}",
        f"""SELECT table_name, CONCAT(column_name, ' is ', data_type) FROM information_schema.columns
        WHERE {_OURS} AND data_type NOT IN ({_TYPES}, {_ELSEWHERE})""",
    ),
    (
        "R13",
        "{} loses microseconds",
        f"""SELECT table_name, column_name FROM information_schema.columns
        WHERE {_OURS} AND data_type = 'datetime' AND datetime_precision <> 6""",
    ),
    (
        "R13",
        "{} is written by the server's clock",
        f"""SELECT table_name, column_name FROM information_schema.columns WHERE {_OURS}
        AND (extra LIKE '%on update%' OR column_default LIKE '%current_timestamp%' OR column_default LIKE '%now(%')""",
    ),
    (
        "R13",
        "{} is an amount and no BIGINT",
        f"""SELECT table_name, column_name FROM information_schema.columns
        WHERE {_OURS} AND column_name LIKE '%\\_minor' AND column_type NOT IN ('bigint', 'bigint(20)')""",
    ),
    (
        "R14",
        "{} of its key is compared only in part",
        f"""SELECT table_name, CONCAT(column_name, ' in ', index_name) FROM information_schema.statistics
        WHERE {_OURS} AND sub_part IS NOT NULL""",
    ),
]

# SQLite does not know the rest.
_ON_SQLITE = [
    (
        "R1",
        "it has no primary key",
        """SELECT name, '' FROM sqlite_master m WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
        AND NOT EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE pk)""",
    ),
    (
        "R2",
        "{} is counted up by SQLite",
        """SELECT m.name, MAX(i.name) FROM sqlite_master m, pragma_table_info(m.name) i
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND i.pk
        GROUP BY m.name HAVING COUNT(*) = 1 AND MAX(i.type) = 'INTEGER' AND m.sql NOT LIKE '%WITHOUT ROWID%'""",
    ),
    (
        "R7",
        "{} does more than restrict",
        """SELECT m.name, f."from" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
        AND NOT (f.on_update IN ('NO ACTION', 'RESTRICT') AND f.on_delete IN ('NO ACTION', 'RESTRICT'))""",
    ),
    ("R9", "it is a view", "SELECT name, '' FROM sqlite_master WHERE type = 'view'"),
    ("R9", "{} is a trigger", "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"),
    (
        "R13",
        "{} is an amount and no BIGINT",
        """SELECT m.name, i.name FROM sqlite_master m, pragma_table_info(m.name) i
        WHERE m.type = 'table' AND i.name LIKE '%\\_minor' ESCAPE '\\' AND i.type <> 'BIGINT'""",
    ),
    (
        "R14",
        f"the name {{}} is longer than {_LONGEST_NAME} letters",
        f"SELECT tbl_name, name FROM sqlite_master WHERE length(name) > {_LONGEST_NAME}",
    ),
]

_UNIQUE_KEYS = f"""SELECT s.table_name, s.index_name, s.column_name, c.column_type
    FROM information_schema.statistics s JOIN information_schema.columns c USING (table_schema, table_name, column_name)
    WHERE {_OURS} AND s.non_unique = 0 AND s.seq_in_index = 1"""
_FOREIGN_KEYS = """SELECT table_name, constraint_name, referenced_table_name
    FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()"""
# Sixteen bytes of an id, which holds 74 bits of chance, or the digest of a secret.
_MADE_BY_US = {"binary(16)", "binary(32)"}


@dataclass(frozen=True)
class Partition:
    """What a table is partitioned by: the shard it goes with, and the column from which that follows."""

    goes_with: str
    by: str


def partitions(page: str) -> dict[str, Partition]:
    """The table of tables in `docs/scale.md`."""
    rows = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| (?:`(\w+)`|—)", page, re.MULTILINE)
    return {table: Partition(goes_with, by) for table, goes_with, by in rows}


def breaches(connection: Connection, partitioned: Mapping[str, Partition]) -> list[Breach]:
    """All that breaks a rule, in the order of the rules; what is let through on purpose is among it."""
    if connection.dialect.name == "sqlite":
        found = list(_asked(connection, _ON_SQLITE))
    else:
        found = [
            *_asked(connection, _ON_MARIADB),
            *_across_shards(connection, partitioned),
            *_unique_only_in_a_shard(connection, partitioned),
        ]
    return sorted(found, key=lambda breach: (int(breach.rule[1:]), breach.table, breach.what))


def _asked(connection: Connection, questions: list[tuple[str, str, str]]) -> Iterator[Breach]:
    for rule, what, question in questions:
        for table, name in connection.execute(text(question)):
            yield Breach(rule, table, what.format(name))


def _across_shards(connection: Connection, partitioned: Mapping[str, Partition]) -> Iterator[Breach]:
    for child, name, parent in connection.execute(text(_FOREIGN_KEYS)):
        here, there = (
            partitioned[table].goes_with if table in partitioned else None for table in (child, parent)
        )
        if there not in (here, "everybody"):
            yield Breach("R7", child, f"{name} leads to {parent}, which goes with {there}")


def _unique_only_in_a_shard(connection: Connection, partitioned: Mapping[str, Partition]) -> Iterator[Breach]:
    for table, name, column, kind in connection.execute(text(_UNIQUE_KEYS)):
        by = partitioned[table].by if table in partitioned else None
        if column != by and kind not in _MADE_BY_US:
            yield Breach("R10", table, f"{name} begins with {column}")
