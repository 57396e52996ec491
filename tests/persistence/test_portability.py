"""The migrated schema runs on every engine that `docs/scale.md` names; what breaks a rule is named, a line for each."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect, text

from persistence.columns import Base
from tests.persistence import portability
from tests.persistence.portability import ROOT, Breach, Partition, breaches, partitions
from tests.schema import migrate

_APPEND_ONLY = (
    "GRANT gives the service no UPDATE and DELETE, and that is enough; the trigger stops everybody else too"
)
_OF_THE_GATEWAY = "the gateway's own id; news of one thing always leads to the same row, so to the same shard"
_OF_THE_ACT = "made of the id of what it is done for, so to the same shard, where it is unique"

# What breaks a rule on purpose, and why that does no harm; nothing here that has become superfluous.
ON_PURPOSE = {
    ("R10", "own_payouts", "uq_own_payouts_live_for begins with live_for"): (
        "of all gateways one is ordered at a time; they are few, and all of them on one shard"
    ),
    ("R8", "ledger_postings", "ck_ledger_postings_amount_is_positive is checked by the table"): (
        "ledger.entries refuses the same, and verify finds it"
    ),
    ("R8", "ledger_postings", "ck_ledger_postings_side_is_known is checked by the table"): (
        "ledger.chart knows two sides, and verify finds a third"
    ),
    **{
        ("R9", table, f"{table}_no_{act} is a trigger"): _APPEND_ONLY
        for table in (
            "ledger_accounts",
            "ledger_dated_entries",
            "ledger_entries",
            "ledger_period_acts",
            "ledger_postings",
            "ledger_seal_leaves",
            "ledger_seals",
            "reconciliation_break_acts",
            "reconciliation_statements",
        )
        for act in ("update", "delete", "replace")
    },
    ("R10", "alembic_version", "PRIMARY begins with version_num"): "one row, which migrations alone change",
    ("R10", "ledger_lanes", "PRIMARY begins with lane"): "every shard has its own 64",
    ("R10", "ledger_accounts", "uq_ledger_accounts_code_currency begins with code"): (
        "the id is the digest of both, and unique in their stead"
    ),
    ("R10", "ledger_entries", "uq_ledger_entries_idempotency_key begins with idempotency_key"): _OF_THE_ACT,
    ("R10", "due_work", "uq_due_work_dedup_key begins with dedup_key"): _OF_THE_ACT,
    ("R10", "users", "uq_users_email_key begins with email_key"): (
        "people are few: their tables stay on one shard, where it is unique"
    ),
    **{
        ("R10", table, f"uq_{table}_gateway_gateway_id begins with gateway"): _OF_THE_GATEWAY
        for table in (
            "chargebacks",
            "payments",
            "payout_accounts",
            "payouts",
            "refunds",
            "transfer_reversals",
            "transfers",
        )
    },
    ("R10", "chargeback_lines", "uq_chargeback_lines_gateway_line_id begins with gateway"): _OF_THE_GATEWAY,
    ("R10", "webhook_events", "uq_webhook_events_gateway_account_event_id begins with gateway"): (
        "the inbox is partitioned by the event's id, which the key contains"
    ),
    ("R10", "ledger_period_acts", "PRIMARY begins with period"): "few, and the same on every shard",
    ("R10", "ledger_seals", "PRIMARY begins with number"): "every shard has a chain of its own",
    (
        "R10",
        "reconciliation_statements",
        "PRIMARY begins with number",
    ): "there is one chain, which one node writes",
    ("R10", "ledger_seal_leaves", "uq_ledger_seal_leaves_seal_position begins with seal"): (
        "a seal is of one shard's entries, and so are its leaves"
    ),
    ("R12", "users", "email_key is part of a key and not ASCII"): (
        "addresses have letters of every alphabet; utf8mb4_bin is on every engine"
    ),
}
# Alembic makes its table itself, in the database's own character set; it holds one word of ASCII.
_NOT_OURS = "alembic_version"


@pytest.fixture
def migrated(schema, tmp_path):
    """A database of which nothing is set in advance, with all tables."""
    url = schema.blank(tmp_path)
    migrate(url)
    return create_engine(url)


@pytest.fixture
def blank(schema, tmp_path):
    """A database without tables, in which something can be planted."""
    return create_engine(schema.blank(tmp_path))


def test_no_table_breaks_a_rule_but_on_purpose(migrated):
    with migrated.connect() as connection:
        found = breaches(connection, _partitions())
    migrated.dispose()
    assert [
        str(breach) for breach in found if _key(breach) not in ON_PURPOSE and not _of_alembic(breach)
    ] == []


@pytest.mark.mariadb
def test_what_is_let_through_on_purpose_is_still_there(migrated):
    with migrated.connect() as connection:
        found = {_key(breach) for breach in breaches(connection, _partitions())}
        triggers = {key for key in ON_PURPOSE if key[2].endswith("_no_replace is a trigger")}
    migrated.dispose()
    # REPLACE passes by SQLite's triggers alone.
    assert set(ON_PURPOSE) - found == triggers


def test_every_rule_is_asked_about_or_held_elsewhere():
    asked = {rule for rule, _, _ in portability._ON_MARIADB + portability._ON_SQLITE} | {"R10"}
    assert asked | set(portability.HELD_ELSEWHERE) == set(portability.RULES)
    assert list(portability.RULES) == [f"R{number}" for number in range(1, 15)]


def test_every_table_is_in_the_table_of_tables_with_a_column_it_has(migrated):
    documented = _partitions()
    assert set(documented) == set(Base.metadata.tables)
    found = inspect(migrated)
    for table, partition in documented.items():
        assert partition.by in {"", *(column["name"] for column in found.get_columns(table))}, table
    migrated.dispose()


@pytest.mark.mariadb
def test_a_connection_has_the_isolation_and_the_mode_that_we_say_and_not_the_servers(database, schema):
    schema._server.execute("SET GLOBAL tx_isolation = 'SERIALIZABLE', GLOBAL sql_mode = ''")
    try:
        with database.engine.connect() as connection:
            said = connection.execute(text("SELECT @@tx_isolation, @@sql_mode, @@time_zone")).one()
    finally:
        schema._server.execute("SET GLOBAL tx_isolation = DEFAULT, GLOBAL sql_mode = DEFAULT")
    assert said[0] == "READ-COMMITTED"
    assert "STRICT_ALL_TABLES" in said[1]
    assert said[2] == "+00:00"


_OPTIONS = "ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_ASCII = "CHARACTER SET ascii COLLATE ascii_bin"
_KEY = "id BINARY(16) PRIMARY KEY"
_CHILD = (
    f"CREATE TABLE planted ({_KEY}, of BINARY(16), CONSTRAINT fk FOREIGN KEY (of) REFERENCES {{}}) {_OPTIONS}"
)
_PARENT = f"CREATE TABLE parent ({_KEY}) {_OPTIONS}"

# What is planted, and the one line that names it.
_PLANTED = [
    ("R1", [f"CREATE TABLE planted (id BINARY(16)) {_OPTIONS}"], "it has no primary key"),
    (
        "R1",
        [f"CREATE TABLE planted ({_KEY}) {_OPTIONS.replace('InnoDB', 'Aria')} TRANSACTIONAL=1"],
        "it is kept by Aria",
    ),
    (
        "R2",
        [f"CREATE TABLE planted ({_KEY}, n BIGINT AUTO_INCREMENT, KEY (n)) {_OPTIONS}"],
        "n is AUTO_INCREMENT",
    ),
    ("R2", ["CREATE SEQUENCE planted"], "it is a sequence"),
    (
        "R3",
        [f"CREATE TABLE planted (id BINARY(16) DEFAULT (RANDOM_BYTES(16)) PRIMARY KEY) {_OPTIONS}"],
        "id is part of a key and has a default of the server's",
    ),
    *(
        (
            "R7",
            [_PARENT, _CHILD.format(f"parent (id) {action}")],
            "fk does more than restrict",
        )
        for action in ("ON DELETE CASCADE", "ON DELETE SET NULL", "ON UPDATE CASCADE")
    ),
    (
        "R7",
        [
            f"CREATE TABLE elsewhere ({_KEY}) {_OPTIONS}",
            _CHILD.format("elsewhere (id)"),
        ],
        "fk leads to elsewhere, which goes with somebody else",
    ),
    (
        "R8",
        [f"CREATE TABLE planted ({_KEY}, n BIGINT, CONSTRAINT more CHECK (n > 0)) {_OPTIONS}"],
        "more is checked by the table",
    ),
    ("R9", [_PARENT, "CREATE VIEW planted AS SELECT id FROM parent"], "it is no table but a view"),
    (
        "R9",
        [
            f"CREATE TABLE planted ({_KEY}) {_OPTIONS}",
            "CREATE TRIGGER late BEFORE DELETE ON planted FOR EACH ROW SET @x = 1",
        ],
        "late is a trigger",
    ),
    ("R9", ["CREATE PROCEDURE planted() SELECT 1"], "it is a procedure"),
    ("R9", ["CREATE EVENT planted ON SCHEDULE EVERY 1 DAY DO SELECT 1"], "it is an event"),
    (
        "R9",
        [f"CREATE TABLE planted ({_KEY}, n ENUM('a') {_ASCII}) {_OPTIONS}"],
        "n is an ENUM, a SET or a place",
    ),
    (
        "R9",
        [f"CREATE TABLE planted ({_KEY}, n SET('a') {_ASCII}) {_OPTIONS}"],
        "n is an ENUM, a SET or a place",
    ),
    (
        "R9",
        [f"CREATE TABLE planted ({_KEY}, n POINT NOT NULL) {_OPTIONS}"],
        "n is an ENUM, a SET or a place",
    ),
    (
        "R9",
        [f"CREATE TABLE planted ({_KEY}, n BIGINT, m BIGINT AS (n + 1) STORED, KEY (m)) {_OPTIONS}"],
        "m is generated and part of a key",
    ),
    (
        "R9",
        [f"CREATE TABLE planted ({_KEY}, n TEXT {_ASCII}, UNIQUE KEY whole (id, n)) {_OPTIONS}"],
        "whole is no B-tree",
    ),
    (
        "R9",
        [f"CREATE TABLE planted ({_KEY}, n TEXT {_ASCII}, FULLTEXT KEY words (n)) {_OPTIONS}"],
        "words is no B-tree",
    ),
    (
        "R9",
        [f"CREATE TABLE planted ({_KEY}) {_OPTIONS} PARTITION BY KEY (id) PARTITIONS 2"],
        "it is cut into partitions by hand",
    ),
    (
        "R10",
        [f"CREATE TABLE planted ({_KEY}, n BIGINT, UNIQUE KEY global (n)) {_OPTIONS}"],
        "global begins with n",
    ),
    (
        "R12",
        [f"CREATE TABLE planted ({_KEY}) COLLATE utf8mb4_general_ci"],
        "its own collation is utf8mb4_general_ci",
    ),
    (
        "R12",
        [f"CREATE TABLE planted ({_KEY}, n VARCHAR(9) COLLATE utf8mb4_uca1400_ai_ci) {_OPTIONS}"],
        "n is utf8mb4_uca1400_ai_ci",
    ),
    (
        "R12",
        [f"CREATE TABLE planted ({_KEY}, n VARCHAR(9), KEY (n)) {_OPTIONS}"],
        "n is part of a key and not ASCII",
    ),
    *(
        ("R13", [f"CREATE TABLE planted ({_KEY}, n {kind}) {_OPTIONS}"], said)
        for kind, said in [
            ("TIMESTAMP(6) NULL", "n is timestamp"),
            ("DOUBLE", "n is double"),
            ("DECIMAL(13,2)", "n is decimal"),
            ("UUID", "n is uuid"),
            ("DATETIME", "n loses microseconds"),
            ("DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6)", "n is written by the server's clock"),
            ("DATETIME(6) ON UPDATE CURRENT_TIMESTAMP(6)", "n is written by the server's clock"),
        ]
    ),
    (
        "R13",
        [f"CREATE TABLE planted ({_KEY}, price_minor INT) {_OPTIONS}"],
        "price_minor is an amount and no BIGINT",
    ),
    (
        "R14",
        [f"CREATE TABLE planted ({_KEY}, n VARCHAR(99) {_ASCII}, KEY part (n(9))) {_OPTIONS}"],
        "n in part of its key is compared only in part",
    ),
]


@pytest.mark.mariadb
@pytest.mark.parametrize(("rule", "statements", "what"), _PLANTED, ids=range(len(_PLANTED)))
def test_a_planted_breach_is_named(blank, rule, statements, what):
    assert _found(blank, statements) == [str(Breach(rule, "planted", what))]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("rule", "statements", "what"),
    [
        ("R1", ["CREATE TABLE planted (id BLOB)"], "it has no primary key"),
        ("R2", ["CREATE TABLE planted (id INTEGER PRIMARY KEY)"], "id is counted up by SQLite"),
        (
            "R7",
            [
                "CREATE TABLE parent (id BLOB PRIMARY KEY)",
                "CREATE TABLE planted (id BLOB PRIMARY KEY, of BLOB REFERENCES parent ON DELETE CASCADE)",
            ],
            "of does more than restrict",
        ),
        ("R9", ["CREATE VIEW planted AS SELECT 1"], "it is a view"),
        (
            "R13",
            ["CREATE TABLE planted (id BLOB PRIMARY KEY, price_minor INTEGER)"],
            "price_minor is an amount and no BIGINT",
        ),
        (
            "R14",
            ["CREATE TABLE planted (id BLOB PRIMARY KEY)", f"CREATE INDEX {'i' * 65} ON planted (id)"],
            f"the name {'i' * 65} is longer than 64 letters",
        ),
    ],
)
def test_a_planted_breach_is_named_on_sqlite(blank, rule, statements, what):
    assert _found(blank, statements) == [str(Breach(rule, "planted", what))]


def _found(engine, statements):
    planted = {name: Partition("the worker", "id") for name in ("planted", "parent")} | {
        "elsewhere": Partition("somebody else", "id")
    }
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
        found = [str(breach) for breach in breaches(connection, planted)]
    engine.dispose()
    return found


def _partitions():
    return partitions((ROOT / "docs" / "scale.md").read_text(encoding="utf-8"))


def _key(breach):
    return breach.rule, breach.table, breach.what


def _of_alembic(breach):
    return breach.table == _NOT_OURS and breach.rule == "R12"
