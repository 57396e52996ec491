"""What every test may ask for: a real database, emptied after each test, a clock to turn, Redis and the gateway's peer.

The database is the one named by HOLDFAST_TEST_DATABASE, `sqlite` (as without it) or `mariadb`; `./test` runs both.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from redis import Redis

import sandbox
from kernel.time import FileOffset
from persistence import unit_of_work
from persistence.engine import Database
from tests import servers
from tests.clock import Clock
from tests.schema import MariaDBSchema, SQLiteSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

_ENGINE = os.environ.get("HOLDFAST_TEST_DATABASE", "sqlite")
_OTHER = {"sqlite": "mariadb", "mariadb": "sqlite"}[_ENGINE]

# The ledger, escrow, payments and payouts, and the whole story, are proved on both. What takes long and asks the
# database for nothing else is proved on one: where row locks, connections and collations can go wrong, on MariaDB.
_ON_ONE = {
    "tests/api/": "sqlite",
    "tests/escrow/test_disputes.py": "mariadb",
    "tests/escrow/test_offers.py": "sqlite",
    "tests/escrow/test_processes.py": "sqlite",
    "tests/escrow/test_whole_stories.py": "sqlite",
    "tests/escrow/test_integrity.py": "mariadb",
    "tests/http/test_bad_input.py": "mariadb",
    "tests/http/test_document.py": "sqlite",
    "tests/http/test_no_leak.py": "sqlite",
    "tests/http/test_ownership.py": "sqlite",
    "tests/http/test_receipts.py": "sqlite",
    "tests/http/test_schemathesis.py": "sqlite",
    "tests/http/test_states.py": "mariadb",
    "tests/identity/": "mariadb",
    "tests/jobs/test_death.py": "mariadb",
    "tests/jobs/test_processes.py": "sqlite",
    "tests/jobs/test_together.py": "mariadb",
    "tests/jobs/test_work.py": "sqlite",
    "tests/kill/": "mariadb",
    "tests/ledger/test_commands.py": "mariadb",
    "tests/ledger/test_integrity.py": "mariadb",
    "tests/ledger/test_tampering.py": "mariadb",
    "tests/payments/test_integrity.py": "mariadb",
    "tests/payouts/test_accounts_that_left.py": "mariadb",
    "tests/payouts/test_acts_over_http.py": "sqlite",
    "tests/payouts/test_faults.py": "sqlite",
    "tests/payouts/test_instant.py": "mariadb",
    "tests/payouts/test_integrity.py": "mariadb",
    "tests/payouts/test_over_http.py": "sqlite",
    "tests/payouts/test_paying_debts.py": "mariadb",
    "tests/payouts/test_leaving.py": "mariadb",
    "tests/payouts/test_lost_news.py": "sqlite",
    "tests/payouts/test_recovery.py": "mariadb",
    "tests/payouts/test_sent_once.py": "sqlite",
    "tests/reconciliation/test_accounts_that_left.py": "mariadb",
    "tests/reconciliation/test_breaks.py": "mariadb",
    "tests/reconciliation/test_lines_and_entries.py": "mariadb",
    "tests/reconciliation/test_over_http.py": "sqlite",
    "tests/reconciliation/test_own_payouts.py": "mariadb",
    "tests/reconciliation/test_reading.py": "mariadb",
    "tests/reconciliation/test_reports.py": "mariadb",
    "tests/reconciliation/test_solvency.py": "sqlite",
    "tests/runtime/test_commands.py": "mariadb",
    "tests/story/test_adyen_says_nothing.py": "sqlite",
    "tests/story/test_any_order.py": "sqlite",
    "tests/story/test_chargebacks.py": "mariadb",
    "tests/story/test_faults.py": "sqlite",
    "tests/story/test_given_back_after_release.py": "mariadb",
    "tests/story/test_giving_back.py": "sqlite",
    "tests/story/test_holding_limits.py": "mariadb",
    "tests/story/test_instant_payouts.py": "mariadb",
    "tests/story/test_lives.py": "mariadb",
    "tests/story/test_payout_schedules.py": "mariadb",
    "tests/story/test_lost_events.py": "mariadb",
    "tests/story/test_open_orders.py": "mariadb",
    "tests/story/test_lost_records.py": "sqlite",
    "tests/story/test_overtaking.py": "mariadb",
    "tests/story/test_paid_after_giving_up.py": "sqlite",
    "tests/story/test_paying_in.py": "sqlite",
    "tests/story/test_paying_out.py": "sqlite",
    "tests/story/test_races.py": "mariadb",
    "tests/story/test_late_reports.py": "mariadb",
    "tests/story/test_settled_in_another_currency.py": "mariadb",
    "tests/story/test_several_gateways.py": "mariadb",
    "tests/story/test_weather.py": "sqlite",
    "tests/webhooks/": "mariadb",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database-only` is for the second run, which need not repeat what touches no database."""
    parser.addoption("--database-only", action="store_true", help="run only the tests that use the database")


def pytest_configure() -> None:
    """Keep temporary files where they are fast."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", servers.temporary_root())


def pytest_report_header() -> str:
    """Say which database it is."""
    return f"database: {_ENGINE}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database, or proved there."""
    database_only = config.getoption("--database-only")
    chosen, others = [], []
    for item in items:
        uses_one = (
            "schema" in getattr(item, "fixturenames", ()) or item.get_closest_marker(_ENGINE) is not None
        )
        fits = not _is_for(item, _OTHER) and (uses_one or not database_only)
        (chosen if fits else others).append(item)
    items[:] = chosen
    config.hook.pytest_deselected(items=others)


def _is_for(item: pytest.Item, engine: str) -> bool:
    marked = [each for each in ("sqlite", "mariadb") if item.get_closest_marker(each) is not None]
    return engine in (
        marked or [chosen for where, chosen in _ON_ONE.items() if item.nodeid.startswith(where)]
    )


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteSchema | MariaDBSchema]:
    """The migrated database of this session, on a server of its own."""
    if _ENGINE == "sqlite":
        yield SQLiteSchema(tmp_path_factory.mktemp("schema"))
        return
    with servers.mariadb() as server:
        made = MariaDBSchema(server)
        yield made
        made.close()


@pytest.fixture
def database_url(schema: SQLiteSchema | MariaDBSchema) -> str:
    """The URL of a database with all tables and nothing in them but what the migrations put there."""
    return schema.url()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    """The database, named as this process's own: `atomically` and its like work on it."""
    opened = Database.connect(database_url, offset=FileOffset(clock.path))
    unit_of_work.bind(opened)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def empty_database(database: Database, schema: SQLiteSchema | MariaDBSchema) -> Callable[[], None]:
    """Call it to begin again with no rows, as between the examples of a property."""

    def empty() -> None:
        database.engine.dispose()
        schema.empty()

    return empty


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One open transaction for what stays below the edges; it is never committed."""
    with database.sessions() as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """The clock of everything in this test: `clock.advance(hours=72)`."""
    return Clock(tmp_path / "clock.json")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a Redis for this session alone."""
    with servers.redis() as server:
        yield server.url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty Redis."""
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    return redis_server


@pytest.fixture
def stripe_peer(clock: Clock) -> Iterator[sandbox.Running]:
    """Stripe, as far as this test is concerned; turning the clock turns its time as well.

    At the end it must not have been asked anything that the real one would not have understood.
    """
    peer = sandbox.start(clock_file=clock.path)
    clock.hand_to(lambda step: peer.advance(step.total_seconds()))
    yield peer
    violations = peer.violations()
    peer.close()
    assert violations == []
