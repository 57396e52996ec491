"""The import contracts cover the whole house: a package nobody listed would be free to import anything."""

from __future__ import annotations

import configparser

from tests.architecture.sources import ROOT, packages

_WORLD = "sandbox"


def test_every_package_has_its_place_in_the_contracts():
    assert unplaced(_contracts(), packages()) == []


def test_a_package_without_a_place_is_found():
    contracts = configparser.ConfigParser()
    contracts.read_string(
        "[importlinter]\nroot_packages =\n  ledger\n  sandbox\n"
        "[importlinter:contract:layers]\nlayers =\n  escrow\n  ledger | identity\n"
        "[importlinter:contract:the-world-is-outside]\nsource_modules =\n  ledger\n"
    )
    assert unplaced(contracts, ["escrow", "ledger", "identity"]) == [
        "escrow is not in root_packages",
        "escrow is not in the contract that keeps the sandbox out",
        "identity is not in root_packages",
        "identity is not in the contract that keeps the sandbox out",
    ]


def unplaced(contracts, names):
    places = {
        "root_packages": _words(contracts["importlinter"]["root_packages"]),
        "the layers": _words(contracts["importlinter:contract:layers"]["layers"]),
        "the contract that keeps the sandbox out": _words(
            contracts["importlinter:contract:the-world-is-outside"]["source_modules"]
        ),
    }
    return [
        f"{name} is not in {place}"
        for name in names
        for place, listed in places.items()
        if name not in listed
    ]


def _words(value):
    return set(value.replace("|", " ").split())


def _contracts():
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    return contracts
