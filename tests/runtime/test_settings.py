"""A process that would not be safe to run does not start, and says what to do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from runtime.settings import Settings, SettingsRefused
from tests.schema import ROOT

LIVE = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "mysql+pymysql://holdfast:secret@db/holdfast",
    "REDIS_URL": "rediss://cache:6379/0",
    "SECRET_KEY": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "SEALING_KEY": "a2V5IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMgbG9uZyE=",
    "PUBLIC_URL": "https://holdfast.example",
    "STRIPE_SECRET_KEY": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_TYooMQauvdEDq54NiTphI7jx",
    "STRIPE_WEBHOOK_SECRETS": "whsec_newBxIOlQCfiNn5yVpneqfenB24ONLP4Vr,whsec_oldBxIOlQCfiNn5yVpneqfenB24ONLP4Vr",
    "TRUSTED_PROXIES": "1",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """Nothing of the machine's own settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)


def given(monkeypatch, **settings):
    for name, value in settings.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    return Settings.from_environment()


def test_production_starts_with_what_it_needs(monkeypatch):
    settings = given(monkeypatch, **LIVE)
    assert settings.in_production
    assert [secret.get_secret_value() for secret in settings.STRIPE_WEBHOOK_SECRETS] == [
        "whsec_newBxIOlQCfiNn5yVpneqfenB24ONLP4Vr",
        "whsec_oldBxIOlQCfiNn5yVpneqfenB24ONLP4Vr",
    ]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DATABASE_URL", None, "is SQLite, or missing"),
        ("DATABASE_URL", "sqlite:///holdfast.sqlite3", "mysql+pymysql://"),
        ("DATABASE_URL", "postgresql://holdfast@db/holdfast", "mysql+pymysql://"),
        ("DATABASE_URL", "mysql://holdfast@db/holdfast", "mysql+pymysql://"),
        ("DATABASE_URL", "mysql+pymysql://holdfast@db", "mysql+pymysql://"),
        ("DATABASE_URL", "", "mysql+pymysql://"),
        ("REDIS_URL", None, "is missing"),
        ("SECRET_KEY", None, "Make one:"),
        ("SECRET_KEY", "development only: this key signs nothing that matters", "the development default"),
        ("SECRET_KEY", "k" * 31, "shorter than 32"),
        ("SECRET_KEY", "", "shorter than 32"),
        ("SEALING_KEY", None, "is missing or the development default. Make one:"),
        ("SEALING_KEY", "ZGV2ZWxvcG1lbnQgb25seTogc2lnbnMgbm90aGluZyE=", "the development default"),
        ("SECRET_KEY", " " * 32, "shorter than 32"),
        ("SECRET_KEY", "a" * 40, "over and over"),
        ("SECRET_KEY", "k3y" * 16, "over and over"),
        ("PUBLIC_URL", None, "https://"),
        ("PUBLIC_URL", "https://", "https://"),
        ("PUBLIC_URL", "https:///path", "https://"),
        ("PUBLIC_URL", "http://holdfast.example", "https://"),
        ("STRIPE_SECRET_KEY", None, "is missing"),
        ("STRIPE_SECRET_KEY", "sk_test_4eC39HqLyjWDarjtT1zdp7dc", "test-mode key"),
        ("STRIPE_SECRET_KEY", "rk_test_4eC39HqLyjWDarjtT1zdp7dc", "test-mode key"),
        ("STRIPE_SECRET_KEY", "pk_live_TYooMQauvdEDq54NiTphI7jx", "must begin with sk_live_ or rk_live_"),
        ("STRIPE_SECRET_KEY", "sk_live_", "cut off"),
        ("STRIPE_SECRET_KEY", "sk_live_" + " " * 24, "cut off"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_live_x", "cut off"),
        ("STRIPE_PUBLISHABLE_KEY", None, "is missing"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_x", "test-mode key"),
        ("STRIPE_PUBLISHABLE_KEY", "sk_live_x", "must begin with pk_live_"),
        ("STRIPE_WEBHOOK_SECRETS", None, "is missing"),
        ("STRIPE_WEBHOOK_SECRETS", " , ", "is missing"),
        (
            "STRIPE_WEBHOOK_SECRETS",
            "whsec_newBxIOlQCfiNn5yVpneqfenB24ONLP4Vr,old",
            "must each begin with whsec_",
        ),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_", "cut off"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_,whsec_oldBxIOlQCfiNn5yVpneqfenB24ONLP4Vr", "cut off"),
        ("TRUSTED_PROXIES", None, "how many proxies"),
        ("STRIPE_API_BASE", "http://localhost:8001", "Unset it"),
        ("CLOCK_FILE", "/tmp/clock.json", "Unset it"),  # noqa: S108 - it is refused for being set at all
    ],
)
def test_production_refuses_what_is_unsafe_and_says_what_to_do(monkeypatch, name, value, says):
    with pytest.raises(SettingsRefused) as refused:
        given(monkeypatch, **{**LIVE, name: value})
    named = [problem for problem in refused.value.problems if problem.startswith(name)]
    assert len(named) == 1
    assert says in named[0]
    assert len(refused.value.problems) == 2


def test_no_environment_at_all_is_production():
    with pytest.raises(SettingsRefused) as refused:
        Settings.from_environment()
    assert {problem.partition(" ")[0] for problem in refused.value.problems[:-1]} == set(LIVE) - {
        "ENVIRONMENT"
    }
    assert "set it to development" in refused.value.problems[-1]


def test_a_process_that_callers_reach_themselves_says_so_and_starts(monkeypatch):
    assert given(monkeypatch, **{**LIVE, "TRUSTED_PROXIES": "0"}).TRUSTED_PROXIES == 0


@pytest.mark.parametrize("scheme", ["mysql+pymysql", "mariadb+pymysql"])
def test_the_books_may_be_in_either_database(monkeypatch, scheme):
    url = f"{scheme}://holdfast:p%40ss@db:3306/holdfast?charset=utf8mb4"
    assert given(monkeypatch, **{**LIVE, "DATABASE_URL": url}).in_production


@pytest.mark.parametrize("environment", ["development", "test"])
def test_a_laptop_needs_nothing_but_to_say_that_it_is_one(monkeypatch, environment):
    settings = given(
        monkeypatch, ENVIRONMENT=environment, STRIPE_SECRET_KEY="sk_test_x", CLOCK_FILE="clock.json"
    )
    assert not settings.in_production


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("ENVIRONMENT", ""),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_POOL_SIZE", "many"),
        ("TRUSTED_PROXIES", "-1"),
        ("REQUESTS_PER_MINUTE", "0"),
        ("SIGN_INS_PER_MINUTE", "0"),
        ("LOG_LEVEL", "loud"),
        ("MERCHANT_COUNTRY", "usa"),
        ("CLIENT_FEE_BASIS_POINTS", "10001"),
        ("WORKER_FEE_BASIS_POINTS", "-1"),
        ("SEALING_KEY", "too short"),
        ("RETIRED_SEALING_KEYS", "YQ=="),
        ("REDIS_URL", "http://:hunter2@cache"),
        ("REDIS_URL", "cache:6379"),
        ("REDIS_URL", ""),
        ("REDIS_URL", "redis://:hunter2@cache:port/0"),
        ("DATABASE_URL", "mysql+pymysql://holdfast:hunter2@db:port/holdfast"),
    ],
)
def test_a_setting_that_is_not_what_it_should_be_is_named(monkeypatch, name, value):
    with pytest.raises(SettingsRefused) as refused:
        given(monkeypatch, **{**LIVE, name: value})
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [name]
    assert "hunter2" not in str(refused.value)


def test_a_refusal_repeats_no_secret(monkeypatch):
    with pytest.raises(SettingsRefused) as refused:
        given(monkeypatch, **{**LIVE, "STRIPE_SECRET_KEY": "sk_test_hush", "DATABASE_POOL_SIZE": "hunter2"})
    assert "hush" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_settings_shown_by_accident_show_no_secret(monkeypatch):
    shown = repr(given(monkeypatch, **LIVE))
    for name in (
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "SEALING_KEY",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRETS",
    ):
        for secret in LIVE[name].split(","):
            assert secret not in shown


def test_every_setting_says_what_it_is():
    assert [
        name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")
    ] == []


def test_the_address_is_kept_without_the_slash_at_its_end(monkeypatch):
    assert (
        given(monkeypatch, **{**LIVE, "PUBLIC_URL": "https://holdfast.example/"}).PUBLIC_URL
        == "https://holdfast.example"
    )


def test_what_is_built_from_settings_by_hand_is_checked_too():
    with pytest.raises(SettingsRefused):
        Settings(ENVIRONMENT="production", SECRET_KEY=SecretStr("short")).check()


def test_the_web_process_does_not_start_and_prints_why():
    ended = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **LIVE,
            "STRIPE_SECRET_KEY": "sk_test_hush",
            "CLOCK_FILE": "clock.json",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "STRIPE_SECRET_KEY is a test-mode key" in ended.stderr
    assert "CLOCK_FILE lets the clock be turned. Unset it." in ended.stderr
    assert "hush" not in ended.stderr + ended.stdout
