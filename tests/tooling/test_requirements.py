"""What is installed is what was meant: pinned, hashed, from no particular address, and all of it used."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import sys

import pytest

from tests.architecture.sources import ROOT, Source, service, world

_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;\\]+)(?P<marker>[^\\]*)\\?$", re.MULTILINE)
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9-]*)", re.MULTILINE)

# Named in a URL, on a command line or by another package instead of in an import.
_NOT_IMPORTED = {
    "alembic": "runs the migrations, which are no part of the service's code",
    "granian": "starts the web process",
    "tzdata": "read by the standard library where a machine has no zones of its own",
    "pymysql": "SQLAlchemy's driver, by the URL of the database",
}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_hashes_and_no_address(name):
    assert unsafe(_text(name)) == []


def test_development_has_the_pins_of_production():
    production, development = pins(_text("requirements.txt")), pins(_text("requirements-dev.txt"))
    assert production - development == set()


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_everything_asked_for_is_pinned(name):
    pinned = {pin.partition("==")[0] for pin in pins(_text(f"{name}.txt"))}
    assert _asked_for(f"{name}.in") - pinned == set()


def test_every_import_of_the_service_is_asked_for():
    # What a peer is held against its vendor's documents with comes with the tests; ./run goes without.
    asked_for = _asked_for("requirements.in") | {"jsonschema-rs"}
    assert {place: name for place, name in imports().items() if name not in asked_for} == {}


def test_everything_asked_for_is_used():
    used = set(imports().values()) | set(_NOT_IMPORTED)
    assert _asked_for("requirements.in") - used == set()


def test_planted_requirements_without_a_hash_or_with_an_address_are_found():
    text = "a==1 \\\n    --hash=sha256:00\nb==2\n--index-url https://example.com/simple\nc @ file:///c.whl\n"
    assert unsafe(text) == ["b has no hash", "https://example.com/simple", "file:///c.whl"]


def test_a_planted_import_is_traced_to_its_package():
    planted = Source(
        "escrow/planted.py", "import pymysql.cursors\nfrom flask_smorest import Api\nimport json, kernel.ids"
    )
    assert list(_imported(planted)) == [
        ("escrow/planted.py:1", "pymysql"),
        ("escrow/planted.py:2", "flask-smorest"),
    ]


def unsafe(text):
    problems = []
    for block in re.split(r"\n(?=\S)", text):
        pin = _PIN.match(block)
        if pin and "--hash=sha256:" not in block:
            problems.append(f"{pin['name']} has no hash")
    return problems + re.findall(r"\w+:///?\S+", text)


def pins(text):
    return {f"{pin['name']}=={pin['version']} {pin['marker'].strip()}".strip() for pin in _PIN.finditer(text)}


@functools.cache
def imports():
    return {place: name for source in service() + world() for place, name in _imported(source)}


def _imported(source):
    for node in source.nodes(ast.Import, ast.ImportFrom):
        names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        for top in (
            {name.partition(".")[0] for name in names if name} - _ours() - set(sys.stdlib_module_names)
        ):
            yield source.at(node), _distributions()[top][0].lower().replace("_", "-")


@functools.cache
def _ours():
    return {directory.name for directory in ROOT.iterdir()} | {file.stem for file in ROOT.glob("*.py")}


@functools.cache
def _distributions():
    return importlib.metadata.packages_distributions()


def _asked_for(name):
    return {found.lower() for found in _NAME.findall(_text(name))}


def _text(name):
    return (ROOT / name).read_text(encoding="utf-8")
