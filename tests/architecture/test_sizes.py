"""Modules and functions stay small; the exceptions in sizes.json only shrink."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from tests.architecture.sources import Source, everything

_LARGEST_MODULE = 400
_LARGEST_FUNCTION = 70
_EXCEPTIONS = json.loads(Path(__file__).with_name("sizes.json").read_text())


def test_no_module_is_longer_than_400_lines_or_than_it_was():
    sizes = {source.path: lines(source) for source in everything() if source.package != "tests"}
    assert grown(sizes, _LARGEST_MODULE, _EXCEPTIONS["modules"]) == []


def test_no_function_is_longer_than_70_lines_or_than_it_was():
    sizes = {name: size for source in everything() for name, size in functions(source).items()}
    assert grown(sizes, _LARGEST_FUNCTION, _EXCEPTIONS["functions"]) == []


def test_a_planted_long_module_is_found():
    planted = Source("escrow/planted.py", "pass\n" * 401)
    assert grown({planted.path: lines(planted)}, 400, {}) == [
        "escrow/planted.py has 401 lines, at most 400 are allowed"
    ]


def test_a_planted_long_function_is_found():
    planted = Source("escrow/planted.py", "class A:\n  def release(self):\n" + "    pass\n" * 70)
    assert functions(planted) == {"escrow/planted.py:release": 71}
    assert grown(functions(planted), 70, {}) == [
        "escrow/planted.py:release has 71 lines, at most 70 are allowed"
    ]


def test_an_exception_holds_as_long_as_it_does_not_grow():
    assert grown({"a.py": 450}, 400, {"a.py": 450}) == []
    assert grown({"a.py": 451}, 400, {"a.py": 450}) == ["a.py has 451 lines, at most 450 are allowed"]


def test_an_exception_that_shrank_is_lowered_and_then_removed():
    assert grown({"a.py": 420}, 400, {"a.py": 450}) == ["a.py has 420 lines now: lower it in sizes.json"]
    assert grown({"a.py": 400}, 400, {"a.py": 450}) == [
        "a.py needs no exception any more: remove it from sizes.json"
    ]
    assert grown({}, 400, {"a.py": 450}) == ["a.py needs no exception any more: remove it from sizes.json"]


def lines(source):
    return source.text.count("\n")


def functions(source):
    return {
        f"{source.path}:{node.name}": node.end_lineno - node.lineno + 1
        for node in source.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
    }


def grown(sizes, limit, exceptions):
    problems = []
    for name, size in sizes.items():
        allowed = max(limit, exceptions.get(name, limit))
        if size > allowed:
            problems.append(f"{name} has {size} lines, at most {allowed} are allowed")
        elif limit < size < allowed:
            problems.append(f"{name} has {size} lines now: lower it in sizes.json")
    problems += [
        f"{name} needs no exception any more: remove it from sizes.json"
        for name in exceptions
        if sizes.get(name, 0) <= limit
    ]
    return problems
