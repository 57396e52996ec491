"""Several people doing something at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result = TypeVar("Result")


def at_once(*acts: Callable[[], Result]) -> list[Result | Exception]:
    """Begin all acts together, each in a thread of its own; returns, in order, what each gave or raised."""
    start = threading.Barrier(len(acts))

    def one(act: Callable[[], Result]) -> Result | Exception:
        start.wait()
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - what it raised is its result
            return error

    with ThreadPoolExecutor(len(acts)) as people:
        return list(people.map(one, acts))


def together(act: Callable[[], Result], people: int) -> list[Result]:
    """The same act by so many at once; none of them may fail."""
    results = at_once(*[act] * people)
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        raise ExceptionGroup("They were not to fail.", failures)
    return results


def succeeded(results: Sequence[Result | Exception]) -> list[Result]:
    """Those results that are not failures."""
    return [result for result in results if not isinstance(result, Exception)]
