"""How fast windows that close at the same moment are paid out: the relay and the workers, from the tables to the books.

    .venv/bin/python -m bench.sweep               10,000 milestones, one sweeper and two
    .venv/bin/python -m bench.sweep --write       and keep the figures

A sweeper is a relay and a worker as they run in production. All windows close at an instant a few seconds ahead, when
the sweepers are up and idle; the time runs from there until the last worker is paid. MariaDB waits for the disk at
every commit. Afterwards every milestone was released exactly once, with one entry and one event, and the books are
verified.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy import func, insert, select

from bench import released
from bench.machine import cpu_seconds, in_columns, keep, this_machine
from escrow import submissions
from escrow.tables import Contract, Milestone, Release, Submission
from identity.actors import Actor
from identity.permissions import Role
from identity.tables import User
from kernel.ids import new_id
from kernel.money import Money
from ledger import movements
from ledger.posting import draft, post_many
from ledger.tables import entries
from payments.tables import Payment
from persistence import clock
from persistence.tables import DueWork, OutboxEvent
from persistence.unit_of_work import atomically, reading
from tests import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from persistence.columns import Base
    from tests.servers import MariaDB

    Row = dict[str, Any]

RESULTS = Path(__file__).parent / "results" / "sweep.json"
TARGET_SECONDS = 15
_ROOT = Path(__file__).parent.parent
_WORKERS, _AT_ONCE = 1_000, 500
_PRICE = Money(100_00, "USD")
# Until the windows close: the sweepers have to be up by then, and what is due has to be written.
_AHEAD_SECONDS = 12


def prepare(prepared: released.Prepared, count: int) -> datetime:
    """So many milestones as funding and handing in leave them, of which all windows close at the instant returned."""
    milestone_id = prepared.milestones[0]
    worker_id: str = reading(_worker_of, milestone_id)
    worker = Actor(worker_id, frozenset({Role.WORKER}))
    atomically(
        submissions.submit_work,
        milestone_id=milestone_id,
        submission_id=new_id("sb"),
        note="Done.",
        by=worker,
    )
    pattern = reading(_pattern, milestone_id)
    workers = atomically(_people, worker_id)
    with click.progressbar(range(0, count, _AT_ONCE), label=f"{count:,} milestones", file=sys.stderr) as bar:
        due = [
            work
            for first in bar
            for work in atomically(_milestones, pattern, workers, min(_AT_ONCE, count - first))
        ]
    deadline = reading(clock.now) + timedelta(seconds=_AHEAD_SECONDS)
    for first in range(0, count, _AT_ONCE):
        atomically(_close, due[first : first + _AT_ONCE], deadline)
    return deadline


def _worker_of(session: Session, milestone_id: str) -> str:
    return session.get_one(Contract, session.get_one(Milestone, milestone_id).contract_id).worker_id


def _row(of: Base) -> Row:
    return {column.key: getattr(of, column.key) for column in of.__mapper__.column_attrs}


def _pattern(session: Session, milestone_id: str) -> dict[type[Base], Row]:
    milestone = session.get_one(Milestone, milestone_id)
    rows = (
        milestone,
        session.get_one(Contract, milestone.contract_id),
        session.get_one(Submission, milestone.submission_id),
        session.scalars(select(Payment).where(Payment.live_for == milestone_id)).one(),
        session.scalars(select(DueWork).where(DueWork.subject == milestone.submission_id)).one(),
    )
    return {type(row): _row(row) for row in rows}


def _people(session: Session, like: str) -> list[str]:
    row = _row(session.get_one(User, like))
    rows = [
        row | {"id": new_id("us"), "email": f"{number}@example.org", "email_key": f"{number}@example.org"}
        for number in range(_WORKERS)
    ]
    session.execute(insert(User), rows)
    return [person["id"] for person in rows]


def _milestones(
    session: Session, pattern: dict[type[Base], Row], workers: list[str], count: int
) -> list[tuple[str, Row]]:
    rows: dict[type[Base], list[Row]] = {model: [] for model in pattern}
    drafts, fee = [], Money(_PRICE.amount_minor // 20, "USD")
    for number in range(count):
        contract, milestone, submission, payment = (new_id(kind) for kind in ("ct", "ms", "sb", "py"))
        money = {"price_minor": _PRICE.amount_minor, "client_fee_minor": fee.amount_minor}
        changed: dict[type[Base], Row] = {
            Contract: {"id": contract, "worker_id": workers[number % len(workers)]},
            Milestone: {"id": milestone, "contract_id": contract, "submission_id": submission, **money},
            Submission: {"id": submission, "milestone_id": milestone},
            Payment: {
                "id": payment, "milestone_id": milestone, "live_for": milestone, "gateway_id": f"pi_{payment}", **money
            },
            DueWork: {"id": new_id("du"), "subject": submission, "dedup_key": f"release_by_time:{submission}"},
        }  # fmt: skip
        for model, columns in changed.items():
            rows[model].append(pattern[model] | columns)
        funded = movements.milestone_funded("stripe", milestone, price=_PRICE, client_fee=fee)
        drafts.append(draft(funded, reference=milestone, actor="bench", key=f"payment:{payment}"))
    post_many(session, drafts)
    due = rows.pop(DueWork)
    for model, made in rows.items():
        session.execute(insert(model), made)
    return [(row["subject"], row) for row in due]


def _close(session: Session, due: list[tuple[str, Row]], deadline: datetime) -> None:
    ids = [submission_id for submission_id, _ in due]
    session.query(Submission).where(Submission.id.in_(ids)).update({"deadline_at": deadline})
    session.query(Milestone).where(Milestone.submission_id.in_(ids)).update({"deadline_at": deadline})
    session.execute(insert(DueWork), [row | {"due_at": deadline} for _, row in due])


@contextmanager
def sweepers(count: int, environment: dict[str, str]) -> Iterator[list[int]]:
    """So many relays and workers; their processes."""
    with ExitStack() as running:
        processes = []
        for command in ["relay", "work"] * count:
            process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "jobs", command],
                cwd=_ROOT,
                env=os.environ | environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            running.callback(process.wait)
            running.callback(process.terminate)
            processes.append(process.pid)
        yield processes


def measure(server: MariaDB, redis_url: str, count: int, number: int) -> dict[str, Any]:
    """So many milestones by so many sweepers."""
    server.execute("DROP DATABASE IF EXISTS bench")
    with TemporaryDirectory() as directory:
        prepared = released.prepare(server, Path(directory))
        database_id = int((server.socket.parent / "pid").read_text())
        deadline = prepare(prepared, count)
        environment = prepared.environment | {"REDIS_URL": redis_url}
        with sweepers(number, environment) as processes:
            time.sleep(max(0.0, (deadline - reading(clock.now)).total_seconds()))
            before = _cpu(processes), cpu_seconds(database_id)
            seconds = _until_all_are_paid(count, deadline, f"{number} sweeping")
            after = _cpu(processes), cpu_seconds(database_id)
        reading(_exactly_once, count)
        released.verify()
    return {
        "sweepers": number,
        "milestones": count,
        "seconds": round(seconds, 1),
        "milestones_per_second": round(count / seconds),
        "sweepers_cpu_ms": round((after[0] - before[0]) / count * 1000, 2),
        "database_cpu_ms": round((after[1] - before[1]) / count * 1000, 2),
    }


def _cpu(processes: list[int]) -> float:
    return sum(cpu_seconds(process) for process in processes)


def _until_all_are_paid(count: int, deadline: datetime, label: str) -> float:
    with click.progressbar(length=count, label=label, file=sys.stderr) as bar:
        while (paid := reading(_count(Release))) < count:
            bar.update(paid - bar.pos)
            time.sleep(0.25)
        bar.update(count - bar.pos)
    last: datetime = reading(lambda session: session.scalar(select(func.max(Release.released_at))))
    return (last - deadline).total_seconds()


def _count(of: type[Base]) -> Callable[[Session], int]:
    return lambda session: session.scalar(select(func.count()).select_from(of)) or 0


def _exactly_once(session: Session, count: int) -> None:
    state = select(func.count()).where(Milestone.state == "released")
    counted = {
        "milestones": session.scalar(state),
        "releases": session.scalar(select(func.count(Release.milestone_id.distinct()))),
        "entries": session.scalar(select(func.count()).where(entries.c.movement == "milestone_released")),
        "events": session.scalar(select(func.count()).where(OutboxEvent.name == "milestone.released")),
    }
    assert set(counted.values()) == {count}, counted


def table(rows: list[dict[str, Any]]) -> str:
    """What a person reads."""
    lines = [("sweepers", "milestones", "seconds", "target", "a second", "sweepers ms", "database ms")]
    lines += [
        (
            str(row["sweepers"]), f"{row['milestones']:,}", f"{row['seconds']:.1f}", str(TARGET_SECONDS),
            f"{row['milestones_per_second']:,}", f"{row['sweepers_cpu_ms']:.2f}", f"{row['database_cpu_ms']:.2f}",
        )
        for row in rows
    ]  # fmt: skip
    return in_columns(lines)


def main() -> None:
    """Run it."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--milestones", type=int, default=10_000)
    arguments.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.name}")
    asked = arguments.parse_args()
    machine = this_machine()
    with servers.mariadb(durable=True) as server, servers.redis() as redis:
        rows = [measure(server, redis.url, asked.milestones, number) for number in (1, 2)]
    print(machine)
    print(table(rows))
    if asked.write:
        keep(RESULTS, machine, figures=rows)


if __name__ == "__main__":
    main()
