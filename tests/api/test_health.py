"""Whether the process lives, and whether it can work: with everything, without Redis, without its books."""

from __future__ import annotations

import socket

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from persistence.unit_of_work import atomically
from runtime import wiring
from tests.servers import visits


def test_a_process_that_has_everything_is_ready(client):
    assert (client.get("/livez").status_code, client.get("/livez").json) == (200, {"status": "ok"})
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (
        200,
        {"status": "ok", "checks": {"database": "ok", "redis": "ok", "webhooks": "ok"}},
    )


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", None])
def test_without_redis_it_is_ready_all_the_same(client, settings, url):
    wiring.build(settings.model_copy(update={"REDIS_URL": url and SecretStr(url)}))
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"], ready.json["checks"]["database"]) == (
        200,
        "degraded",
        "ok",
    )


def test_without_its_books_it_lives_and_is_not_ready(client, settings):
    nowhere = SecretStr("mysql+pymysql://root:hunter2@127.0.0.1:1/books")
    wiring.build(settings.model_copy(update={"DATABASE_URL": nowhere}))
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (503, "unavailable")
    assert ready.json["checks"]["database"] == "unreachable"
    assert "hunter2" not in ready.text
    assert client.get("/livez").status_code == 200


def test_books_that_do_not_answer_are_not_waited_for(client, settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = SecretStr(f"mysql+pymysql://root@127.0.0.1:{silent.getsockname()[1]}/books")
        wiring.build(settings.model_copy(update={"DATABASE_URL": nobody}))
        ready = client.get("/readyz")
        # A second try would be as silent, and whoever asks has given up by then.
        assert visits(silent) == 1
    assert (ready.status_code, ready.json["checks"]["database"]) == (503, "unreachable")


@pytest.mark.sqlite
def test_with_another_schema_than_its_own_it_is_not_ready(client):
    atomically(lambda session: session.execute(text("UPDATE alembic_version SET version_num = 'older'")))
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["checks"]["database"]) == (503, "migrations are missing")
