"""Nobody asks more often than they may, and nobody is held up by a Redis that is away."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from api import create_app
from runtime import wiring
from tests.api.conftest import PASSWORD, Person, problem, registration


@pytest.fixture
def limited(settings):
    """Makes an application with these limits."""

    def one(**changes):
        return create_app(settings.model_copy(update=changes))

    yield one
    wiring.wired().database.engine.dispose()


def signed_in(app, email="ana@example.com"):
    client = app.test_client()
    client.post("/v1/accounts", json=registration(email=email))
    return Person(
        client, "", email, client.post("/v1/sessions", json={"email": email, "password": PASSWORD}).json
    )


def test_a_person_who_asks_too_often_is_told_when_to_come_back(limited):
    ana = signed_in(limited(REQUESTS_PER_MINUTE=10))
    answers = [ana.get("/v1/me") for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    problem(answers[-1], 429, "rate_limited")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_one_person_does_not_use_up_what_another_has(limited):
    app = limited(REQUESTS_PER_MINUTE=10)
    ana, bob = signed_in(app), signed_in(app, "bob@example.com")
    assert [ana.get("/v1/me").status_code for _ in range(11)][-1] == 429
    assert bob.get("/v1/me").status_code == 200


def test_an_address_may_try_credentials_less_often(limited):
    client = limited(SIGN_INS_PER_MINUTE=3).test_client()
    bodies = [{"email": f"{number}@example.com", "password": "x"} for number in range(4)]
    answers = [client.post("/v1/sessions", json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    problem(client.post("/v1/accounts", json=registration()), 429, "rate_limited")
    assert client.get("/v1/me").status_code == 401


def test_guesses_at_tokens_are_counted_against_the_address(limited):
    client = limited(REQUESTS_PER_MINUTE=5).test_client()
    answers = [client.get("/v1/me", headers={"Authorization": f"Bearer hfa_{number}"}) for number in range(7)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2


def test_two_processes_count_together(limited):
    first, second = limited(SIGN_INS_PER_MINUTE=2), limited(SIGN_INS_PER_MINUTE=2)
    body = {"email": "ana@example.com", "password": "x"}
    assert [
        app.test_client().post("/v1/sessions", json=body).status_code for app in (first, second, first)
    ] == [401, 401, 429]


def test_the_address_is_the_proxys_word_only_where_that_is_set(limited):
    trusting, other = limited(SIGN_INS_PER_MINUTE=1, TRUSTED_PROXIES=1), limited(SIGN_INS_PER_MINUTE=2)
    body = {"email": "ana@example.com", "password": "x"}

    def tries(app):
        addresses = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(4)]
        return [
            app.test_client().post("/v1/sessions", json=body, headers=each).status_code for each in addresses
        ]

    assert tries(trusting) == [401] * 4
    assert tries(other)[-2:] == [429, 429]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/redis.sock"])
def test_without_redis_each_process_counts_alone_and_goes_on(limited, url):
    app = limited(SIGN_INS_PER_MINUTE=2, REDIS_URL=SecretStr(url))
    body = {"email": "ana@example.com", "password": "x"}
    assert [app.test_client().post("/v1/sessions", json=body).status_code for _ in range(3)] == [
        401,
        401,
        429,
    ]


def test_health_is_asked_as_often_as_one_likes(limited):
    client = limited(REQUESTS_PER_MINUTE=1).test_client()
    assert {client.get("/livez").status_code for _ in range(5)} == {200}
