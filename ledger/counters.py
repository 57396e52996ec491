"""The counters behind every balance: locked in one order, moved by postings, never below an account's floor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ledger.chart import Side
from ledger.lanes import own_lane
from ledger.rows import Insert, instant
from ledger.tables import accounts, balances
from persistence import clock
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from ledger.chart import Account
    from ledger.entries import Phase
    from ledger.rows import Row

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# A longer list is made into a table and joined by MariaDB, and what a join reads is locked in an order of its own.
_AT_ONCE = 500

COUNTED = ("sequence", "debits_posted", "credits_posted", "debits_pending", "credits_pending")
_OPEN_ACCOUNTS = Insert(accounts)
_OPEN_BALANCES = Insert(balances)
_PUT_BALANCES = Insert(balances, instead=(*COUNTED, "recorded_at"))


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
    # No row of it is there yet, so none is locked; who opens it first wins, and the others try again.
    is_new: bool = False

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

    def available_minor(self, normal: Side) -> int:
        """What can be spent or held back."""
        return self.balance_minor(normal) - self.held_minor(normal)

    def is_below_floor(self, normal: Side) -> bool:
        """Whether more is spent or held back than is there."""
        return self.available_minor(normal) < 0


class Locked(NamedTuple):
    """The counters of some accounts, nobody else's until the transaction ends, and the instant they became ours."""

    counters: dict[Account, Counters]
    at: datetime


class _Read(NamedTuple):
    """The counters that were there, the newest instant in them, and the database's clock once they were locked."""

    counters: dict[Account, Counters]
    newest: str
    clock: str

    def __or__(self, later: object) -> _Read:
        assert isinstance(later, _Read), "two readings make one"
        newest = max(self.newest, later.newest)
        return _Read(self.counters | later.counters, newest, later.clock or self.clock)


_NOTHING = _Read({}, "", "")


def locked(session: Session, connection: Connection, touched: Iterable[Account]) -> Locked:
    """Have these accounts to ourselves; the instant is not before their last posting, whatever the clock does."""
    # In id order everywhere, so that two opposite movements cannot wait for each other.
    in_order = sorted(set(touched), key=attrgetter("row_id"))
    read = _have(connection, [account for account in in_order if not account.shared], 0)
    shared = [account for account in in_order if account.shared]
    # The lane comes last: who waits for a person's account keeps no lane from anybody. It is taken where no shared
    # account is touched as well, and before the clock is read: whoever asks about the past waits for the lanes alone.
    lane = own_lane(session, connection)
    ours = _have(connection, shared, lane) if shared else _NOTHING
    now = clock.turned(session, instant(ours.clock)) if ours.clock else clock.now(session)
    read |= ours
    return Locked(read.counters, max(now, instant(read.newest)) if read.newest else now)


def keep(connection: Connection, changed: Mapping[Account, Counters]) -> None:
    """Write the counters back; an account that is touched for the first time is opened."""
    # In id order, as they are locked.
    in_order = sorted(changed, key=attrgetter("row_id"))
    new = [account for account in in_order if changed[account].is_new]
    known = [_row(changed[account]) for account in in_order if not changed[account].is_new]
    if known:
        _PUT_BALANCES.run(connection, known)
    if new:
        _open(connection, {account: changed[account] for account in new})


def _have(connection: Connection, wanted: Sequence[Account], lane: int) -> _Read:
    read = _lock(connection, wanted, lane)
    missing = [account for account in wanted if account not in read.counters]
    made = {account: Counters(account.row_id, lane, is_new=True) for account in missing}
    return read | _Read(made, "", "")


def _lock(connection: Connection, wanted: Sequence[Account], lane: int) -> _Read:
    read = _NOTHING
    for start in range(0, len(wanted), _AT_ONCE):
        read |= _lock_some(connection, wanted[start : start + _AT_ONCE], lane)
    return read


def _lock_some(connection: Connection, wanted: Sequence[Account], lane: int) -> _Read:
    by_id = {account.row_id.hex(): account for account in wanted}
    ask = _locking(connection.dialect.name, "', x'".join(by_id), lane)
    read = connection.exec_driver_sql(ask, execution_options={"no_parameters": True}).one()
    if not read.rows_locked:
        return _NOTHING
    found: dict[Account, Counters] = {}
    for row in read.counted.lower().split(";"):
        row_id, sequence, *amounts = row.split(",")
        debited, credited, debits_pending, credits_pending = map(int, amounts)
        account = by_id[row_id]
        found[account] = Counters(
            account.row_id, lane, int(sequence), debited, credited, debits_pending, credits_pending
        )
    assert len(found) == read.rows_locked, "the database writes no text shorter than it is"
    return _Read(found, read.newest, read.clock)


def _locking(dialect: str, ids: str, lane: int) -> str:
    """One text for all rows: a row of its own for each would cost more than to find it and lock it."""
    columns = ["HEX(account_id)", *COUNTED]
    if dialect == "sqlite":
        row, index, lock = " || ',' || ".join(columns) + ", ';'", "", ""
    else:
        # A table of few rows would be read from end to end, and whatever is read is locked.
        row, index, lock = ", ',', ".join(columns) + " SEPARATOR ';'", "FORCE INDEX (PRIMARY)", "FOR UPDATE"
    # The clock is read at every row, and the latest reading is from when all of them were locked.
    newest, now = (f"CAST(MAX({instant}) AS CHAR)" for instant in ("recorded_at", clock.expression(dialect)))
    asked = f"COUNT(*) AS rows_locked, GROUP_CONCAT({row}) AS counted, {newest} AS newest, {now} AS clock"
    return (
        f"SELECT {asked} FROM ledger_balances {index} WHERE account_id IN (x'{ids}') AND lane = {lane} {lock}"  # noqa: S608
    )


def _open(connection: Connection, new: Mapping[Account, Counters]) -> None:
    # Asked first, because whoever opens an account keeps everybody from it until the transaction ends; and not put
    # there instead of what is there, because what is there may not be changed.
    ids = [account.row_id for account in new]
    opened = set(connection.scalars(select(accounts.c.id).where(accounts.c.id.in_(ids))))
    unopened = [_opened(account) for account in new if account.row_id not in opened]
    try:
        if unopened:
            _OPEN_ACCOUNTS.run(connection, unopened)
        _OPEN_BALANCES.run(connection, list(map(_row, new.values())))
    except IntegrityError as taken:
        # Somebody opened one of them at the same moment; the next try finds it.
        raise Retry from taken


def _opened(account: Account) -> Row:
    return account.row_id, account.code, account.currency, account.normal.value, account.floor, account.shared


_row = attrgetter("account_id", "lane", *COUNTED, "recorded_at")
