"""How fast one posting at a time is, beside the least one could write by hand.

    .venv/bin/python -m bench.posting                      the whole table, about ten minutes
    .venv/bin/python -m bench.posting --seconds 1 --rounds 1 --database sqlite

Every caller is a process with one connection, as the workers of a web server are. Ours and the yardstick take turns, so
that whatever else the machine does meets both. `uniform` moves a cent between two of 10,000 accounts of people, `hot`
between the gateway's account, which is everybody's, and one of 10,000.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import statistics
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
import pymysql

from bench.machine import cpu_seconds, in_columns, keep, this_machine
from bench.yardstick import TABLES, OnMariaDB, OnSQLite
from kernel.money import Money
from ledger import chart, movements, tables
from ledger.entries import credit, debit
from ledger.integrity import verify
from ledger.posting import post
from persistence import unit_of_work
from persistence.columns import Base
from persistence.engine import Database
from persistence.unit_of_work import atomically, examining
from tests import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from click._termui_impl import ProgressBar
    from sqlalchemy.orm import Session

    from bench.machine import Machine
    from ledger.chart import Account

CONNECTIONS = (1, 8, 32)
WORKLOADS = ("uniform", "hot")
ACCOUNTS = 10_000
RESULTS = Path(__file__).parent / "results" / "posting.json"

_CENT = Money(1, "USD")
_PLENTY = Money(10**9, "USD")
_AT_ONCE = 250
_NAME = "bench"


@dataclass(frozen=True)
class Store:
    """A database with both sets of tables in it."""

    kind: str
    url: str
    place: str
    server_id: int | None

    def yardstick(self) -> OnMariaDB | OnSQLite:
        """The hand-written transaction on it."""
        return OnSQLite(self.place) if self.kind == "sqlite" else OnMariaDB(self.place, _NAME)


@dataclass(frozen=True)
class Turn:
    """What all callers together did in one turn."""

    entries: int
    seconds: float
    client_cpu: float
    server_cpu: float
    lock_seconds: float
    latencies_ms: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Entries a second."""
        return self.entries / self.seconds


@contextmanager
def mariadb() -> Iterator[Store]:
    """A private MariaDB that waits for the disk at every commit."""
    with servers.mariadb(durable=True) as server:
        server.execute(
            f"CREATE DATABASE {_NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "SET GLOBAL innodb_buffer_pool_size = 1073741824",
            "SET GLOBAL innodb_log_file_size = 1073741824",
        )
        process_id = int((server.socket.parent / "pid").read_text())
        yield Store("mariadb", server.url(_NAME), str(server.socket), process_id)


@contextmanager
def sqlite() -> Iterator[Store]:
    """A file in WAL mode that waits for the disk at every commit."""
    with TemporaryDirectory(dir="/tmp") as directory:
        file = f"{directory}/bench.sqlite3"
        yield Store("sqlite", f"sqlite:///{file}", file, None)


STORES: dict[str, Callable[[], Any]] = {"mariadb": mariadb, "sqlite": sqlite}


def milestone(number: int) -> str:
    """A milestone's id."""
    return f"ms_{number:026d}"


def worker(number: int) -> str:
    """A worker's id."""
    return f"us_{number:026d}"


def prepare(store: Store) -> None:
    """Open all accounts with enough in them."""
    database = Database.connect(store.url)
    Base.metadata.create_all(
        database.engine,
        tables=[table for table in Base.metadata.sorted_tables if table.name.startswith("ledger_")],
    )
    unit_of_work.bind(database)
    with database.engine.begin() as connection:
        for statement in TABLES:
            connection.exec_driver_sql(statement)
        rows = ",".join(f"({account}, 0, 1000000000)" for account in range(ACCOUNTS + 1))
        connection.exec_driver_sql(f"INSERT INTO raw_balances VALUES {rows}")  # noqa: S608
    half = ACCOUNTS // 2
    people = [chart.escrow(milestone(number), "USD") for number in range(half)]
    people += [chart.wallet(worker(number), "USD") for number in range(ACCOUNTS)]
    firsts = range(0, len(people), _AT_ONCE)
    with click.progressbar(firsts, label=f"{store.kind}: opening accounts", file=sys.stderr) as batches:
        for first in batches:
            atomically(_open, people[first : first + _AT_ONCE], key=f"open:{first}")
    database.engine.dispose()


def _open(session: Session, people: list[Account], *, key: str) -> None:
    given = debit(chart.goodwill("USD"), Money(_PLENTY.amount_minor * len(people), "USD"))
    entry = movements.adjustment(given, *(credit(account, _PLENTY) for account in people), approved_by="us_2")
    post(session, entry, key=key, reference="opening", actor="us_1", reason="What the benchmark begins with")


def caller(store: Store, pipe: Connection, seed: int) -> None:
    """One process with one connection; does what it is told until it is told nothing more."""
    chance = random.Random(seed)
    unit_of_work.bind(Database.connect(store.url, pool_size=1))
    acts = {"ours": _ours(chance, seed), "yardstick": _by_hand(store.yardstick(), chance, seed)}
    for who, workload, seconds in iter(pipe.recv, None):
        act = acts[who][workload]
        act()
        pipe.send(None)
        pipe.recv()
        latencies, before = [], time.process_time()
        began = previous = time.perf_counter()
        while previous - began < seconds:
            act()
            done = time.perf_counter()
            latencies.append((done - previous) * 1000)
            previous = done
        pipe.send((latencies, previous - began, time.process_time() - before))


def _ours(chance: random.Random, seed: int) -> dict[str, Callable[[], Any]]:
    half, count = ACCOUNTS // 2, iter(range(10**9))

    def uniform() -> None:
        source, target = chance.randrange(half), chance.randrange(half)
        entry = movements.milestone_released(
            milestone(source), worker(target), gross=_CENT, worker_fee=Money(0, "USD")
        )
        atomically(
            post, entry, key=f"{os.getpid()}:{seed}:{next(count)}", reference=milestone(source), actor="bench"
        )

    def hot() -> None:
        target = chance.randrange(ACCOUNTS)
        entry = movements.tip_paid("stripe", worker(target), amount=_CENT)
        atomically(
            post, entry, key=f"{os.getpid()}:{seed}:{next(count)}", reference=worker(target), actor="bench"
        )

    return {"uniform": uniform, "hot": hot}


def _by_hand(poster: OnMariaDB | OnSQLite, chance: random.Random, seed: int) -> dict[str, Callable[[], Any]]:
    count = iter(range(10**9))

    def uniform() -> None:
        source, target = chance.sample(range(1, ACCOUNTS + 1), 2)
        poster.post(source, target, f"{os.getpid()}:{seed}:{next(count)}")

    def hot() -> None:
        poster.post(0, chance.randrange(1, ACCOUNTS + 1), f"{os.getpid()}:{seed}:{next(count)}")

    return {"uniform": uniform, "hot": hot}


def take_turn(store: Store, pipes: list[Connection], who: str, workload: str, seconds: float) -> Turn:
    """Let all callers post at once for a while."""
    for pipe in pipes:
        pipe.send((who, workload, seconds))
    for pipe in pipes:
        pipe.recv()
    server, locks = _server(store)
    began = time.perf_counter()
    for pipe in pipes:
        pipe.send(None)
    told = [pipe.recv() for pipe in pipes]
    wall = time.perf_counter() - began
    server_after, locks_after = _server(store)
    latencies = sorted(latency for latencies, _, _ in told for latency in latencies)
    return Turn(
        entries=len(latencies),
        seconds=wall,
        client_cpu=sum(cpu for _, _, cpu in told),
        server_cpu=server_after - server,
        lock_seconds=locks_after - locks,
        latencies_ms=tuple(latencies),
    )


def _server(store: Store) -> tuple[float, float]:
    if store.server_id is None:
        return 0.0, 0.0
    with pymysql.connect(unix_socket=store.place, user="root") as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_time'")
        milliseconds = int(cursor.fetchone()[1])
    return cpu_seconds(store.server_id), milliseconds / 1000


@contextmanager
def callers(store: Store, connections: int) -> Iterator[list[Connection]]:
    """So many processes, each with a pipe to tell it what to do."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(connections)]
    processes = [
        context.Process(target=caller, args=(store, theirs, seed), daemon=True)
        for seed, (_, theirs) in enumerate(pairs)
    ]
    for process in processes:
        process.start()
    yield [ours for ours, _ in pairs]
    for ours, _ in pairs:
        ours.send(None)
    for process in processes:
        process.join()


def summary(turns: list[Turn], connections: int, cores: int, fsync_ms: float) -> dict[str, Any]:
    """The figures of one cell of the table."""
    latencies = sorted(latency for turn in turns for latency in turn.latencies_ms)
    seconds, entries = sum(turn.seconds for turn in turns), sum(turn.entries for turn in turns)
    client, server = sum(turn.client_cpu for turn in turns), sum(turn.server_cpu for turn in turns)
    waits = {
        "client CPU": client / seconds,
        "server CPU": server / seconds,
        "lock": sum(turn.lock_seconds for turn in turns) / seconds / connections,
        # Commits that come together share one.
        "fsync": entries / seconds * fsync_ms / 1000,
    }
    return {
        "entries_per_second": round(statistics.median(turn.rate for turn in turns)),
        "p50_ms": round(statistics.median(latencies), 2),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)], 2),
        "client_cpu_ms_per_entry": round(client / entries * 1000, 3),
        "server_cpu_ms_per_entry": round(server / entries * 1000, 3),
        "cores_used": round((client + server) / seconds, 2),
        "lock_wait_share": round(waits["lock"], 2),
        "bound": bound(waits, cores),
    }


def bound(waits: dict[str, float], cores: int) -> str:
    """What to lessen to go faster: the processors if they are busy, else what the callers wait for."""
    processors = max("client CPU", "server CPU", key=lambda name: waits[name])
    if waits["client CPU"] + waits["server CPU"] > 0.85 * cores:
        return processors
    return max(waits, key=lambda name: min(waits[name], 1.0))


def measure(
    store: Store, connections: int, asked: argparse.Namespace, bar: ProgressBar[int], machine: Machine
) -> list[dict[str, Any]]:
    """Both workloads at so many connections, ours and the yardstick in turns."""
    turns: dict[tuple[str, str], list[Turn]] = {
        (workload, who): [] for workload in WORKLOADS for who in ("ours", "yardstick")
    }
    with callers(store, connections) as pipes:
        for number in range(asked.rounds):
            # Who begins changes, so that neither always meets the other's leftovers.
            for workload, who in sorted(turns, reverse=number % 2 == 1):
                bar.label = f"{store.kind} x{connections} {workload} {who}"
                turns[workload, who].append(take_turn(store, pipes, who, workload, asked.seconds))
                bar.update(1)
    return [
        {
            "database": store.kind,
            "connections": connections,
            "workload": workload,
            **{
                who: summary(turns[workload, who], connections, machine.cores, machine.fsync_ms)
                for who in ("ours", "yardstick")
            },
        }
        for workload in WORKLOADS
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """What a person reads."""
    heads = (
        "database",
        "callers",
        "workload",
        "ours/s",
        "by hand/s",
        "ratio",
        "p50 ms",
        "p99 ms",
        "client ms",
        "server ms",
        "bound (ours)",
        "bound (by hand)",
    )
    lines = [heads]
    for row in rows:
        ours, hand = row["ours"], row["yardstick"]
        lines.append(
            (
                row["database"], str(row["connections"]), row["workload"], f"{ours['entries_per_second']:,}",
                f"{hand['entries_per_second']:,}", f"{ours['entries_per_second'] / hand['entries_per_second']:.2f}",
                f"{ours['p50_ms']:.2f}", f"{ours['p99_ms']:.2f}", f"{ours['client_cpu_ms_per_entry']:.2f}",
                f"{ours['server_cpu_ms_per_entry']:.2f}", ours["bound"], hand["bound"],
            )
        )  # fmt: skip
    return in_columns(lines)


def main() -> None:
    """Run it."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--seconds", type=float, default=5.0, help="of each turn")
    arguments.add_argument("--rounds", type=int, default=5, help="turns of each")
    arguments.add_argument("--database", choices=sorted(STORES), action="append")
    arguments.add_argument("--connections", type=int, action="append")
    arguments.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.name}")
    asked = arguments.parse_args()
    kinds, numbers = asked.database or list(STORES), asked.connections or list(CONNECTIONS)
    machine, rows = this_machine(), []
    turns = len(kinds) * len(numbers) * asked.rounds * 4
    with click.progressbar(length=turns, label="taking turns", file=sys.stderr) as bar:
        for kind in kinds:
            with STORES[kind]() as store:
                prepare(store)
                for connections in numbers:
                    rows += measure(store, connections, asked, bar, machine)
                bar.label = f"{kind}: verifying the books"
                unit_of_work.bind(Database.connect(store.url))
                assert examining(verify) == [], "what was measured is right"
    print(machine)
    print(table(rows))
    if asked.write:
        keep(RESULTS, machine, figures=rows)


if __name__ == "__main__":
    assert tables.entries.name, "the tables are declared"
    main()
