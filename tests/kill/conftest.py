"""A world to die in, made anew when a test has left it in a state to which no other should be exposed."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

# They compare; when something differs, they shall say what.
pytest.register_assert_rewrite("tests.story.agreement", "tests.kill.acts")

from tests.kill.world import World, made  # noqa: E402 - they are rewritten as they are imported
from tests.schema import migrate  # noqa: E402 - the same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Every death is followed by a look at all the books, which grow with every death.
_MOST_DEATHS = 25


@pytest.fixture(scope="session")
def worlds(schema, redis_server, tmp_path_factory) -> Iterator[Callable[[], World]]:
    """The world there is, or a new one."""
    numbers, known = itertools.count(1), []
    with ExitStack() as closing:

        def present() -> World:
            if not known or not known[-1].sound or known[-1].deaths >= _MOST_DEATHS:
                closing.close()
                directory = tmp_path_factory.mktemp("world")
                url = schema.blank(directory, f"holdfast_kill_{next(numbers)}")
                migrate(url)
                known.append(closing.enter_context(made(url, redis_server, directory)))
            return known[-1]

        yield present


@pytest.fixture
def world(worlds) -> World:
    """A world that is sound."""
    return worlds()
