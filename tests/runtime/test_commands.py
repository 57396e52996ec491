"""What whoever runs the service reads when a command finds no database or no Redis: one line, and what to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import structlog
from flask import Flask
from redis import Redis

from jobs import queues
from jobs.commands import jobs_commands
from jobs.database_commands import database_commands
from jobs.ledger_commands import ledger_commands
from jobs.relay import Relay
from persistence import unit_of_work
from persistence.engine import Database
from tests.schema import ROOT

_NOBODY = "mysql+pymysql://holdfast:a-password@127.0.0.1:1/holdfast"


@pytest.fixture
def typed():
    """Type a command on the database at an address: `typed(url, "ledger", "verify")`."""
    app = Flask(__name__)
    app.cli.add_command(jobs_commands)
    app.cli.add_command(ledger_commands)
    app.cli.add_command(database_commands)

    def run(url, *words):
        unit_of_work.bind(Database.connect(url))
        return app.test_cli_runner().invoke(args=words)

    return run


@pytest.mark.parametrize(
    "words",
    [("ledger", "verify"), ("ledger", "trial-balance"), ("jobs", "parked"), ("jobs", "retry", "du_1")],
)
def test_a_database_that_was_never_made_is_not_made_by_looking(typed, tmp_path, words):
    done = typed(f"sqlite:///{tmp_path}/books.db", *words)
    assert done.exit_code == 1
    assert done.output == (
        f"Error: There is no database at sqlite:///{tmp_path}/books.db. DATABASE_URL names it, and"
        " `alembic upgrade head` makes it.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("ledger", "verify"), ("jobs", "parked")])
def test_a_database_without_its_tables_is_said_to_be_behind(typed, tmp_path, words):
    (tmp_path / "books.db").touch()
    done = typed(f"sqlite:///{tmp_path}/books.db", *words)
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == (
        f"Error: The database at sqlite:///{tmp_path}/books.db is not up to date. Run `alembic upgrade head`."
    )


@pytest.mark.parametrize("words", [("ledger", "verify"), ("jobs", "parked")])
def test_a_database_that_does_not_answer_is_named_without_its_password(typed, words):
    done = typed(_NOBODY, *words)
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == (
        "Error: The database at mysql+pymysql://holdfast:***@127.0.0.1:1/holdfast does not answer."
        " DATABASE_URL names it."
    )


def test_the_relay_says_which_of_the_two_it_waits_for(database, tmp_path):
    relay = Relay(queues.queues(Redis(unix_socket_path=str(tmp_path / "nobody"))), {}, {})
    with structlog.testing.capture_logs() as logged:
        assert relay.turn_or_wait() is None
        unit_of_work.bind(Database.connect(_NOBODY))
        assert relay.turn_or_wait() is None
    assert [line["reason"] for line in logged] == [
        "Redis does not answer. REDIS_URL names it.",
        "The database at mysql+pymysql://holdfast:***@127.0.0.1:1/holdfast does not answer. DATABASE_URL names it.",
    ]


def test_nothing_parked_is_said_to_be_nothing(typed, database_url):
    done = typed(database_url, "jobs", "parked")
    assert (done.exit_code, done.output) == (0, "Nothing is parked.\n")


def flask(*words, **settings):
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_settings_that_are_refused_are_read_without_a_traceback():
    done = flask("ledger", "verify")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Holdfast does not start with these settings:\n  DATABASE_URL is SQLite, or missing."
    )
    assert "Traceback" not in done.stderr


def test_a_worker_that_is_to_empty_the_queues_of_no_redis_says_so_in_one_line(database_url, tmp_path):
    nobody = {"ENVIRONMENT": "test", "DATABASE_URL": database_url, "REDIS_URL": f"unix://{tmp_path}/nobody"}
    done = flask("jobs", "work", "--burst", **nobody)
    assert done.returncode == 1
    assert done.stderr == "Error: Redis does not answer. REDIS_URL names it.\n"


@pytest.mark.mariadb
def test_the_grants_of_the_runbook_are_statements_that_mariadb_takes(database_url, schema):
    line = re.search(r"`(flask --app wsgi database grants [^`]+)`", (ROOT / "docs/runbook.md").read_text())[1]
    settings = {
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
    }
    printed = subprocess.run(
        ["bash", "-c", line], cwd=ROOT, env=settings, capture_output=True, text=True, check=True
    )
    statements = [statement.rstrip(";") for statement in printed.stdout.splitlines()]
    assert any("`ledger_entries` TO 'holdfast'@'%'" in statement for statement in statements)
    schema._server.execute("CREATE USER 'holdfast'@'%'")
    try:
        schema._server.execute(*statements)
    finally:
        schema._server.execute("DROP USER 'holdfast'@'%'")


@pytest.mark.mariadb
@pytest.mark.parametrize(
    "user", ["holdfast", "holdfast@%; DROP TABLE users", "a'b@%", "@%", "'holdfast'@'%' WITH GRANT"]
)
def test_who_is_no_user_at_a_host_is_granted_nothing(typed, database_url, user):
    done = typed(database_url, "database", "grants", user)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Name a user and a host: holdfast@10.0.0.%" in done.stderr
