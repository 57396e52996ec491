"""The only place that commits: one operation is one transaction, tried again when the database asks for it."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from kernel.refusals import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session, sessionmaker

    from persistence.engine import Database

P = ParamSpec("P")
Result = TypeVar("Result")
Intent = TypeVar("Intent")
Outcome = TypeVar("Outcome")

# The transaction was rolled back and may simply be tried again: deadlock (on Galera, certification conflict), lock wait
# timeout, row changed since it was read, certification conflict of group replication; then TiDB's own.
_ROLLED_BACK = {1213, 1205, 1020, 3101, 8002, 8005, 8022, 8028, 9007}
# Nobody answers at the address of the server, or it has no connection left for us (altogether, for this user, for this
# hour): it is being restarted, another takes its place, or everybody has come at once because one did.
_NOT_LET_IN = {1040, 1203, 1226, 2002, 2003}
# A node of Galera that another stops while it opens a table keeps it without having understood its triggers. What is
# written through it is refused before it begins; the next one to write may be given the table opened another time.
_NOT_UNDERSTOOD = (1064, "trigger has an error in its body")
# A statement was ended for taking too long; it would take as long again.
_TOOK_TOO_LONG = {1969, 3024}
_TRIES = 12
_FIRST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.5

_bound: list[Database] = []
_observers: list[Callable[[str, str], None]] = []


class Retry(Exception):  # noqa: N818 - it is an order, not an error
    """Raised below an edge when another transaction was first: run the operation again and see what it left."""


class DatabaseBusy(Unavailable):
    """The database stayed busy through every try; nothing was written."""

    code = "database_busy"


class OutcomeUnknown(Unavailable):
    """The connection died while committing: the work may or may not stand, and asking with the same key tells."""

    code = "outcome_unknown"


def bind(database: Database) -> None:
    """Name the database of this process; `runtime.wiring` does it once."""
    _bound[:] = [database]


def database() -> Database:
    """The database of this process."""
    assert _bound, "runtime.wiring names the database before anything runs"
    return _bound[0]


def observe(observer: Callable[[str, str], None]) -> None:
    """Tell `observer(stage, name)` of every stage: `before_call`, `after_call`, `before_commit`, `committed`."""
    _observers.append(observer)


def atomically(
    operation: Callable[Concatenate[Session, P], Result], *arguments: P.args, **named: P.kwargs
) -> Result:
    """Run `operation` in one transaction and commit; a deadlock runs it again with the same arguments and ids."""
    return _tried(
        lambda again: _once(
            _name(operation), lambda session: operation(session, *arguments, **named), keep=True, again=again
        )
    )


def rehearse(
    operation: Callable[Concatenate[Session, P], Result], *arguments: P.args, **named: P.kwargs
) -> Result:
    """Run `operation` just as `atomically` would, and take it back: what it returns is what would have happened."""
    return _tried(
        lambda again: _once(
            _name(operation), lambda session: operation(session, *arguments, **named), keep=False, again=again
        )
    )


def reading(
    query: Callable[Concatenate[Session, P], Result], *arguments: P.args, **named: P.kwargs
) -> Result:
    """Answer `query` from one transaction that writes nothing and waits for no writer.

    Everything it reads, in however many statements, is of one instant: money that moves meanwhile is not seen twice.
    """
    return _tried(lambda _: _read(database().sessions, lambda session: query(session, *arguments, **named)))


def examining(
    query: Callable[Concatenate[Session, P], Result], *arguments: P.args, **named: P.kwargs
) -> Result:
    """Answer `query` like `reading`, however long it takes, as whoever reads all of the books does.

    It is never begun again: an export has written half of what it read by the time that the connection dies.
    """
    return _read(database().patient, lambda session: query(session, *arguments, **named))


def staged(
    *,
    begin: Callable[..., Intent | None],
    call: Callable[[Intent], Outcome],
    record: Callable[..., Result],
    **arguments: Any,  # noqa: ANN401 - they are begin's own
) -> Result | None:
    """Write the intent and commit, call outside with nothing open, write the outcome and commit.

    `begin(session, **arguments)` returns the intent, or None when there is nothing (left) to do; `record(session,
    intent=…, outcome=…)` must bear being run again, because the process may die before it.
    """
    intent = atomically(begin, **arguments)
    if intent is None:
        return None
    name = f"{begin.__module__}.{begin.__name__}"
    reached("before_call", name)
    outcome = call(intent)
    reached("after_call", name)
    return atomically(record, intent=intent, outcome=outcome)


def begun_again(session: Session) -> bool:
    """Whether this is not the first try of its operation: what is seldom so need not be looked for at the first."""
    return bool(session.info.get("begun_again"))


def reached(stage: str, name: str) -> None:
    """Tell the observers where the work is."""
    for observer in _observers:
        observer(stage, name)


def _name(operation: Callable[..., object]) -> str:
    return f"{getattr(operation, '__module__', '')}.{getattr(operation, '__name__', 'operation')}"


def _tried(transaction: Callable[[bool], Result]) -> Result:
    for attempt in range(_TRIES):
        try:
            return transaction(attempt > 0)
        except Retry:
            pass
        except NoConnectionFree as error:
            # It has waited for seconds already.
            raise _busy() from error
        except DBAPIError as error:
            if _has_waited(error):
                raise _busy() from error
            if not _may_be_tried_again(error):
                raise
        # Jittered, so that two transactions which met do not meet again.
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        time.sleep(random.uniform(0, longest))  # noqa: S311 - not a secret
    raise _busy()


def _busy() -> DatabaseBusy:
    return DatabaseBusy(
        "The service is busy with this very thing. Nothing was changed; please try again in a moment."
    )


def _read(sessions: sessionmaker[Session], query: Callable[[Session], Result]) -> Result:
    with sessions() as session:
        connection = session.connection(execution_options={"holdfast_reads_only": True})
        if connection.dialect.name != "sqlite":
            # For this transaction alone. SQLite's readers see one instant as it is.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return query(session)


def _once(name: str, operation: Callable[[Session], Result], *, keep: bool, again: bool) -> Result:
    with database().sessions() as session:
        session.info["begun_again"] = again
        result = operation(session)
        session.flush()
        if keep:
            reached("before_commit", name)
            _commit(session)
            reached("committed", name)
        else:
            session.rollback()
        return result


def _commit(session: Session) -> None:
    try:
        session.commit()
    except DBAPIError as error:
        # SQLAlchemy sends no ROLLBACK after a COMMIT that failed: what the server has left open would be committed by
        # whoever is given the connection next.
        session.invalidate()
        if _was_rolled_back(error):
            raise
        # Not only where the connection is lost: a server that is going down, or has lost the others, says many things,
        # and says them before as well as after it has obeyed.
        raise OutcomeUnknown(
            "The connection to the books was lost at the last moment."
            " Send the request again with the same Idempotency-Key."
        ) from error


def _has_waited(error: DBAPIError) -> bool:
    # SQLite's writers wait for each other for half a minute before they say that the file is locked; and a server that
    # is there and silent is waited for just as long, in which whoever asked has gone.
    said = str(error.orig)
    return _number(error) in _TOOK_TOO_LONG or "database is locked" in said or "timed out" in said


def _may_be_tried_again(error: DBAPIError) -> bool:
    # Before COMMIT a dead connection has rolled everything back; at COMMIT it became OutcomeUnknown above.
    number, words = _NOT_UNDERSTOOD
    misread = _number(error) == number and words in str(error.orig)
    return error.connection_invalidated or _was_rolled_back(error) or misread or _number(error) in _NOT_LET_IN


def _was_rolled_back(error: DBAPIError) -> bool:
    return _number(error) in _ROLLED_BACK or "database is locked" in str(error.orig)


def _number(error: DBAPIError) -> int | None:
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
