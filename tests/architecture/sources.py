"""The code of Holdfast as text and syntax, for the tests that guard how it is built."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
# The stand-in for the world is ours, but not part of the service.
_WORLD = "sandbox"


@dataclass(frozen=True)
class Source:
    """One module; `path` as seen from the root of the repository."""

    path: str
    text: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text)

    @property
    def package(self) -> str:
        """The part of the business it belongs to."""
        return self.path.partition("/")[0]

    @property
    def module(self) -> str:
        """The name by which it is imported."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Every piece of syntax of these kinds."""
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def references(self) -> Iterator[tuple[ast.AST, str]]:
        """Everything that is named, under its full name whatever it was imported as: `datetime.datetime.now`."""
        imported = self._imported
        for node in self.nodes(ast.Attribute, ast.Name):
            first, *rest = ast.unparse(node).split(".")
            yield node, ".".join([imported.get(first, first), *rest])

    @functools.cached_property
    def _imported(self) -> dict[str, str]:
        names = {}
        for node in self.nodes(ast.Import, ast.ImportFrom):
            for alias in node.names:
                if isinstance(node, ast.ImportFrom):
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                elif alias.asname:
                    names[alias.asname] = alias.name
        return names

    def at(self, node: ast.AST) -> str:
        """Where it stands, for the message."""
        return f"{self.path}:{node.lineno}"


def packages() -> list[str]:
    """The packages of the service."""
    found = sorted(init.parent.name for init in ROOT.glob("*/__init__.py"))
    return [name for name in found if name not in {_WORLD, "tests"}]


def service() -> list[Source]:
    """Every module of the service."""
    return _in(*packages()) + [_source(path) for path in sorted(ROOT.glob("*.py"))]


def world() -> list[Source]:
    """Every module of the stand-in for the world, which ./run starts beside the service."""
    return _in(_WORLD)


def suite() -> list[Source]:
    """Every module of the tests."""
    return _in("tests")


def everything() -> list[Source]:
    """The service, the world it is tried in, the benchmarks, what is deployed with it, and the tests."""
    return service() + world() + _in("bench", "deploy", "tests")


def callee(call: ast.Call) -> str:
    """What is called, as it is written: `session.commit`."""
    return ast.unparse(call.func)


def _in(*directories: str) -> list[Source]:
    return [_source(path) for directory in directories for path in sorted((ROOT / directory).rglob("*.py"))]


@functools.cache
def _source(path: Path) -> Source:
    return Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
