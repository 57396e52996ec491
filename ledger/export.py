"""The whole journal in the languages of other people's tools: hledger, beancount, and rows for a spreadsheet.

Every entry that moved money is written, and at the end the balance of every account is asserted, so that the other
tool checks our sums by itself. What is only held back has not moved: it is named in comments, and is in the rows with
its phase.
"""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from kernel.money import EXPONENTS, Money
from kernel.time import rfc3339
from ledger import journal
from ledger.chart import Side
from ledger.entries import Phase
from ledger.tables import accounts, balances, entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from ledger.entries import Posting
    from ledger.journal import PostedEntry

    # Told how many entries were written so far, and how many there are.
    Progress = Callable[[int, int], None]

_BATCH = 1_000

# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_COLUMNS = (
    "entry",
    "movement",
    "phase",
    "reference",
    "actor",
    "approved_by",
    "reason",
    "value_date",
    "belongs_to",
    "recorded_at",
    "resolves",
    "reverses",
    "line",
    "account",
    "side",
    "amount",
    "currency",
)


class _Closing(NamedTuple):
    """What is in an account at the end; debits count up."""

    code: str
    balance: Money


def export(session: Session, form: str, progress: Progress | None = None) -> Iterator[str]:
    """The journal as `hledger`, `beancount` or `csv`, piece by piece; concatenated they are the file."""
    return FORMS[form](session.connection(), progress)


def beancount_name(code: str) -> str:
    """The account's name where every part begins with a capital and an underscore is not allowed."""
    name = ":".join(part[:1].upper() + part[1:].replace("_", "-") for part in code.split(":"))
    assert code_of(name) == code, f"{code} would not come back from beancount"
    return name


def code_of(name: str) -> str:
    """The code of the account that has this name in beancount."""
    # The names of states are capitals throughout; all our other parts begin small.
    parts = (part if part.isupper() else part[:1].lower() + part[1:] for part in name.split(":"))
    return ":".join(part.replace("-", "_") for part in parts)


def _hledger(connection: Connection, progress: Progress | None) -> Iterator[str]:
    closing = _closing(connection)
    for currency in sorted({end.balance.currency for end in closing}):
        yield f"commodity 1000.{'0' * EXPONENTS[currency]} {currency}\n"
    for code in sorted({end.code for end in closing}):
        yield f"account {code}\n"
    for entry in _all(connection, progress):
        if not entry.phase.posted:
            continue
        yield f"\n{entry.value_date} * {entry.movement}  ; entry:{entry.id}, reference:{entry.reference}\n"
        yield f"    ; actor:{entry.actor}, recorded:{rfc3339(entry.recorded_at)}\n"
        if entry.belongs_to is not None:
            yield f"    ; belongs_to:{entry.belongs_to}\n"
        if entry.reason:
            yield f"    ; {_one_line(entry.reason)}\n"
        for line in entry.postings:
            yield f"    {line.account.code}  {_signed(line)}\n"
    yield from _held(connection)
    if closing:
        # On the last day, so that nothing comes after it.
        yield f"\n{_days(connection)[1]} * balances\n"
        for end in closing:
            yield f"    {end.code}  0 {end.balance.currency} = {end.balance}\n"


def _beancount(connection: Connection, progress: Progress | None) -> Iterator[str]:
    closing = _closing(connection)
    if not closing:
        return
    first, last = _days(connection)
    for currency in sorted({end.balance.currency for end in closing}):
        yield f'option "operating_currency" "{currency}"\n'
    for code in sorted({end.code for end in closing}):
        yield f"{first} open {beancount_name(code)}\n"
    for entry in _all(connection, progress):
        if not entry.phase.posted:
            continue
        yield f"\n{entry.value_date} * {_quoted(entry.movement)} {_quoted(entry.reason or '')}\n"
        yield f"  entry: {_quoted(entry.id)}\n  reference: {_quoted(entry.reference)}\n"
        yield f"  actor: {_quoted(entry.actor)}\n  recorded: {_quoted(rfc3339(entry.recorded_at))}\n"
        if entry.belongs_to is not None:
            yield f"  belongs-to: {entry.belongs_to}\n"
        for line in entry.postings:
            yield f"  {beancount_name(line.account.code)}  {_signed(line)}\n"
    yield from _held(connection)
    # A balance is that of the morning.
    for end in closing:
        yield f"{last + timedelta(days=1)} balance {beancount_name(end.code)}  {end.balance}\n"


def _csv(connection: Connection, progress: Progress | None) -> Iterator[str]:
    yield _row(_COLUMNS)
    for entry in _all(connection, progress):
        for number, line in enumerate(entry.postings):
            yield _row(_cells(entry, number, line))


FORMS = {"hledger": _hledger, "beancount": _beancount, "csv": _csv}


def _all(connection: Connection, progress: Progress | None) -> Iterator[PostedEntry]:
    total = connection.execute(select(func.count()).select_from(entries)).scalar_one()
    done = 0
    for ids in journal.id_batches(connection, _BATCH):
        yield from journal.entries_where(connection, entries.c.id.in_(ids))
        done += len(ids)
        if progress is not None:
            progress(done, total)


def _days(connection: Connection) -> tuple[date, date]:
    first, last = connection.execute(
        select(func.min(entries.c.value_date), func.max(entries.c.value_date))
    ).one()
    return first, last


def _closing(connection: Connection) -> list[_Closing]:
    net = func.sum(balances.c.debits_posted - balances.c.credits_posted)
    rows = connection.execute(
        select(accounts.c.code, accounts.c.currency, net)
        .join(balances, balances.c.account_id == accounts.c.id)
        .group_by(accounts.c.code, accounts.c.currency)
        .order_by(accounts.c.code, accounts.c.currency)
    )
    return [_Closing(code, Money(int(minor), currency)) for code, currency, minor in rows]


def _held(connection: Connection) -> Iterator[str]:
    resolving = entries.alias()
    unresolved = ~select(resolving.c.id).where(resolving.c.resolves_id == entries.c.id).exists()
    for entry in journal.entries_where(connection, entries.c.phase == Phase.PENDING.value, unresolved):
        for line in entry.postings:
            yield f"; held back by {entry.id} ({entry.movement}): {line.account.code}  {_signed(line)}\n"


def _signed(line: Posting) -> Money:
    return line.amount if line.side is Side.DEBIT else -line.amount


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _cells(entry: PostedEntry, number: int, line: Posting) -> tuple[str, ...]:
    return (
        entry.id,
        entry.movement,
        entry.phase.value,
        harmless(entry.reference),
        harmless(entry.actor),
        harmless(entry.approved_by or ""),
        harmless(entry.reason or ""),
        entry.value_date.isoformat(),
        entry.belongs_to.isoformat() if entry.belongs_to else "",
        rfc3339(entry.recorded_at),
        entry.resolves or "",
        entry.reverses or "",
        str(number),
        line.account.code,
        line.side.value,
        line.amount.decimal,
        line.amount.currency,
    )


def harmless(cell: str) -> str:
    """The text so that a spreadsheet does not take it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _row(cells: tuple[str, ...]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
