"""Many callers, one commit: what they hand in while they wait is one transaction, and each gets an answer of its own.

A commit waits for the disk and an account that everybody touches waits for its last user; both are paid once for a
group instead of once for everybody in it. A group is whoever came while the last one was being written; who is alone
waits for nobody.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from persistence.unit_of_work import OutcomeUnknown, atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from kernel.refusals import Refusal

Item = TypeVar("Item")
Result = TypeVar("Result")

# Longer groups only keep their first member waiting.
_MOST = 256
# Every try of a transaction whose locks are waited for is over by then.
_PATIENCE_SECONDS = 120
# A commit of one's own would take longer.
_MOMENT_SECONDS = 0.001


class _Waiting(Generic[Item, Result]):
    """Somebody's item, and the answer once there is one."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.answer: Result | BaseException
        # Held until there is an answer; an Event is several such locks, and costs as much as the entry.
        self._unanswered = threading.Lock()
        self._unanswered.acquire()

    def tell(self, answer: Result | BaseException) -> None:
        self.answer = answer
        self._unanswered.release()

    def is_answered(self, *, within_seconds: float) -> bool:
        return self._unanswered.acquire(timeout=within_seconds)


class Combined(Generic[Item, Result]):
    """Carries out `together(session, items)`, whose answers are results or refusals, for everybody who submits.

    Every item is carried out at least once, so `together` must know an item that it meets again. When a group fails as
    a whole, its members are carried out one by one, so that one of them can fail only itself.
    """

    def __init__(self, together: Callable[[Session, Sequence[Item]], Sequence[Result | Refusal]]) -> None:
        self._together = together
        self._starting = threading.Lock()
        self._process = 0
        self._thread: threading.Thread | None = None
        self._waiting: queue.SimpleQueue[_Waiting[Item, Result]] = queue.SimpleQueue()

    def submit(self, item: Item) -> Result:
        """Have the item carried out, and wait: durable when this returns. Raises what refused it."""
        waiting: _Waiting[Item, Result] = _Waiting(item)
        self._start()
        self._waiting.put(waiting)
        if not waiting.is_answered(within_seconds=_PATIENCE_SECONDS):
            raise OutcomeUnknown("The books are very busy. Ask again with the same key whether it was done.")
        if isinstance(waiting.answer, BaseException):
            raise waiting.answer
        return waiting.answer

    def _start(self) -> None:
        with self._starting:
            # A thread does not survive a fork, and who waits in the parent is the parent's to answer.
            if self._process != os.getpid():
                self._process, self._thread, self._waiting = os.getpid(), None, queue.SimpleQueue()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="combined", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        group: list[_Waiting[Item, Result]] = []
        while True:
            group = self._next_group(after=len(group))
            self._carry_out(group)

    def _next_group(self, *, after: int) -> list[_Waiting[Item, Result]]:
        """Whoever waits; those who were answered a moment ago and come again are given the moment that takes them."""
        group = [self._waiting.get()]
        until = time.monotonic() + _MOMENT_SECONDS
        with suppress(queue.Empty):
            while len(group) < _MOST:
                left = until - time.monotonic() if len(group) < after else 0
                group.append(self._waiting.get(timeout=left) if left > 0 else self._waiting.get_nowait())
        return group

    def _carry_out(self, group: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            answers = atomically(self._together, [waiting.item for waiting in group])
        except BaseException:  # noqa: BLE001 - somebody waits for an answer, whatever it is
            # Also for a group of one, of whose commit nobody may know: the second time tells.
            for waiting in group:
                self._carry_out_alone(waiting)
            return
        for waiting, answer in zip(group, answers, strict=True):
            waiting.tell(answer)

    def _carry_out_alone(self, waiting: _Waiting[Item, Result]) -> None:
        try:
            (answer,) = atomically(self._together, [waiting.item])
        except BaseException as error:  # noqa: BLE001 - the same
            waiting.tell(error)
        else:
            waiting.tell(answer)
