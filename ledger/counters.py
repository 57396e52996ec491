"""The counters behind every balance: locked in one order, moved by postings, never below an account's floor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import mysql, sqlite

from ledger.chart import Side
from ledger.lanes import own_lane
from ledger.tables import accounts, balances

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Insert, Table
    from sqlalchemy.orm import Session

    from ledger.chart import Account
    from ledger.entries import Phase

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# A table of few rows would be read from end to end, and whatever is read is locked.
_BY_KEY = "FORCE INDEX (PRIMARY)"
_LOCKED = (
    select(balances)
    .with_hint(balances, _BY_KEY, "mysql")
    .with_hint(balances, _BY_KEY, "mariadb")
    .where(
        balances.c.account_id.in_(bindparam("accounts", expanding=True)), balances.c.lane == bindparam("lane")
    )
    .order_by(balances.c.account_id)
    .with_for_update()
)

_OPENED = select(accounts.c.id).where(accounts.c.id.in_(bindparam("accounts", expanding=True)))


def _insert_if_absent(table: Table, column: str) -> dict[str, Insert]:
    # An upsert that changes nothing, because INSERT IGNORE would swallow every other error too.
    on_mysql = mysql.insert(table).on_duplicate_key_update({column: table.c[column]})
    return {"mysql": on_mysql, "mariadb": on_mysql, "sqlite": sqlite.insert(table).on_conflict_do_nothing()}


def _insert_or_replace(table: Table, keys: Sequence[str]) -> dict[str, Insert]:
    changing = [column.name for column in table.columns if column.name not in keys]
    on_mysql, on_sqlite = mysql.insert(table), sqlite.insert(table)
    put_mysql = on_mysql.on_duplicate_key_update({name: on_mysql.inserted[name] for name in changing})
    put_sqlite = on_sqlite.on_conflict_do_update(
        keys, set_={name: on_sqlite.excluded[name] for name in changing}
    )
    return {"mysql": put_mysql, "mariadb": put_mysql, "sqlite": put_sqlite}


_OPEN_ACCOUNT = _insert_if_absent(accounts, "code")
_OPEN_BALANCE = _insert_if_absent(balances, "lane")
_PUT_BALANCE = _insert_or_replace(balances, ("account_id", "lane"))


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


def locked(session: Session, touched: Iterable[Account]) -> dict[Account, Counters]:
    """The counters of these accounts as they are now, nobody else's until the transaction ends."""
    # In id order everywhere, so that two opposite movements cannot wait for each other.
    in_order = sorted(set(touched), key=lambda account: account.row_id)
    personal = [account for account in in_order if not account.shared]
    shared = [account for account in in_order if account.shared]
    found = _locked_rows(session, personal, 0) if personal else {}
    # The lane comes last: who waits for a person's account keeps no lane from anybody.
    return found | _locked_lane(session, shared, own_lane(session)) if shared else found


def keep(session: Session, changed: Iterable[Counters]) -> None:
    """Write the counters back."""
    _execute(session.connection(), _PUT_BALANCE, [_row(counters) for counters in changed])


def _locked_rows(session: Session, personal: Sequence[Account], lane: int) -> dict[Account, Counters]:
    connection = session.connection()
    found = _read(connection, personal, lane)
    missing = [account for account in personal if account not in found]
    if not missing:
        return found
    _open(connection, missing)
    _execute(connection, _OPEN_BALANCE, [_row(Counters(account.row_id, lane)) for account in missing])
    return found | _read(connection, missing, lane)


def _locked_lane(session: Session, shared: Sequence[Account], lane: int) -> dict[Account, Counters]:
    connection = session.connection()
    found = _read(connection, shared, lane)
    missing = [account for account in shared if account not in found]
    if missing:
        # Asked first, because whoever opens an account keeps everybody from it until the transaction ends.
        opened = set(connection.scalars(_OPENED, {"accounts": [account.row_id for account in missing]}))
        _open(connection, [account for account in missing if account.row_id not in opened])
    # The lane is ours: nobody else can be putting the same rows there.
    return found | {account: Counters(account.row_id, lane) for account in missing}


def _read(connection: Connection, wanted: Iterable[Account], lane: int) -> dict[Account, Counters]:
    by_id = {account.row_id: account for account in wanted}
    rows = connection.execute(_LOCKED, {"accounts": sorted(by_id), "lane": lane})
    return {by_id[row.account_id]: Counters(*row) for row in rows}


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
    _execute(connection, _OPEN_ACCOUNT, rows)


def _row(counters: Counters) -> dict[str, object]:
    return {column: getattr(counters, column) for column in Counters.__slots__}


def _execute(
    connection: Connection, statements: Mapping[str, Insert], rows: Sequence[Mapping[str, object]]
) -> None:
    connection.execute(statements[connection.dialect.name], list(rows))
