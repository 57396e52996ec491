"""Modules and functions stay small. There is no exception, and nowhere to write one down."""

from __future__ import annotations

import ast

from tests.architecture.sources import Source, everything

_LARGEST_MODULE = 400
_LARGEST_FUNCTION = 70


def test_no_module_is_longer_than_400_lines():
    sizes = {source.path: lines(source) for source in everything() if source.package != "tests"}
    assert grown(sizes, _LARGEST_MODULE) == []


def test_no_function_is_longer_than_70_lines():
    sizes = {name: size for source in everything() for name, size in functions(source).items()}
    assert grown(sizes, _LARGEST_FUNCTION) == []


def test_a_planted_long_module_is_found():
    planted = Source("escrow/planted.py", "pass\n" * 401)
    assert grown({planted.path: lines(planted)}, 400) == [
        "escrow/planted.py has 401 lines, at most 400 are allowed"
    ]


def test_a_planted_long_function_is_found():
    planted = Source("escrow/planted.py", "class A:\n  def release(self):\n" + "    pass\n" * 70)
    assert functions(planted) == {"escrow/planted.py:release": 71}
    assert grown(functions(planted), 70) == ["escrow/planted.py:release has 71 lines, at most 70 are allowed"]


def lines(source):
    return source.text.count("\n")


def functions(source):
    return {
        f"{source.path}:{node.name}": node.end_lineno - node.lineno + 1
        for node in source.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
    }


def grown(sizes, limit):
    return [
        f"{name} has {size} lines, at most {limit} are allowed"
        for name, size in sizes.items()
        if size > limit
    ]
