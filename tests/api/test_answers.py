"""What every answer has in common: its id, its headers, its form when something goes wrong."""

from __future__ import annotations

import re

import pytest
from pydantic import SecretStr

from api import create_app
from runtime import wiring
from tests.api.conftest import problem


def test_what_is_nowhere_is_a_problem_document(client):
    problem(client.get("/v1/nothing"), 404, "not_found")
    problem(client.post("/"), 404, "not_found")


def test_every_address_names_the_methods_it_takes(app, client):
    addresses = app.url_map.bind("")
    for path in {re.sub(r"<[^>]+>", "xx_" + "0" * 26, rule.rule) for rule in app.url_map.iter_rules()}:
        taken = set(addresses.allowed_methods(path))
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - taken:
            refused = client.open(path, method=method)
            problem(refused, 405, "method_not_allowed")
            assert set(refused.headers["Allow"].split(", ")) == taken, path


def test_options_names_the_methods_and_needs_no_token(client):
    answer = client.options("/v1/me")
    assert answer.status_code == 200
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PATCH"}


def test_a_slash_too_many_changes_nothing(client, sign_up):
    assert sign_up("client").get("/v1/me/").status_code == 200


@pytest.mark.parametrize("path", ["//v1/me", "/v1//me", "/v1/me//", "/v1//sessions//current"])
def test_a_slash_within_leads_nowhere_and_to_no_host_that_the_caller_names(client, path):
    refused = client.get(path, headers={"Host": "elsewhere.example"})
    problem(refused, 404, "not_found")
    assert "Location" not in refused.headers
    assert "elsewhere.example" not in refused.text


@pytest.mark.parametrize("name", ["Request-Id", "X-Request-Id"])
def test_the_caller_may_name_a_request(client, name):
    assert client.get("/livez", headers={name: "order-7_retry-1"}).headers["Request-Id"] == "order-7_retry-1"


@pytest.mark.parametrize(
    "given", ["short", "x" * 65, "a b c d e f", "<script>alert(1)</script>", "", "a\u00e4aaaaaaa"]
)
def test_a_name_that_is_none_is_replaced_by_ours(client, given):
    assert client.get("/livez", headers={"Request-Id": given}).headers["Request-Id"].startswith("rq_")


@pytest.mark.parametrize("path", ["/livez", "/v1/me", "/nowhere", "/openapi.json"])
def test_browsers_are_told_to_keep_and_run_nothing(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_other_origins_are_given_nothing(client):
    for method in ("GET", "OPTIONS"):
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = client.open("/v1/me", method=method, headers=asked)
        assert [name for name, _ in answer.headers if name.startswith("Access-Control")] == []


def test_no_cookie_is_ever_set(client, sign_up):
    ana = sign_up("client")
    for path in ("/v1/me", "/docs", "/livez"):
        assert "Set-Cookie" not in ana.get(path).headers


def test_only_https_is_promised_to_be_https(client, settings, redis_url):
    assert "Strict-Transport-Security" not in client.get("/livez").headers
    production = settings.model_copy(update={"ENVIRONMENT": "production", **_LIVE})
    app = create_app(production)
    assert app.test_client().get("/livez").headers["Strict-Transport-Security"].startswith("max-age=63072000")
    wiring.build(settings)


def test_an_accident_gives_nothing_away(client, sign_up, database, settings, tmp_path):
    ana = sign_up("client")
    # Books without any tables: nothing could be further from what anybody expects.
    wiring.build(settings.model_copy(update={"DATABASE_URL": SecretStr(f"sqlite:///{tmp_path}/hunter2")}))
    broken = ana.get("/v1/me")
    problem(broken, 500, "internal_error")
    for secret in ("hunter2", "sqlite", "sessions", "Traceback", "sqlalchemy"):
        assert secret not in broken.text
    wiring.wired().database.engine.dispose()


def test_while_the_books_cannot_be_reached_everything_is_a_matter_of_time(
    client, sign_up, database, settings
):
    ana = sign_up("client")
    wiring.build(
        settings.model_copy(
            update={"DATABASE_URL": SecretStr("mysql+pymysql://root:hunter2@127.0.0.1:1/books")}
        )
    )
    away = ana.get("/v1/me")
    problem(away, 503, "database_busy")
    assert int(away.headers["Retry-After"]) > 0
    for secret in ("hunter2", "127.0.0.1", "mysql", "Traceback", "sqlalchemy"):
        assert secret not in away.text


_LIVE = {
    "DATABASE_URL": SecretStr("mysql+pymysql://u:p@127.0.0.1:1/x"),
    "SECRET_KEY": SecretStr("0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
    "SEALING_KEY": SecretStr("a2V5IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMgbG9uZyE="),
    "PUBLIC_URL": "https://holdfast.example",
    "STRIPE_SECRET_KEY": SecretStr("sk_live_4eC39HqLyjWDarjtT1zdp7dc"),
    "STRIPE_PUBLISHABLE_KEY": "pk_live_TYooMQauvdEDq54NiTphI7jx",
    "STRIPE_WEBHOOK_SECRETS": (SecretStr("whsec_4eC39HqLyjWDarjtT1zdp7dc"),),
    "TRUSTED_PROXIES": 1,
    "CLOCK_FILE": None,
}
