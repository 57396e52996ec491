"""Every route says who may use it and what happens when it is used twice."""

from __future__ import annotations

import ast
import re

import pytest

from api import create_app
from identity.permissions import Permission
from runtime.settings import Settings
from tests.architecture.sources import Source, callee, service

_UNDER_A_KEY = {"once", "begun_once"}
_CHANGES = _UNDER_A_KEY | {"atomically", "staged"}

# What may be asked twice without a key. Whoever adds to it says here that the route moves no money.
_WITHOUT_A_KEY = {
    "PUT /v1/staff/chargebacks/<chargeback_id>/evidence",
    "POST /v1/accounts",
    "PATCH /v1/me",
    "POST /v1/sessions",
    "POST /v1/sessions/refresh",
    "DELETE /v1/sessions/current",
    "DELETE /v1/sessions/<string(length=29):session_id>",
    "PATCH /v1/contracts/<contract_id>",
    "POST /v1/contracts/<contract_id>/accept",
    "POST /v1/contracts/<contract_id>/decline",
    "POST /v1/contracts/<contract_id>/cancel",
    "POST /v1/wallet/customer-session",
    "POST /v1/wallet/ephemeral-key",
    "PUT /v1/wallet/payment-methods/<card_id>/default",
    "DELETE /v1/wallet/payment-methods/<card_id>",
    "POST /v1/payments/<payment_id>/capture",
    "POST /v1/payouts/onboarding-link",
    "POST /v1/payouts/account-session",
    "POST /v1/webhooks/<gateway>",
}


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


def test_only_the_named_routes_may_be_asked_twice_without_a_key(routes):
    named = {
        f"{verb} {rule.rule}"
        for rule, view in routes
        for verb in rule.methods - {"HEAD", "OPTIONS"}
        if view.idempotency.startswith("natural")
    }
    assert named == _WITHOUT_A_KEY


def test_every_route_does_what_it_says_of_a_second_request(routes):
    sources = {source.module: source for source in service()}
    assert [
        f"{rule.rule} {problem}"
        for rule, view in routes
        for problem in broken_promises(view.idempotency, changes(sources.get(view.__module__), view.__name__))
    ] == []


@pytest.mark.parametrize(
    ("promise", "body", "problems"),
    [
        ("required", "return once(release, by=actor())", []),
        ("required", "return _begun()", []),
        ("required", "return atomically(release)", ["needs a key and does not act under it"]),
        ("natural: x", "return once(release)", ["acts under a key that it does not ask for"]),
        ("natural: x", "return atomically(cancel)", []),
        ("safe", "return reading(money_of)", []),
        ("safe", "return atomically(release)", ["is called safe and changes something"]),
        ("safe", "return _helped()", ["is called safe and changes something"]),
        ("safe", "return wrapped(unit_of_work.atomically)", ["is called safe and changes something"]),
    ],
)
def test_a_planted_route_that_breaks_its_promise_is_found(promise, body, problems):
    text = (
        f"def view():\n    {body}\n"
        "def _helped():\n    return _further()\n"
        "def _further():\n    staged(begin=a, call=b, record=c)\n"
        "def _begun():\n    return begun_once(a)\n"
    )
    assert list(broken_promises(promise, changes(Source("api/planted.py", text), "view"))) == problems


def test_an_answer_is_a_view_or_a_refusal():
    assert [place for source in service() for place in bare_statuses(source)] == []


@pytest.mark.parametrize("line", ["abort(500)", "flask.abort(404)", "from flask import abort as stop"])
def test_a_planted_bare_status_is_found(line):
    assert bare_statuses(Source("api/planted.py", line)) == ["api/planted.py:1"]


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


def broken_promises(promise, done):
    if promise == "required" and not done & _UNDER_A_KEY:
        yield "needs a key and does not act under it"
    if promise.startswith("natural") and done & _UNDER_A_KEY:
        yield "acts under a key that it does not ask for"
    if promise == "safe" and done:
        yield "is called safe and changes something"


def changes(source, name):
    """By which of the ways to change something the view goes, itself or through the functions beside it."""
    functions = {node.name: node for node in source.nodes(ast.FunctionDef)} if source else {}
    seen, todo = set(), {name}
    while todo := todo - seen:
        seen |= todo
        todo = {named for each in todo & functions.keys() for named in _names(functions[each])}
    return seen & _CHANGES


def _names(function):
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute):
                yield node.attr


def bare_statuses(source):
    return [
        source.at(node)
        for node in source.nodes(ast.Call, ast.ImportFrom)
        if (isinstance(node, ast.Call) and callee(node).rpartition(".")[2] == "abort")
        or (isinstance(node, ast.ImportFrom) and any(alias.name == "abort" for alias in node.names))
    ]
