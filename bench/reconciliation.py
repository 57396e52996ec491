"""How fast a gateway's lines are reconciled, step by step, and how much memory that takes.

    .venv/bin/python -m bench.reconciliation --lines 90000     a third each of charges, transfers, arrivals
    .venv/bin/python -m bench.reconciliation --lines 1000000   the target: under three minutes, in flat memory

On MariaDB. The entries are posted before the measured time begins, and the pages are made as they are asked for: what
the network costs is the gateway's. One charge in a thousand is over another amount, and one transfer is not listed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.machine import cpu_seconds, this_machine
from bench.posting import mariadb, worker
from gateways.lines import BalanceLine, LineKind, LinesPage
from kernel.ids import encode, new_id
from kernel.money import Money
from ledger import movements
from ledger.posting import draft, post_many
from ledger.tables import seed_lanes
from persistence import clock, unit_of_work
from persistence.columns import Base
from persistence.engine import Database
from persistence.unit_of_work import atomically, reading
from reconciliation import breaks, reports, runs
from reconciliation.reading import Source, keep_page, page_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.posting import Store
    from ledger.journal import Draft

RESULTS = Path(__file__).parent / "results" / "reconciliation.json"
_PAGE = 100
_WORKERS = 100
_AT_ONCE = 300
_GATEWAY = "stripe"
_TARGET_SECONDS = 180
_PRICE, _FEE, _SHARE = Money(10_000, "USD"), Money(335, "USD"), Money(9_000, "USD")


def main() -> None:
    """Run it."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--lines", type=int, default=90_000)
    arguments.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.name}")
    asked = arguments.parse_args()
    machine = this_machine()
    with mariadb() as store:
        found = measure(store, asked.lines // 3)
    print(machine)
    show(found)
    if asked.write:
        RESULTS.write_text(json.dumps({"machine": str(machine), **found}, indent=2) + "\n")
        print(f"wrote {RESULTS}")


def measure(store: Store, count: int) -> dict[str, Any]:
    """Reconcile `count` charges, transfers and arrivals."""
    database = Database.connect(store.url)
    Base.metadata.create_all(database.engine)
    unit_of_work.bind(database)
    with database.engine.begin() as connection:
        seed_lanes(connection)
    numbers = range(0, count, _AT_ONCE)
    with click.progressbar(numbers, label="posting the entries", file=sys.stderr) as firsts:
        for first in firsts:
            those = range(first, min(count, first + _AT_ONCE))
            atomically(post_many, [entry for number in those for entry in entries(number)])
    run = _begin(reading(clock.now))
    steps: list[dict[str, Any]] = []
    _timed(steps, store, "reading", lambda: _read(run, count))
    _timed(steps, store, "spreading", lambda: _all(runs.spread, run))
    atomically(runs.both_known_until, run_id=run, at=reading(clock.now))
    _timed(steps, store, "collecting", lambda: _all(runs.collect, run))
    _timed(steps, store, "comparing", lambda: _all(runs.compare, run))
    _timed(steps, store, "reporting", lambda: _report(run))
    found = reading(breaks.breaks, after=None, limit=1_000_000, state="open")
    # The charge, the transfer, and on the worker's account what arrived and what should have.
    expected = 4 * -(-count // 1_000)
    assert len(found) == expected, f"{len(found)} breaks, {expected} were made"
    database.engine.dispose()
    seconds = sum(step["seconds"] for step in steps)
    return {
        "lines": 3 * count,
        "entries": 3 * count,
        "breaks": len(found),
        "seconds": round(seconds, 1),
        "lines_per_second": round(3 * count / seconds),
        "a_million_in_seconds": round(1_000_000 * seconds / (3 * count)),
        "steps": steps,
    }


def entries(number: int) -> Iterator[Draft]:
    """What the books have of one milestone: the charge, its fee, and what went on to the worker."""
    payment, transfer = _id("py", number), _id("tr", number)
    milestone = _id("ms", number)
    funded = movements.milestone_funded(_GATEWAY, milestone, price=_PRICE, client_fee=Money(0, "USD"))
    yield draft(funded, reference=milestone, key=f"{payment}:funded", actor=_GATEWAY)
    fee = movements.gateway_fee_charged(_GATEWAY, fee=_FEE)
    yield draft(fee, reference=milestone, key=f"{payment}:gateway_fee", actor=_GATEWAY)
    moved = movements.transferred_to_worker(_GATEWAY, _worker(number), amount=_SHARE, settled=False)
    yield draft(moved, reference=transfer, key=f"{transfer}:sent", actor=_GATEWAY)


def show(found: dict[str, Any]) -> None:
    """The table."""
    print(
        f"{'step':<11} {'seconds':>8} {'lines/s':>9} {'client CPU s':>13} {'server CPU s':>13} {'peak MiB':>9}"
    )
    for step in found["steps"]:
        rate = round(found["lines"] / max(step["seconds"], 0.001))
        print(
            f"{step['step']:<11} {step['seconds']:>8.1f} {rate:>9,} {step['client_cpu']:>13.1f}"
            f" {step['server_cpu']:>13.1f} {step['peak_mib']:>9}"
        )
    print(
        f"{found['lines']:,} lines in {found['seconds']:,} s; at this rate a million in"
        f" {found['a_million_in_seconds']:,} s (target {_TARGET_SECONDS} s)."
    )


def _begin(at: datetime) -> str:
    started = atomically(runs.start, run_id=new_id("rn"), gateway=_GATEWAY, day=None, at=at, by="bench")
    atomically(runs.note_balances, run_id=started.id, when="before", balances={})
    return started.id


def _read(run: str, count: int) -> None:
    pages = -(-2 * count // _PAGE) + _WORKERS
    with click.progressbar(length=pages, label="reading", file=sys.stderr) as bar:
        for source in [
            Source(_GATEWAY),
            *(Source(_GATEWAY, f"acct_{n}", worker(n)) for n in range(_WORKERS)),
        ]:
            while (wanted := atomically(page_wanted, run_id=run, source=source)) is not None:
                atomically(keep_page, intent=wanted, outcome=_page(source, wanted.after, count))
                bar.update(1)
    atomically(runs.all_read, run_id=run)


def _page(source: Source, after: str | None, count: int) -> LinesPage:
    if source.account:
        numbers = range(int(source.account.removeprefix("acct_")), count, _WORKERS)
        kinds: tuple[LineKind, ...] = (LineKind.ARRIVAL,)
    else:
        numbers, kinds = range(count), (LineKind.CHARGE, LineKind.TRANSFER)
    begin = int(after) if after else 0
    chosen = [(number, kind) for number in numbers[begin : begin + _PAGE // len(kinds)] for kind in kinds]
    lines = tuple(_line(number, kind) for number, kind in chosen if not _is_lost(number, kind))
    end = begin + _PAGE // len(kinds)
    return LinesPage(lines, str(end) if end < len(numbers) else None)


def _line(number: int, kind: LineKind) -> BalanceLine:
    gross, fee = {
        LineKind.CHARGE: (_PRICE.amount_minor + (number % 1_000 == 0), _FEE.amount_minor),
        LineKind.TRANSFER: (-_SHARE.amount_minor, 0),
        LineKind.ARRIVAL: (_SHARE.amount_minor, 0),
    }[kind]
    prefix = {LineKind.CHARGE: "py", LineKind.TRANSFER: "tr"}.get(kind)
    created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return BalanceLine(
        line_id=f"txn_{kind.value}_{number:09d}",
        kind=kind,
        type=kind.value,
        gross_minor=gross,
        fee_minor=fee,
        net_minor=gross - fee,
        currency="USD",
        created_at=created,
        available_on=created,
        source=f"{kind.value}_{number}",
        our_id=_id(prefix, number) if prefix else None,
        transfer=f"{LineKind.TRANSFER.value}_{number}" if kind is LineKind.ARRIVAL else None,
    )


def _is_lost(number: int, kind: LineKind) -> bool:
    return kind is LineKind.TRANSFER and number % 1_000 == 1


def _all(step: Callable[..., bool], run: str) -> None:
    while atomically(step, run_id=run):
        pass


def _report(run: str) -> None:
    found = reading(runs.run_of, run_id=run)
    assert found.known_at is not None
    about = {"gateway": _GATEWAY, "currency": "USD", "day": found.day, "at": found.known_at}
    atomically(reports.keep, run_id=run, **about)
    atomically(runs.finish, run_id=run)


def _timed(steps: list[dict[str, Any]], store: Store, name: str, act: Callable[[], object]) -> None:
    assert store.server_id is not None
    began, client, server = time.perf_counter(), time.process_time(), cpu_seconds(store.server_id)
    act()
    steps.append(
        {
            "step": name,
            "seconds": round(time.perf_counter() - began, 2),
            "client_cpu": round(time.process_time() - client, 1),
            "server_cpu": round(cpu_seconds(store.server_id) - server, 1),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    )


def _id(prefix: str, number: int) -> str:
    return encode(prefix, number.to_bytes(16, "big"))


def _worker(number: int) -> str:
    return worker(number % _WORKERS)


if __name__ == "__main__":
    main()
