"""A town, made once for a module: what its tests do leaves it as it was, or is done to things of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# They compare; when something differs, they shall say what.
pytest.register_assert_rewrite("tests.http.town", "tests.http.answers")

import sandbox  # noqa: E402 - what is registered above comes first
from tests.api.conftest import application  # noqa: E402, F401 - a fixture
from tests.clock import Clock  # noqa: E402
from tests.http.town import Town, open_town  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def town(schema, redis_server, tmp_path_factory) -> Iterator[Town]:
    """People of every role, and whatever is asked for; nothing wrong was asked of the gateway at the end."""
    directory = tmp_path_factory.mktemp("town")
    clock = Clock(directory / "clock.json")
    peer = sandbox.start(clock_file=clock.path)
    clock.hand_to(lambda step: peer.advance(step.total_seconds()))
    url = schema.url()
    with open_town(url, redis_server, peer, clock) as opened:
        yield opened
    violations = peer.violations()
    peer.close()
    schema.empty()
    assert violations == []
