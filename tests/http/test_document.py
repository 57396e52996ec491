"""Whoever reads the document understands every word of it, and where each thing leads."""

from __future__ import annotations

import pytest

from api import glossary
from api.openapi import document
from tests.http.orders import ORDERS, operations


@pytest.fixture(scope="module")
def described(application):
    return document(application)


def test_every_field_says_in_a_sentence_what_it_means(described):
    fields = {
        f"{name}.{word}": field
        for name, schema in described["components"]["schemas"].items()
        for word, field in schema["properties"].items()
    }
    assert fields
    assert [name for name, field in fields.items() if not is_sentence(field.get("description"))] == []


def test_every_schema_says_what_it_is(described):
    schemas = described["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not is_sentence(schema.get("description"))] == []


def test_every_parameter_says_what_it_does(described):
    parameters = {
        (operation.name, name): parameter
        for operation in operations(described).values()
        for name, parameter in operation.parameters.items()
    }
    assert [at for at, parameter in parameters.items() if not is_sentence(parameter.get("description"))] == []


def test_nothing_is_explained_that_does_not_exist(described):
    schemas = described["components"]["schemas"]
    words = {word for schema in schemas.values() for word in schema["properties"]}
    within = {f"{name}.{word}" for name, schema in schemas.items() for word in schema["properties"]}
    asked = {f"query.{name}" for each in operations(described).values() for name in each.named_in("query")}
    places = {name for each in operations(described).values() for name in each.named_in("path")}
    assert sorted(set(glossary._WORDS) - words - within - asked) == []
    assert set(glossary.PLACES) == places


@pytest.mark.parametrize("name", ORDERS)
def test_every_id_in_an_address_shows_what_it_looks_like(described, name):
    for place, parameter in operations(described)[name].named_in("path").items():
        _, prefix = glossary.PLACES[place]
        assert prefix is None or parameter["schema"]["pattern"].startswith(f"^{prefix}_"), place


def test_a_body_is_needed_where_one_of_its_fields_is(described):
    needed = {
        name: operation.described["requestBody"]["required"]
        for name, operation in operations(described).items()
        if operation.body is not None
    }
    assert needed["offerContract"]
    assert needed["editAccount"]
    # Nothing is released that was not said.
    assert needed["releaseMilestone"]
    assert not needed["beginCheckout"]


def is_sentence(text):
    return bool(text) and text.endswith(".")
