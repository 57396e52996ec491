"""Whether every lane of every account is what its postings make it: followed line by line and compared."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, or_, select

from kernel.time import rfc3339
from ledger import chart
from ledger.breaches import Breach
from ledger.chart import Side
from ledger.counters import COUNTED, Counters
from ledger.entries import Phase
from ledger.tables import accounts, balances, entries, postings
from ledger.written import reader, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Connection, Row

_BATCH = 5_000
_KEPT = (*COUNTED, "recorded_at")
_PHASES = {phase.value: phase for phase in Phase}
_SIDES = {side.value: side for side in Side}
# When what stands there is no instant: at no time of ours.
_UNREADABLE = datetime(1, 1, 1, tzinfo=UTC)

_LINES = (
    select(
        *(column for column in postings.columns if column.name != "recorded_at"),
        entries.c.phase,
        accounts.c.code,
        accounts.c.currency,
        *(balances.c[name].label(f"kept_{name}") for name in _KEPT if name != "recorded_at"),
    )
    .select_from(postings)
    .outerjoin(entries, entries.c.id == postings.c.entry_id)
    .outerjoin(accounts, accounts.c.id == postings.c.account_id)
    .outerjoin(
        balances, (balances.c.account_id == postings.c.account_id) & (balances.c.lane == postings.c.lane)
    )
    .order_by(postings.c.account_id, postings.c.lane, postings.c.sequence)
    # In the order in which they lie; sorting them first would need room for all of them.
    .with_hint(postings, "FORCE INDEX (PRIMARY)", "mysql")
    .with_hint(postings, "FORCE INDEX (PRIMARY)", "mariadb")
    .execution_options(yield_per=_BATCH)
)

# Read as they are written: SQLite takes much for an instant that we never write.
_INSTANTS = {
    "recorded_at": postings.c.recorded_at,
    "entry_recorded_at": entries.c.recorded_at,
    "kept_recorded_at": balances.c.recorded_at,
}
_READ = {name: reader(column) for name, column in _INSTANTS.items()}


def lane_breaches(connection: Connection, read: Callable[[int], None]) -> Iterator[Breach]:
    """What does not fit in the lanes; `read` is told how many lines were read since it was last told."""
    instants = (written(column, connection.dialect.name).label(name) for name, column in _INSTANTS.items())
    rows = _told(connection.execute(_LINES.add_columns(*instants)), read)
    for _, lines in groupby(rows, key=attrgetter("account_id", "lane")):
        lane = None
        for row in lines:
            lane = lane or _Lane(row)
            yield from lane.follow(row)
        assert lane is not None, "a group has a line"
        yield from lane.close()
    yield from _idle(connection)


def _told(rows: Iterable[Row[Any]], read: Callable[[int], None]) -> Iterator[Row[Any]]:
    number = 0
    for number, row in enumerate(rows, 1):
        if number % _BATCH == 0:
            read(_BATCH)
        yield row
    read(number % _BATCH)


def _idle(connection: Connection) -> Iterator[Breach]:
    moved = exists().where(postings.c.account_id == balances.c.account_id, postings.c.lane == balances.c.lane)
    counted = or_(*(balances.c[name] != 0 for name in _KEPT if name != "recorded_at"))
    for row in connection.execute(select(balances.c.account_id, balances.c.lane).where(counted, ~moved)):
        yield Breach(
            "balance_is_the_sum_of_its_lines", f"{row.account_id.hex()} lane {row.lane}", "there is no line"
        )


def _kept(row: Row[Any], name: str) -> object:
    return _instant(row, "kept_recorded_at") if name == "recorded_at" else getattr(row, f"kept_{name}")


def _instant(row: Row[Any], name: str) -> datetime:
    said = _READ[name](getattr(row, name)) or ""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return _UNREADABLE
    return found if found.tzinfo is not None and rfc3339(found) == said else _UNREADABLE


class _Lane:
    """One lane, followed from its first line to its last."""

    def __init__(self, first: Row[Any]) -> None:
        self._subject = f"{first.code or first.account_id.hex()} {first.currency or '?'} lane {first.lane}"
        # An account that is not there is reported; it is followed as if it were one of ours.
        account = chart.named(first.code, first.currency) if first.code else None
        self._normal = account.normal if account else Side.CREDIT
        self._is_floored = account is not None and account.floor
        self._is_shared = account is not None and account.shared
        self._counters = Counters(first.account_id, first.lane)
        self._last = first
        self._is_off = False

    def follow(self, row: Row[Any]) -> Iterator[Breach]:
        """Move by one more line."""
        if row.entry_id != self._last.entry_id:
            yield from self._floor()
        before, now = self._counters.recorded_at, _instant(row, "recorded_at")
        phase = _PHASES.get(row.phase, Phase.POSTED)
        # The table's CHECKs say the same, where the engine has them.
        side = _SIDES.get(row.side)
        if side is None or row.amount_minor <= 0:
            yield self._breach(
                "line_is_an_amount_on_a_side", f"line {row.sequence} is {row.amount_minor} {row.side}"
            )
        self._counters.move(phase, side or self._normal, row.amount_minor, now)
        self._last = row
        if row.phase is None:
            yield self._breach("line_has_an_entry", f"line {row.sequence} names {row.entry_id}")
        elif row.recorded_at != row.entry_recorded_at:
            yield self._breach("line_is_of_its_entrys_instant", f"line {row.sequence}, entry {row.entry_id}")
        if now < before:
            yield self._breach(
                "lines_are_in_order", f"line {row.sequence} was recorded before the one it follows"
            )
        yield from self._running(row)

    def close(self) -> Iterator[Breach]:
        """Compare what the lines make with what is kept."""
        yield from self._floor()
        if self._last.code is None:
            yield self._breach("line_has_an_account", "the account is not there")
        elif self._last.lane and not self._is_shared:
            yield self._breach("only_shared_accounts_have_lanes", "the account is a person's")
        for name in _KEPT:
            kept, made = _kept(self._last, name), getattr(self._counters, name)
            if kept != made:
                yield self._breach(
                    "balance_is_the_sum_of_its_lines", f"{name} is {kept}, the lines make {made}"
                )

    def _running(self, row: Row[Any]) -> Iterator[Breach]:
        made = (
            self._counters.sequence,
            self._counters.balance_minor(self._normal),
            self._counters.held_minor(self._normal),
        )
        written = row.sequence, row.balance_minor, row.held_minor
        # Once one line is off, so are all that follow; the first is the one to look at.
        if made != written and not self._is_off:
            self._is_off = True
            yield self._breach(
                "running_balance_fits",
                f"entry {row.entry_id}: line, balance and held are {written}, and should be {made}",
            )

    def _floor(self) -> Iterator[Breach]:
        # Between the lines of one entry it may be below.
        if self._is_floored and self._counters.is_below_floor(self._normal):
            yield self._breach("floor_holds", f"below zero after entry {self._last.entry_id}")

    def _breach(self, rule: str, detail: str) -> Breach:
        return Breach(rule, self._subject, detail)
