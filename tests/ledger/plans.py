"""How MariaDB answers the questions that are asked all the time: which index each of them goes by.

.venv/bin/python -m tests.ledger.plans     writes docs/queries.md anew, on a private MariaDB
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import event

from kernel.money import Money
from kernel.time import no_offset
from ledger import chart, movements
from ledger.account_tree import accounts_found
from ledger.balances import balance, balance_as_of
from ledger.finding import EntriesAsked, entries_found
from ledger.posting import draft, hold, post, post_hold, post_many, reverse
from ledger.statements import entries_about, find_entry, statement
from persistence import due, outbox, unit_of_work
from persistence.engine import Database
from persistence.unit_of_work import atomically, reading
from tests import servers
from tests.schema import MariaDBSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCUMENT = Path(__file__).parents[2] / "docs" / "queries.md"
_WORKERS = [f"us_{number:026d}" for number in range(400)]
_ENTRIES, _AT_ONCE = 6_000, 500
_CENT = Money(100, "USD")
_LATER = datetime(2100, 1, 1, tzinfo=UTC)

# What is looked for is looked for in so many entries at a time.
_STRETCH = 1_000

# Every row, or every row of an index, is read.
SCANS = {"ALL", "index"}

_HEAD = """# How the hot questions are answered

Which index MariaDB goes by for every statement of the acts that happen all the time, on books of some thousand
entries. A test asks again and fails when one of them reads a table from end to end; `python -m tests.ledger.plans`
writes this page. The lanes are 64 rows, of which the first free one is taken.
"""


class Step(NamedTuple):
    """One table in the answer to one statement: how it is read (`type` in EXPLAIN) and by which index."""

    act: str
    statement: str
    table: str
    read: str
    key: str


def fill() -> None:
    """Books in which an index is worth going by."""
    for first in range(0, _ENTRIES, _AT_ONCE):
        atomically(post_many, [_tip(number) for number in range(first, first + _AT_ONCE)])
    atomically(_work)


def _tip(number: int):
    worker = _WORKERS[number % len(_WORKERS)]
    entry = movements.tip_paid("stripe", worker, amount=_CENT)
    return draft(entry, reference=worker, actor="bench", key=f"tip:{number}")


def _work(session) -> None:
    for number in range(2_000):
        due.schedule(session, kind="nothing", subject=f"{number}", due_at=_LATER, key=f"nothing:{number}")


def acts() -> dict[str, Callable[[], object]]:
    """What happens all the time, by name."""
    worker, gateway = _WORKERS[7], chart.gateway_pending("stripe", "USD")
    wallet, then = chart.wallet(worker, "USD"), datetime.now(UTC)
    told = {"reference": worker, "actor": "bench"}
    tip = movements.tip_paid("stripe", worker, amount=_CENT)
    first = atomically(post, tip, key="first", **told)
    held = atomically(hold, movements.payout_reserved(worker, amount=_CENT), key="held", **told)
    older = reading(statement, wallet, limit=5).next_after
    return {
        "Post one entry": lambda: atomically(post, tip, key="second", **told),
        "Post it again under the same key": lambda: atomically(post, tip, key="second", **told),
        "Post a batch": lambda: atomically(post_many, [_tip(number) for number in range(_ENTRIES, _ENTRIES + 40)]),
        "Post a batch again": lambda: atomically(post_many, [_tip(number) for number in range(40)]),
        "Carry out a hold": lambda: atomically(post_hold, held.id, "payout_sent", key="sent", **told),
        "Reverse an entry": lambda: atomically(reverse, first.id, key="taken", actor="bench", reason="Wrong"),
        "The balance of a wallet": lambda: reading(balance, wallet),
        "The balance of a shared account": lambda: reading(balance, gateway),
        "A wallet at a past instant": lambda: reading(balance_as_of, wallet, then),
        "A shared account at a past instant": lambda: reading(balance_as_of, gateway, then),
        "A page of a statement": lambda: reading(statement, wallet, limit=5),
        "The next page": lambda: reading(statement, wallet, limit=5, after=older),
        "A page of a shared account": lambda: reading(statement, gateway, limit=5),
        "One entry": lambda: reading(find_entry, first.id),
        "The entries about something": lambda: reading(entries_about, [worker]),
        "Tell what is untold": lambda: atomically(outbox.fan_out, {}),
        "Lease what is due": lambda: atomically(due.lease, limit=10),
    } | finance(worker, then)  # fmt: skip


def finance(worker: str, then: datetime) -> dict[str, Callable[[], object]]:
    """What finance looks for, by name; of books of any size a page is read."""
    wallet, gateway = chart.wallet(worker, "USD"), chart.gateway_pending("stripe", "USD")
    day = then.date()
    looked_for = {
        "The newest entries": EntriesAsked(),
        "Entries by kind of movement": EntriesAsked(movement="tip_paid"),
        "Entries about a reference": EntriesAsked(reference=worker),
        "Entries of a wallet": EntriesAsked(account=wallet),
        "Entries of a shared account": EntriesAsked(account=gateway),
        "Entries of an amount": EntriesAsked(least=_CENT, most=_CENT),
        "Entries until an instant": EntriesAsked(recorded_until=then),
        "Entries of a day": EntriesAsked(value_from=day, value_to=day),
    }
    return {
        **{name: partial(reading, entries_found, asked, limit=5) for name, asked in looked_for.items()},
        "Accounts by the beginning of their code": lambda: reading(
            accounts_found, under=wallet.code, limit=5
        ),
        "Accounts by a part of their code": lambda: reading(accounts_found, text=worker, limit=5),
    }


def steps() -> Iterator[Step]:
    """Do everything that happens all the time, and ask how each statement was answered."""
    for name, act in acts().items():
        with _listening() as heard:
            act()
        for statement_, parameters in heard:
            yield from explained(name, statement_, parameters)


@contextmanager
def _listening() -> Iterator[list[tuple[str, object]]]:
    engine, heard = unit_of_work.database().engine, []

    def hear(_connection, _cursor, statement_, parameters, _context, _many) -> None:
        if re.match(r"SELECT\s.*\sFROM\s", statement_, re.DOTALL):
            heard.append((statement_, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    yield heard
    event.remove(engine, "before_cursor_execute", hear)


def explained(act: str, statement_: str, parameters: object = None) -> Iterator[Step]:
    asked = re.sub(r"FOR UPDATE( SKIP LOCKED)?$", "", statement_.strip())
    with unit_of_work.database().engine.connect() as connection, connection.connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked}", parameters or None)
        for row in cursor.fetchall():
            _, _, table, read, _, key, _, _, rows, _ = row
            if table is not None and not table.startswith("<"):
                from_its_end = read == "index" and int(rows) <= _STRETCH
                yield Step(
                    act, _short(asked), table, "index, from its end" if from_its_end else read, key or ""
                )


def _short(statement_: str) -> str:
    tables = re.findall(r"(?:FROM|JOIN)\s+(\w+)", statement_)
    return ", ".join(dict.fromkeys(tables))


def as_markdown(found: list[Step]) -> str:
    """The page, a line for every different step."""
    lines = [f"| {step.act} | {step.statement} | {step.table} | {step.read} | {step.key} |" for step in found]
    head = "| what | asks | reads | how | by |\n|---|---|---|---|---|\n"
    return f"{_HEAD}\n{head}{chr(10).join(dict.fromkeys(lines))}\n"


def main() -> None:
    """Write the page."""
    with servers.mariadb() as server:
        schema = MariaDBSchema(server)
        unit_of_work.bind(Database.connect(schema.url(), offset=no_offset))
        fill()
        DOCUMENT.write_text(as_markdown(list(steps())))
        schema.close()


if __name__ == "__main__":
    main()
