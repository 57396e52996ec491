"""The tests themselves: nothing of ours is patched, nobody sleeps to be right, and every test can fail."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, callee, suite

# A test that must wait looks again until it sees, with a limit; these know how.
_MAY_WAIT = {
    "tests/servers.py": "a server that starts is looked for until it listens",
    "tests/waiting.py": "what other processes do is looked for until it is done",
}
_PATCHES = {
    "patch",
    "setattr",
    "Mock",
    "MagicMock",
    "AsyncMock",
    "create_autospec",
    "patch.object",
    "patch.dict",
}
# A state machine asserts in its rules and invariants.
_LOOKS = ("assert ", "raises(", "run_state_machine_as_test(")


def test_nothing_of_ours_is_patched():
    assert [place for source in suite() for place in patches(source)] == []


def test_nobody_sleeps():
    assert [place for source in suite() for place in sleeps(source)] == []


def test_every_test_can_fail():
    helpers = looking_helpers(suite())
    assert [place for source in suite() for place in silent(source, helpers)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from unittest.mock import patch",
        "from unittest import mock",
        "import unittest.mock",
        "mocker.patch('escrow.release.post')",
        "monkeypatch.setattr(release, 'post', None)",
    ],
)
def test_a_planted_patch_is_found(line):
    assert patches(Source("tests/planted.py", line)) == ["tests/planted.py:1"]


def test_the_environment_of_a_process_may_be_set():
    assert patches(Source("tests/planted.py", "monkeypatch.setenv('DATABASE_URL', url)")) == []


def test_a_planted_sleep_is_found():
    assert sleeps(Source("tests/planted.py", "time.sleep(1)")) == ["tests/planted.py:1"]


def test_a_planted_test_that_cannot_fail_is_found():
    planted = Source(
        "tests/planted.py", "def test_a():\n    release()\n\ndef test_b():\n    assert release()\n"
    )
    assert silent(planted) == ["tests/planted.py:1"]


def test_a_helper_may_look_for_a_test():
    planted = Source("tests/planted.py", "def same():\n    assert 1\n\ndef test_a():\n    same()\n")
    assert silent(planted) == ["tests/planted.py:4"]
    assert silent(planted, looking_helpers([planted])) == []


def patches(source):
    imports = [
        source.at(node)
        for node in source.nodes(ast.Import, ast.ImportFrom)
        if "unittest" in ast.unparse(node) or "pytest_mock" in ast.unparse(node)
    ]
    calls = [
        source.at(call)
        for call in source.nodes(ast.Call)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in _PATCHES
        and callee(call).partition(".")[0] in ("mock", "mocker", "monkeypatch")
    ]
    return imports + calls


def sleeps(source):
    if source.path in _MAY_WAIT:
        return []
    return [
        source.at(call)
        for call in source.nodes(ast.Call)
        if callee(call) in ("time.sleep", "sleep", "asyncio.sleep")
    ]


def silent(source, helpers=frozenset()):
    return [
        source.at(node)
        for node in source.nodes(ast.FunctionDef)
        if node.name.startswith("test_") and not _looks(node) and not _called(node) & helpers
    ]


def looking_helpers(sources):
    """The names of what looks on a test's behalf: `with nothing_moves(): …`."""
    functions = [node for source in sources for node in source.nodes(ast.FunctionDef)]
    helpers = [node for node in functions if not node.name.startswith("test_")]
    found = {node.name for node in helpers if _looks(node)}
    while more := {node.name for node in helpers if _called(node) & found} - found:
        found |= more
    return frozenset(found)


def _looks(node):
    return any(word in ast.unparse(node) for word in _LOOKS)


def _called(node):
    return {callee(call).rpartition(".")[2] for call in ast.walk(node) if isinstance(call, ast.Call)}
