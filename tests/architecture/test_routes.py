"""Every route says who may use it and what happens when it is used twice."""

from __future__ import annotations

import re

import pytest

from api import create_app
from identity.permissions import Permission
from runtime.settings import Settings


@pytest.fixture(scope="module")
def routes():
    """Every address with the view behind it."""
    settings = Settings(ENVIRONMENT="test", DATABASE_URL="sqlite://", STRIPE_SECRET_KEY="sk_test_nobody")
    app = create_app(settings)
    return [(rule, app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()]


def test_every_route_says_who_may_use_it(routes):
    assert [rule.rule for rule, view in routes if not has_permission_rule(view)] == []


def test_every_route_says_what_a_second_request_does(routes):
    assert [rule.rule for rule, view in routes if not has_idempotency_rule(view)] == []


def test_only_routes_that_change_nothing_are_called_safe(routes):
    assert [
        rule.rule
        for rule, view in routes
        if view.idempotency == "safe" and not rule.methods <= {"GET", "HEAD", "OPTIONS"}
    ] == []


def test_there_are_routes_to_look_at(routes):
    assert any(view.idempotency == "required" for _, view in routes)
    assert any(getattr(view, "required_permission", None) is Permission.RELEASE_ESCROW for _, view in routes)


def test_a_planted_route_without_a_permission_is_found():
    def open_to_all(): ...

    assert not has_permission_rule(open_to_all)
    open_to_all.public_because = ""
    assert not has_permission_rule(open_to_all)
    open_to_all.public_because = "health is nobody's secret"
    assert has_permission_rule(open_to_all)


@pytest.mark.parametrize("rule", ["", "natural: ", "whatever", None])
def test_a_planted_route_without_an_idempotency_rule_is_found(rule):
    def pay_again(): ...

    assert not has_idempotency_rule(pay_again)
    pay_again.idempotency = rule
    assert not has_idempotency_rule(pay_again)


def has_permission_rule(view):
    return isinstance(getattr(view, "required_permission", None), Permission) or bool(
        getattr(view, "public_because", "")
    )


def has_idempotency_rule(view):
    return re.fullmatch(r"required|safe|natural: \S.*", getattr(view, "idempotency", None) or "") is not None
