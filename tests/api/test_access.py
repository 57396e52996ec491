"""Nobody gets past a route without what it asks for; the table of roles is walked against every route."""

from __future__ import annotations

import re

import pytest

from identity.permissions import PERMISSIONS, Permission, Role
from tests.api.conftest import problem
from tests.books import nothing_moves

# As long as every id is.
NOBODYS = "xx_" + "0" * 26
_PEOPLE = [role for role in Role if role is not Role.SYSTEM]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer hfa_unknown",
        "Basic YTpi",
        "bearer  hfr_x.y",
        "Bearer \u00e4",
        "Bearer " + "x" * 4000,
        "Token abc",
    ],
)
def test_every_closed_route_asks_who_is_there(app, client, header):
    with nothing_moves():
        for method, path in closed_routes(app):
            headers = {} if header is None else {"Authorization": header}
            response = client.open(path, method=method, headers=headers, json={})
            problem(response, 401, "not_signed_in", "Authorization")
            assert response.headers["WWW-Authenticate"] == 'Bearer realm="holdfast"'


@pytest.mark.parametrize("role", _PEOPLE)
def test_every_route_refuses_whoever_lacks_its_permission(app, sign_up, role):
    person = sign_up(role.value)
    refused = set()
    with nothing_moves():
        for method, path in closed_routes(app):
            permission = view_at(app, method, path).required_permission
            if permission not in PERMISSIONS[role]:
                document = problem(person.ask(method, path, json={}), 403, "not_permitted")
                assert document["details"] == {"permission": permission.value}
                refused.add(permission)
    assert refused == {view.required_permission for view in closed_views(app)} - PERMISSIONS[role]


@pytest.mark.parametrize("role", _PEOPLE)
def test_nobody_is_refused_what_their_role_allows(app, sign_up, role):
    person = sign_up(role.value)
    allowed = [
        (method, path)
        for method, path in closed_routes(app)
        if view_at(app, method, path).required_permission in PERMISSIONS[role] and method == "GET"
    ]
    codes = {(path, person.ask(method, path).status_code) for method, path in allowed}
    assert codes
    assert [(path, code) for path, code in codes if code in (401, 403)] == []


def test_an_access_token_is_good_for_a_quarter_of_an_hour(sign_up, clock):
    ana = sign_up("client")
    clock.advance(minutes=14, seconds=58)
    assert ana.get("/v1/me").status_code == 200
    clock.advance(seconds=3)
    document = problem(ana.get("/v1/me"), 401, "not_signed_in", "Authorization")
    assert "not valid" in document["detail"]


def test_a_token_for_refreshing_opens_no_route(sign_up):
    ana = sign_up("client")
    ana.tokens["access_token"] = ana.tokens["refresh_token"]
    problem(ana.get("/v1/me"), 401, "not_signed_in", "Authorization")


def test_the_scheme_is_written_in_any_case(sign_up):
    ana = sign_up("client")
    headers = {"Authorization": f"BEARER {ana.tokens['access_token']}"}
    assert ana.client.get("/v1/me", headers=headers).status_code == 200


def closed_views(app):
    return [
        view
        for view in app.view_functions.values()
        if isinstance(getattr(view, "required_permission", None), Permission)
    ]


def closed_routes(app):
    for rule in app.url_map.iter_rules():
        if app.view_functions[rule.endpoint] in closed_views(app):
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield method, re.sub(r"<[^>]+>", NOBODYS, rule.rule)


def view_at(app, method, path):
    endpoint, _ = app.url_map.bind("").match(path, method=method)
    return app.view_functions[endpoint]
