"""The service explains itself: the document, the page, and every problem it may answer with."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from api.openapi import document, written
from api.reference.commands import DOCUMENT, openapi
from api.reference.problems import problem_pages
from tests.api.conftest import problem


def test_the_committed_document_is_the_one_the_routes_make(application):
    assert DOCUMENT.read_text(encoding="utf-8") == written(application), (
        "run: ENVIRONMENT=development flask --app wsgi openapi write"
    )


def test_the_document_is_served(client, application):
    assert client.get("/openapi.json").json == document(application)


def test_every_route_is_in_the_document_and_nothing_else(application):
    routes = {
        (re.sub(r"<(?:[^:<>]+:)?([^>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in application.url_map.iter_rules()
        if rule.rule.startswith("/v1/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = document(application)["paths"]
    assert routes == {
        (path, method) for path, methods in described.items() for method in methods if method != "parameters"
    }


def test_every_operation_says_what_generated_clients_and_people_need(application):
    names = [operation["operationId"] for operation in operations(application)]
    assert len(names) == len(set(names))
    for operation in operations(application):
        name = operation["operationId"]
        assert operation["summary"].endswith("."), name
        successes = [status for status in operation["responses"] if status < "300"]
        assert successes, name
        assert {"413", "422", "429", "500"} <= set(operation["responses"]), name
        assert ("401" in operation["responses"]) or not operation["security"], name
        for status, response in operation["responses"].items():
            if status >= "400":
                assert "application/problem+json" in response["content"], (name, status)
                assert response["x-codes"], (name, status)


def test_what_an_app_decides_by_is_said_with_all_that_it_may_be(application):
    decided_by = {"state", "side", "phase", "place"}
    fields = [
        (f"{name}.{field}", described)
        for name, schema in document(application)["components"]["schemas"].items()
        for field, described in schema["properties"].items()
        if field in decided_by
    ]
    assert fields
    assert [field for field, described in fields if not described.get("enum")] == []


def test_every_link_leads_to_an_operation_and_gives_it_what_it_needs(application):
    found = {operation["operationId"]: operation for operation in operations(application)}
    links = [
        (name, link)
        for operation in found.values()
        for response in operation["responses"].values()
        for name, link in response.get("links", {}).items()
    ]
    assert links
    for name, link in links:
        taken = {parameter["name"] for parameter in found[link["operationId"]].get("parameters", [])}
        assert set(link["parameters"]) <= taken, name


def test_no_object_takes_fields_it_does_not_know(application):
    schemas = document(application)["components"]["schemas"]
    assert [name for name, schema in schemas.items() if schema.get("additionalProperties") is not False] == []


def test_every_code_in_the_document_has_its_page(application, client):
    codes = {
        code
        for operation in operations(application)
        for response in operation["responses"].values()
        for code in response.get("x-codes", ())
    }
    assert len(codes) > 20
    for code in codes:
        page = client.get(f"/problems/{code}")
        assert page.status_code == 200, code
        assert code in page.text
        assert "What to do next" in page.text
        assert "Where it may happen" in page.text


def test_every_problem_says_what_it_means_and_what_to_do(client):
    index = client.get("/problems").text
    for page in problem_pages():
        assert page.meaning.endswith("."), page.code
        assert page.next_step.endswith("."), page.code
        assert f"/problems/{page.code}" in index


@pytest.mark.parametrize("code", ["nothing", "../secrets", "%3Cscript%3E", "Not_Signed_In"])
def test_there_is_no_page_for_a_code_that_is_none(client, code):
    problem(client.get(f"/problems/{code}"), 404, "not_found")


@pytest.mark.parametrize("path", ["/docs", "/problems", "/problems/not_signed_in"])
def test_a_page_needs_no_script_no_inline_style_and_nobody_elses_server(client, path):
    page = client.get(path)
    assert page.content_type == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    read = Page()
    read.feed(page.text)
    assert read.tags & {"script", "style", "iframe", "img", "form"} == set()
    assert read.attributes & {"style", "onclick", "onload", "src"} == set()
    assert [link for link in read.links if not link.startswith(("/", "#"))] == []
    for link in {link.partition("#")[0] for link in read.links} - {""}:
        assert client.get(link).status_code == 200, link


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_a_page_can_be_read(client, scheme):
    style = client.get("/docs/style.css").text
    # Those of the dark scheme come second, and in place of the first.
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in re.findall(r":root {([^}]+)}", style)
    )
    colours = light if scheme == "light" else {**light, **dark}
    inks = {name: colours[name] for name in colours.keys() - {"paper", "shade", "line"}}
    grounds = [colours["paper"], colours["shade"]]
    # As WCAG 2.2 asks of text (1.4.3), and no colour stands anywhere but up there.
    assert [
        name for name, ink in inks.items() if min(contrast(ink, ground) for ground in grounds) < 4.5
    ] == []
    assert re.findall(r"#\w{3,6}", re.sub(r":root {[^}]+}", "", style)) == []


def contrast(one, other):
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_link_within_the_page_has_its_end(client):
    read = Page()
    read.feed(client.get("/docs").text)
    assert {link[1:] for link in read.links if link.startswith("#")} <= read.ids
    assert read.ids


def test_the_page_shows_every_operation_with_a_body_that_fits(application, client):
    text = client.get("/docs").text
    for operation in operations(application):
        assert f'id="{operation["operationId"]}"' in text
    assert "12.50" in text


def test_the_page_says_values_as_json_has_them(client):
    assert re.findall(r"<code>(?:True|False|None)</code>", client.get("/docs").text) == []
    assert "Otherwise <code>false</code>" in client.get("/docs").text


def test_the_introduction_tells_how_to_begin_with_what_there_is(application):
    described = document(application)
    about = described["info"]["description"]
    calls = re.findall(r"`([A-Z]+) (/v1/[^`]*)`", about)
    assert calls == [("POST", "/v1/sessions"), ("POST", "/v1/sessions/refresh")]
    assert all(method.lower() in described["paths"][path] for method, path in calls)
    known = json.dumps({part: described[part] for part in ("paths", "components")})
    words = re.findall(r"`([a-z]+_[a-z_]+|[A-Z][A-Za-z]+(?:-[A-Z][a-z]+)+)`", about)
    assert {"access_token", "refresh_token", "Idempotency-Key", "Retry-After", "next_cursor", "If-Match"} <= {
        *words
    }
    assert [word for word in words if f'"{word}"' not in known] == []


def test_the_command_writes_the_document(application, tmp_path):
    application.cli.add_command(openapi)
    result = application.test_cli_runner().invoke(args=["openapi", "write", str(tmp_path / "copy.json")])
    assert (result.exit_code, result.output) == (0, "wrote copy.json\n")
    assert json.loads((tmp_path / "copy.json").read_text(encoding="utf-8")) == document(application)


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.ids, self.links = set(), set(), set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids |= {value for name, value in attrs if name == "id"}
        self.links |= {value for name, value in attrs if name == "href"}


def operations(application):
    return [
        operation | {"parameters": [*methods.get("parameters", []), *operation.get("parameters", [])]}
        for methods in document(application)["paths"].values()
        for method, operation in methods.items()
        if method != "parameters"
    ]
