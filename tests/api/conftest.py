"""The real application, and people who use it over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from api import create_app
from identity import accounts, passwords
from identity.permissions import Role
from kernel.ids import new_id
from persistence.unit_of_work import atomically
from runtime import wiring
from runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

PASSWORD = "a long and good one"
_SELF_CHOSEN = {"client", "worker"}


@dataclass
class Person:
    """Somebody signed in."""

    client: FlaskClient
    id: str
    email: str
    tokens: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        """What says who they are."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def get(self, path: str, **options: Any) -> TestResponse:
        """Ask as this person."""
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        """Do something as this person."""
        return self.ask("POST", path, **options)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> TestResponse:
        """Send anything as this person."""
        return self.client.open(path, method=method, headers={**self.headers, **(headers or {})}, **options)


# Limits nobody reaches by accident.
_UNLIMITED = {"REQUESTS_PER_MINUTE": 100_000, "SIGN_INS_PER_MINUTE": 100_000}


@pytest.fixture
def settings(database, database_url, redis_url, clock) -> Settings:
    """Those of this test."""
    return Settings(
        ENVIRONMENT="test",
        DATABASE_URL=database_url,
        DATABASE_POOL_SIZE=20,
        REDIS_URL=redis_url,
        CLOCK_FILE=clock.path,
        **_UNLIMITED,
    )


@pytest.fixture(scope="session")
def application(redis_server) -> Flask:
    """The real application, made once: of its wiring it keeps nothing."""
    return create_app(
        Settings(ENVIRONMENT="test", DATABASE_URL="sqlite://", REDIS_URL=redis_server, **_UNLIMITED)
    )


@pytest.fixture
def app(application, settings) -> Iterator[Flask]:
    """The real application, on the database of this test."""
    made = wiring.build(settings)
    yield application
    made.database.engine.dispose()


@pytest.fixture
def client(app) -> FlaskClient:
    """Somebody who has not signed in."""
    return app.test_client()


@pytest.fixture
def sign_up(client) -> Callable[..., Person]:
    """Somebody with an account and these roles, signed in: `sign_up("client")`."""
    numbers = count(1)

    def one(*roles: str) -> Person:
        email = f"person{next(numbers)}@example.com"
        if set(roles) <= _SELF_CHOSEN:
            registered = client.post("/v1/accounts", json=registration(email=email, roles=list(roles)))
            assert registered.status_code == 202
        else:
            make_staff(email, *roles)
        tokens = client.post("/v1/sessions", json={"email": email, "password": PASSWORD})
        assert tokens.status_code == 201
        person = Person(client, "", email, tokens.json)
        person.id = person.get("/v1/me").json["id"]
        return person

    return one


def make_staff(email: str, *roles: str) -> None:
    """One of our own people, as the command makes them."""
    atomically(
        accounts.create_staff,
        user_id=new_id("us"),
        email=email,
        password_hash=passwords.hashed(PASSWORD),
        name="One of us",
        roles=[Role(role) for role in roles],
    )


def registration(**changes: Any) -> dict[str, Any]:
    """A body that opens an account."""
    return {
        "email": "ana@example.com",
        "password": PASSWORD,
        "name": "Ana",
        "country": "US",
        "roles": ["client"],
    } | changes


def problem(response: TestResponse, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """The problem document, which has everything that such a document has and names this field."""
    assert (response.status_code, response.json["code"]) == (status, code), response.json
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = response.json
    assert document["status"] == status
    assert document["type"] == f"/problems/{code}"
    assert document["request_id"] == response.headers["Request-Id"]
    assert document["title"]
    assert document["detail"]
    assert document.get("field") == field
    return document
