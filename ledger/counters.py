"""The counters behind every balance: locked in one order, moved by postings, never below an account's floor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ledger.chart import Side
from ledger.lanes import has_lane, keep_lane, own_lane
from ledger.rows import VERBATIM, Insert, instant
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
# More shared accounts than any entry touches are read after the lane was taken.
_BESIDE_A_LANE = 8

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
    ours = _take_lane(session, connection, shared) or _have(connection, shared, own_lane(session, connection))
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


def _take_lane(session: Session, connection: Connection, shared: Sequence[Account]) -> _Read | None:
    """A free lane, the clock, and the accounts in that lane, in one statement; None where it takes more than one."""
    if connection.dialect.name == "sqlite" or has_lane(session) or len(shared) > _BESIDE_A_LANE:
        return None
    ask = _lane_with([account.row_id.hex() for account in shared])
    found = connection.exec_driver_sql(ask, execution_options=VERBATIM).one_or_none()
    if found is None:
        return None
    lane, read_clock, *rows = found
    keep_lane(session, lane)
    there = [(account, *row.rsplit(",", 1)) for account, row in zip(shared, rows, strict=True) if row]
    counters = {account: _counters(account, lane, counted) for account, counted, _ in there}
    return _with_new(
        _Read(counters, max([recorded_at for *_, recorded_at in there], default=""), read_clock), shared, lane
    )


def _lane_with(account_ids: Sequence[str]) -> str:
    rows, joins = "", ""
    for number, account_id in enumerate(account_ids):
        counted = ", ".join(f"b{number}.{name}" for name in (*COUNTED, "recorded_at"))
        rows += f", CONCAT_WS(',', {counted})"
        joins += (
            f" LEFT JOIN ledger_balances AS b{number}"
            f" ON b{number}.account_id = x'{account_id}' AND b{number}.lane = ledger_lanes.lane"
        )
    read = f"ledger_lanes.lane, CAST({clock.expression('mariadb')} AS CHAR){rows}"
    return f"SELECT {read} FROM ledger_lanes{joins} ORDER BY ledger_lanes.lane LIMIT 1 FOR UPDATE SKIP LOCKED"  # noqa: S608


def _have(connection: Connection, wanted: Sequence[Account], lane: int) -> _Read:
    return _with_new(_lock(connection, wanted, lane), wanted, lane)


def _with_new(read: _Read, wanted: Sequence[Account], lane: int) -> _Read:
    new = [account for account in wanted if account not in read.counters]
    made = {account: Counters(account.row_id, lane, is_new=True) for account in new}
    return read | _Read(made, "", "")


def _lock(connection: Connection, wanted: Sequence[Account], lane: int) -> _Read:
    read = _NOTHING
    for start in range(0, len(wanted), _AT_ONCE):
        read |= _lock_some(connection, wanted[start : start + _AT_ONCE], lane)
    return read


def _lock_some(connection: Connection, wanted: Sequence[Account], lane: int) -> _Read:
    by_id = {account.row_id.hex(): account for account in wanted}
    ask = _locking(connection.dialect.name, "', x'".join(by_id), lane)
    read = connection.exec_driver_sql(ask, execution_options=VERBATIM).one()
    if not read.rows_locked:
        return _NOTHING
    found: dict[Account, Counters] = {}
    for row in read.counted.lower().split(";"):
        row_id, counted = row.split(",", 1)
        found[by_id[row_id]] = _counters(by_id[row_id], lane, counted)
    assert len(found) == read.rows_locked, "the database writes no text shorter than it is"
    return _Read(found, read.newest, read.clock)


def _counters(account: Account, lane: int, counted: str) -> Counters:
    sequence, debited, credited, debits_pending, credits_pending = map(int, counted.split(","))
    return Counters(account.row_id, lane, sequence, debited, credited, debits_pending, credits_pending)


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
