"""The counters behind every balance: locked in one order, moved by postings, never below an account's floor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import mysql, sqlite

from ledger.chart import Side
from ledger.lanes import own_lane
from ledger.prepared import Prepared, places
from ledger.tables import accounts, balances
from persistence import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Insert, Select, Table
    from sqlalchemy.orm import Session

    from ledger.chart import Account
    from ledger.entries import Phase

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# A table of few rows would be read from end to end, and whatever is read is locked.
_BY_KEY = "FORCE INDEX (PRIMARY)"


def _locking(dialect: str, count: int) -> Select[Any]:
    keys = [places((balances.c.account_id,), number)["account_id"] for number in range(count)]
    return (
        select(*balances.columns, clock.column(dialect))
        .with_hint(balances, _BY_KEY, "mysql")
        .with_hint(balances, _BY_KEY, "mariadb")
        .where(balances.c.account_id.in_(keys), balances.c.lane == bindparam("lane_0"))
        .order_by(balances.c.account_id)
        .with_for_update()
    )


def _opening(table: Table, column: str) -> Callable[[str, int], Insert]:
    def make(dialect: str, count: int) -> Insert:
        rows = [places(table.columns.values(), number) for number in range(count)]
        if dialect == "sqlite":
            return sqlite.insert(table).values(rows).on_conflict_do_nothing()
        # An upsert that changes nothing, because INSERT IGNORE would swallow every other error too.
        return mysql.insert(table).values(rows).on_duplicate_key_update({column: table.c[column]})

    return make


def _putting(dialect: str, count: int) -> Insert:
    rows = [places(balances.columns.values(), number) for number in range(count)]
    changing = [column.name for column in balances.columns if not column.primary_key]
    if dialect == "sqlite":
        put = sqlite.insert(balances).values(rows)
        return put.on_conflict_do_update(
            list(balances.primary_key), set_={name: put.excluded[name] for name in changing}
        )
    put_all = mysql.insert(balances).values(rows)
    return put_all.on_duplicate_key_update({name: put_all.inserted[name] for name in changing})


_LOCK = Prepared(_locking, [*balances.columns, clock.column("")])
_OPEN_ACCOUNT = Prepared(_opening(accounts, "code"))
_OPEN_BALANCE = Prepared(_opening(balances, "lane"))
_PUT_BALANCE = Prepared(_putting)
_OPENED = select(accounts.c.id).where(accounts.c.id.in_(bindparam("accounts", expanding=True)))


@dataclass(slots=True)
class Counters:
    """Where one lane of one account stands."""

    account_id: bytes
    lane: int
    sequence: int = 0
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0
    recorded_at: datetime = _NEVER

    def move(self, phase: Phase, side: Side, amount_minor: int, recorded_at: datetime) -> None:
        """Count one more posting."""
        self.sequence += 1
        self.recorded_at = recorded_at
        posted, pending = amount_minor * phase.posted, amount_minor * phase.pending
        if side is Side.DEBIT:
            self.debits_posted += posted
            self.debits_pending += pending
        else:
            self.credits_posted += posted
            self.credits_pending += pending

    def balance_minor(self, normal: Side) -> int:
        """What the account holds, counted on its normal side."""
        difference = self.debits_posted - self.credits_posted
        return difference if normal is Side.DEBIT else -difference

    def held_minor(self, normal: Side) -> int:
        """What pending postings will take out of it."""
        return self.credits_pending if normal is Side.DEBIT else self.debits_pending

    def is_below_floor(self, normal: Side) -> bool:
        """Whether more is spent or held back than is there."""
        return self.balance_minor(normal) < self.held_minor(normal)


class Locked(NamedTuple):
    """The counters of some accounts, nobody else's until the transaction ends, and the instant they became ours."""

    counters: dict[Account, Counters]
    at: datetime


class _Read(NamedTuple):
    counters: dict[Account, Counters]
    clock: datetime | None


def locked(session: Session, connection: Connection, touched: Iterable[Account]) -> Locked:
    """Have these accounts to ourselves; the instant is not before their last posting, whatever the clock does."""
    # In id order everywhere, so that two opposite movements cannot wait for each other.
    in_order = sorted(set(touched), key=lambda account: account.row_id)
    personal = [account for account in in_order if not account.shared]
    shared = [account for account in in_order if account.shared]
    found, read = _personal(connection, personal) if personal else _Read({}, None)
    if shared:
        # The lane comes last: who waits for a person's account keeps no lane from anybody.
        lanes, read = _shared(connection, shared, own_lane(session, connection))
        found |= lanes
    now = clock.now(session) if read is None else clock.turned(session, read)
    return Locked(found, max(now, *(counters.recorded_at for counters in found.values())))


def keep(connection: Connection, changed: Iterable[Counters]) -> None:
    """Write the counters back."""
    _PUT_BALANCE.run(connection, [_row(counters) for counters in changed])


def _personal(connection: Connection, wanted: Sequence[Account]) -> _Read:
    found, read = _lock(connection, wanted, 0)
    missing = [account for account in wanted if account not in found]
    if not missing:
        return _Read(found, read)
    _open(connection, missing)
    _OPEN_BALANCE.run(connection, [_row(Counters(account.row_id, 0)) for account in missing])
    opened, read = _lock(connection, missing, 0)
    return _Read(found | opened, read)


def _shared(connection: Connection, wanted: Sequence[Account], lane: int) -> _Read:
    found, read = _lock(connection, wanted, lane)
    missing = [account for account in wanted if account not in found]
    if not missing:
        return _Read(found, read)
    # Asked first, because whoever opens an account keeps everybody from it until the transaction ends.
    opened = set(connection.scalars(_OPENED, {"accounts": [account.row_id for account in missing]}))
    _open(connection, [account for account in missing if account.row_id not in opened])
    # The lane is ours: nobody else can be putting the same rows there.
    return _Read(found | {account: Counters(account.row_id, lane) for account in missing}, read)


def _lock(connection: Connection, wanted: Sequence[Account], lane: int) -> _Read:
    by_id = {account.row_id: account for account in wanted}
    rows = _LOCK.fetch(connection, [{"account_id": account_id, "lane": lane} for account_id in by_id])
    # The clock of the last row was read when all of them were locked.
    read = rows[-1][-1] if rows else None
    return _Read({by_id[row[0]]: Counters(*row[:-1]) for row in rows}, read)


def _open(connection: Connection, missing: Sequence[Account]) -> None:
    if not missing:
        return
    rows = [
        {
            "id": account.row_id,
            "code": account.code,
            "currency": account.currency,
            "normal": account.normal.value,
            "floor": account.floor,
            "shared": account.shared,
        }
        for account in missing
    ]
    _OPEN_ACCOUNT.run(connection, rows)


_NAMES = Counters.__slots__
_VALUES = attrgetter(*_NAMES)


def _row(counters: Counters) -> dict[str, Any]:
    return dict(zip(_NAMES, _VALUES(counters), strict=True))
