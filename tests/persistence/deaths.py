"""The process dies at a named step of its outside work; nothing after that step happens."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from persistence import unit_of_work

if TYPE_CHECKING:
    from collections.abc import Iterator


class ProcessDied(BaseException):
    """Not an error, so that nothing that handles errors can handle it."""


_fatal: list[tuple[str, str]] = []


@contextmanager
def dying_at(stage: str, name: str) -> Iterator[None]:
    """The process dies when it reaches `stage` of `name`; it is a failure of the test if it never does."""
    _fatal.append((stage, name))
    try:
        with pytest.raises(ProcessDied):
            yield
    finally:
        _fatal.clear()


def _die(stage: str, name: str) -> None:
    if (stage, name) in _fatal:
        raise ProcessDied(stage, name)


unit_of_work.observe(_die)
