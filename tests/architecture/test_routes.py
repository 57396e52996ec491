"""Every route says who may use it and what happens when it is used twice."""

from __future__ import annotations

import pytest

from identity.permissions import Permission
from tests.architecture.app import application


def test_every_route_says_who_may_use_it():
    assert [rule.rule for rule, view in routes() if not has_permission_rule(view)] == []


def test_every_route_says_what_a_second_request_does():
    assert [rule.rule for rule, view in routes() if not has_idempotency_rule(view)] == []


def test_only_routes_that_change_nothing_are_called_safe():
    assert [
        rule.rule
        for rule, view in routes()
        if view.idempotency == "safe" and not rule.methods <= {"GET", "HEAD", "OPTIONS"}
    ] == []


def test_there_are_routes_to_look_at():
    assert any(view.idempotency == "required" for _, view in routes())
    assert any(
        getattr(view, "required_permission", None) is Permission.RELEASE_ESCROW for _, view in routes()
    )


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


def routes():
    app = application()
    return [(rule, app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()]


def has_permission_rule(view):
    return isinstance(getattr(view, "required_permission", None), Permission) or bool(
        getattr(view, "public_because", "")
    )


def has_idempotency_rule(view):
    rule = getattr(view, "idempotency", None)
    return rule in ("required", "safe") or (
        isinstance(rule, str)
        and bool(rule.removeprefix("natural: ").strip())
        and rule.startswith("natural: ")
    )
