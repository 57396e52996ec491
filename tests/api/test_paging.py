"""Lists come whole, page by page, in their order, and a cursor opens nothing but its own list."""

from __future__ import annotations

import pytest

from tests.api.conftest import PASSWORD, problem


@pytest.fixture
def ana(sign_up):
    """Signed in on seven devices."""
    person = sign_up("client")
    for _ in range(6):
        person.client.post("/v1/sessions", json={"email": person.email, "password": PASSWORD})
    return person


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 100])
def test_the_pages_together_are_the_list(ana, limit):
    pages = list(read(ana, limit))
    whole = [each["id"] for each in ana.get("/v1/sessions").json["data"]]
    assert [each["id"] for page in pages for each in page] == whole
    assert len(whole) == 7
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[-1]


def test_what_is_added_meanwhile_moves_no_page(ana):
    first = ana.get("/v1/sessions?limit=3").json
    ana.client.post("/v1/sessions", json={"email": ana.email, "password": PASSWORD})
    second = ana.get(f"/v1/sessions?limit=100&cursor={first['next_cursor']}").json
    assert len({each["id"] for each in first["data"] + second["data"]}) == 7


@pytest.mark.parametrize(
    "cursor", ["x", "WyJhIl0.forged", "null", "%00", "x" * 600, "se_01jd8qk3x4n5p6r7s8t9v0w1x2"]
)
def test_a_cursor_that_is_none_is_refused(ana, cursor):
    problem(ana.get(f"/v1/sessions?cursor={cursor}"), 422, "validation_failed", "cursor")


def test_a_changed_cursor_is_refused(ana):
    cursor = ana.get("/v1/sessions?limit=3").json["next_cursor"]
    problem(ana.get(f"/v1/sessions?cursor=A{cursor[1:]}"), 422, "validation_failed", "cursor")
    problem(ana.get(f"/v1/sessions?cursor={cursor[:-1]}"), 422, "validation_failed", "cursor")


def test_a_cursor_of_somebody_else_is_refused(ana, sign_up):
    cursor = ana.get("/v1/sessions?limit=3").json["next_cursor"]
    problem(sign_up("client").get(f"/v1/sessions?cursor={cursor}"), 422, "validation_failed", "cursor")


def test_a_cursor_of_another_list_is_refused(ana):
    cursor = ana.get("/v1/sessions?limit=3").json["next_cursor"]
    problem(ana.get(f"/v1/contracts?cursor={cursor}"), 422, "validation_failed", "cursor")


def read(person, limit):
    cursor = ""
    while cursor is not None:
        page = person.get(f"/v1/sessions?limit={limit}{cursor and '&cursor=' + cursor}").json
        yield page["data"]
        cursor = page["next_cursor"]
