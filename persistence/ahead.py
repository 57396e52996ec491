"""Statements sent ahead: the next one is composed while the server carries out the last."""

from __future__ import annotations

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Dialect


# While one thread composes without a pause, the other has to get its turn as soon as the server has answered.
_USUAL_TURN_SECONDS = sys.getswitchinterval()
_SHORT_TURN_SECONDS = 0.0003


class Ahead:
    """Takes statements whose results nobody needs, in the place of a connection, and returns at once."""

    def __init__(self, connection: Connection, thread: ThreadPoolExecutor) -> None:
        self.dialect: Dialect = connection.dialect
        self._connection, self._thread = connection, thread
        self._sent: list[Future[None]] = []

    def exec_driver_sql(
        self,
        statement: str,
        parameters: Any = None,  # noqa: ANN401 - as a connection's
        execution_options: Any = None,  # noqa: ANN401
    ) -> None:
        """Have the statement carried out after those before it."""
        self._sent.append(self._thread.submit(self._carry_out, statement, parameters, execution_options))

    def settle(self) -> None:
        """Come back when all is done; raises what went wrong first."""
        for sent in self._sent:
            sent.result()

    def _carry_out(self, statement: str, parameters: Any, execution_options: Any) -> None:  # noqa: ANN401
        # What comes after a statement that failed would be written for nothing.
        if not any(sent.done() and sent.exception() for sent in self._sent):
            self._connection.exec_driver_sql(statement, parameters, execution_options)


@contextmanager
def sent_ahead(connection: Connection) -> Iterator[Ahead]:
    """Whatever is sent inside has been carried out at the end; the connection is not used otherwise meanwhile."""
    sys.setswitchinterval(_SHORT_TURN_SECONDS)
    try:
        with ThreadPoolExecutor(1) as thread:
            ahead = Ahead(connection, thread)
            yield ahead
            ahead.settle()
    finally:
        sys.setswitchinterval(_USUAL_TURN_SECONDS)
