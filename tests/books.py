"""What a test compares: everything that is written down anywhere, before and after."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ledger.sealing import seal_stretch
from persistence.columns import Base
from persistence.unit_of_work import atomically, reading
from runtime.settings import Settings
from runtime.signing import signing_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from kernel.refusals import Refusal

Everything = dict[str, list[tuple[Any, ...]]]


def everything() -> Everything:
    """Every row of every table: the whole journal, all balances, what was told, and what is due."""
    return reading(_everything)


def seal_everything() -> None:
    """What the job does every few minutes, where nobody does the jobs: seal all that was posted."""
    key = signing_key(Settings(ENVIRONMENT="test").SEALING_KEY.get_secret_value())
    while atomically(seal_stretch, signer=key):
        pass


@contextmanager
def nothing_moves(*, besides: frozenset[str] = frozenset()) -> Iterator[None]:
    """Whatever is done inside leaves the journal, the balances and every other row, `besides` these, as they were."""
    before = reading(_state, besides)
    yield
    assert reading(_state, besides) == before


@contextmanager
def expect_refusal(refusal: type[Refusal]) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """What is done inside is refused in exactly this way, and nothing moves."""
    with nothing_moves(), pytest.raises(refusal) as caught:
        yield caught
    assert type(caught.value) is refusal


def _state(session: Session, besides: frozenset[str]) -> dict[str, Any]:
    """What cannot stay the same where a row changes: for a server its checksum, which comes faster than all rows."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return {name: rows for name, rows in _everything(session).items() if name not in besides}
    names = ", ".join(name for name in Base.metadata.tables if name not in besides)
    return dict(connection.exec_driver_sql(f"CHECKSUM TABLE {names}").all())


def _everything(session: Session) -> Everything:
    # As the driver has them, in the order of their keys: they are only compared, and that a great many times.
    connection = session.connection()
    return {
        name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]  # noqa: S608 - our own names
        for name in Base.metadata.tables
    }
