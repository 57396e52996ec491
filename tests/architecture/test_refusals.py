"""Every refusal is known by one code, and every code has one status."""

from __future__ import annotations

import importlib
from http import HTTPStatus

from kernel.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable
from tests.architecture.sources import packages, service

_KINDS = {NotFound, Forbidden, Conflict, Invalid, Unavailable}

_SHARED = {
    "not_found": "an address without a route, an id that is none and a thing that is not there look alike",
}


def test_every_refusal_has_a_code_of_its_own():
    assert nameless(refusals()) == []


def test_every_refusal_has_a_status():
    errors = importlib.import_module("api.errors")
    assert without_status(refusals(), errors.status_of) == []


def test_planted_refusals_without_a_code_or_with_a_taken_one_are_found():
    class Nameless(Conflict):
        pass

    class First(Conflict):
        code = "planted"

    class _FirstInside(First):
        pass

    class Second(Invalid):
        code = "planted"

    class Shouting(Invalid):
        code = "Planted-Code"

    assert nameless([Nameless, _FirstInside, First, Second, Shouting]) == [
        "Nameless has no code",
        "Second has the code of First",
        "Shouting has a code that is not in snake_case",
    ]


def test_a_planted_refusal_outside_the_five_kinds_is_found():
    class Sixth(Refusal):
        code = "planted"

    def status_of(refusal):
        return next(status for kind, status in {Conflict: 409}.items() if issubclass(refusal, kind))

    assert without_status([Sixth], status_of) == ["Sixth has no status"]


def refusals():
    for source in service():
        # What stands outside the packages starts a process when it is imported.
        if source.package in packages():
            importlib.import_module(source.module)
    ours = {*packages()}
    return [
        kind for kind in _below(Refusal) if kind.__module__.partition(".")[0] in ours and kind not in _KINDS
    ]


def nameless(kinds):
    problems, taken = [], {}
    for kind in sorted(kinds, key=lambda kind: (kind.__module__, kind.__qualname__)):
        code = kind.__dict__.get("code")
        if code is None and kind.__name__.startswith("_") and getattr(kind, "code", None):
            # A private form of a refusal is answered as that refusal.
            continue
        if code is None:
            problems.append(f"{kind.__name__} has no code")
        elif not code.replace("_", "").isalnum() or code != code.lower():
            problems.append(f"{kind.__name__} has a code that is not in snake_case")
        elif code in taken and code not in _SHARED:
            problems.append(f"{kind.__name__} has the code of {taken[code]}")
        else:
            taken[code] = kind.__name__
    return problems


def without_status(kinds, status_of):
    problems = []
    for kind in kinds:
        try:
            HTTPStatus(status_of(kind))
        except (StopIteration, KeyError, ValueError, AttributeError):
            problems.append(f"{kind.__name__} has no status")
    return problems


def _below(kind):
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)
