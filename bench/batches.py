"""How fast many entries are at once: in batches, and from many callers whose commits are combined.

    .venv/bin/python -m bench.batches                  batches of 100 and 1,000 from 1 and 4 writers; 32 combined
    .venv/bin/python -m bench.batches --load 1000000   so many entries in batches of 1,000, with the memory it takes

On MariaDB, which waits for the disk at every commit. Beside each figure stands the same written by hand against the
driver, with the same guarantees and no more, in the same run and in turns. What is posted is made before the measured
time begins.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.machine import cpu_seconds, in_columns, keep, this_machine
from bench.posting import ACCOUNTS, Store, mariadb, milestone, prepare, worker
from bench.yardstick import OnMariaDB
from kernel.ids import new_id
from kernel.money import Money
from ledger import movements
from ledger.integrity import verify
from ledger.posting import draft, post_many
from ledger.together import post_together
from persistence import unit_of_work
from persistence.engine import Database
from persistence.unit_of_work import atomically, examining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from ledger.journal import Draft

    # Says how many entries it has posted.
    Act = Callable[[], int]

RESULTS = Path(__file__).parent / "results" / "batches.json"
_CENT, _NOTHING = Money(1, "USD"), Money(0, "USD")
_BATCH = 1_000


@dataclass(frozen=True)
class Case:
    """What is measured: `size` entries a batch from so many `writers`; without a size, 32 callers combined."""

    size: int
    writers: int
    workload: str
    target: int | None

    @property
    def name(self) -> str:
        """How the table calls it."""
        return f"batches of {self.size:,}" if self.size else "one entry each, combined"


CASES = [
    *(
        Case(size, writers, workload, target)
        for size, targets in ((100, {1: None, 4: None}), (1_000, {1: 15_000, 4: 30_000}))
        for writers, target in targets.items()
        for workload in ("uniform", "hot")
    ),
    # Thirty-two threads in one process, and half of them in each of two.
    Case(0, 1, "hot", 8_000),
    Case(0, 2, "hot", 8_000),
]
_CALLERS = 32


def entry(chance: random.Random, workload: str) -> Draft:
    """One cent between two of 10,000 accounts, or from the account that everybody touches."""
    if workload == "hot":
        target = worker(chance.randrange(ACCOUNTS))
        moved = movements.tip_paid("stripe", target, amount=_CENT)
    else:
        target = milestone(chance.randrange(ACCOUNTS // 2))
        receiver = worker(chance.randrange(ACCOUNTS // 2))
        moved = movements.milestone_released(target, receiver, gross=_CENT, worker_fee=_NOTHING)
    return draft(moved, reference=target, actor="bench", key=new_id("key"))


def writer(store: Store, pipe: Connection, seed: int) -> None:
    """One process; does what it is told until it is told nothing more."""
    unit_of_work.bind(Database.connect(store.url, pool_size=2))
    chance = random.Random(seed)
    by_hand = [OnMariaDB(store.place, "bench") for _ in range(_CALLERS)]
    for who, case, count in iter(pipe.recv, None):
        threads = _threads(who, case, count, chance, by_hand)
        for acts in threads[:1]:
            acts.pop()()
        pipe.send(None)
        pipe.recv()
        before, began = time.process_time(), time.perf_counter()
        posted = _all(threads)
        pipe.send((posted, time.perf_counter() - began, time.process_time() - before))


def _threads(
    who: str, case: Case, count: int, chance: random.Random, by_hand: list[OnMariaDB]
) -> list[list[Act]]:
    """What each thread is to do, one act after the other; each says how many entries it has posted."""
    if not case.size:
        acts: list[Act] = []
        threads = _CALLERS // case.writers
        for number in range(count):
            if who == "ours":
                acts.append(partial(_together, entry(chance, case.workload)))
            else:
                acts.append(
                    partial(_single, by_hand[number % threads], chance.randint(1, ACCOUNTS), new_id("key"))
                )
        return [acts[number::threads] for number in range(threads)]
    if who == "ours":
        return [[_batch(case, chance) for _ in range(count // case.size + 1)]]
    return [[_by_hand(by_hand[0], case, chance) for _ in range(count // case.size + 1)]]


def _batch(case: Case, chance: random.Random) -> Act:
    drafts = [entry(chance, case.workload) for _ in range(case.size)]
    return lambda: len(atomically(post_many, drafts))


def _by_hand(poster: OnMariaDB, case: Case, chance: random.Random) -> Act:
    half = ACCOUNTS // 2
    moves = []
    for _ in range(case.size):
        source = 0 if case.workload == "hot" else chance.randint(1, half)
        target = chance.randint(1 if case.workload == "hot" else half + 1, ACCOUNTS)
        moves.append((source, target, new_id("key")))

    def act() -> int:
        poster.post_many(moves)
        return len(moves)

    return act


def _together(draft: Draft) -> int:
    post_together(draft)
    return 1


def _single(poster: OnMariaDB, target: int, key: str) -> int:
    poster.post(0, target, key)
    return 1


def _all(threads: list[list[Act]]) -> int:
    with ThreadPoolExecutor(len(threads)) as pool:
        return sum(pool.map(lambda acts: sum(act() for act in acts), threads))


@contextmanager
def writers(store: Store, count: int) -> Iterator[list[Connection]]:
    """So many processes, each with a pipe to tell it what to do."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=writer, args=(store, theirs, seed), daemon=True)
        for seed, (_, theirs) in enumerate(pairs)
    ]
    for process in processes:
        process.start()
    yield [ours for ours, _ in pairs]
    for ours, _ in pairs:
        ours.send(None)
    for process in processes:
        process.join()


def turn(store: Store, pipes: list[Connection], who: str, case: Case, entries: int) -> dict[str, float]:
    """One turn of one side."""
    for pipe in pipes:
        pipe.send((who, case, entries // len(pipes)))
    for pipe in pipes:
        pipe.recv()
    assert store.server_id is not None, "MariaDB has a process"
    server, began = cpu_seconds(store.server_id), time.perf_counter()
    for pipe in pipes:
        pipe.send(None)
    told = [pipe.recv() for pipe in pipes]
    wall = time.perf_counter() - began
    posted = sum(count for count, _, _ in told)
    return {
        "rate": posted / wall,
        "client_us": sum(cpu for _, _, cpu in told) / posted * 1e6,
        "server_us": (cpu_seconds(store.server_id) - server) / posted * 1e6,
    }


def measure(store: Store, case: Case, asked: argparse.Namespace, bar: Any) -> dict[str, Any]:  # noqa: ANN401 - click's
    """Both sides of one case in turns."""
    turns: dict[str, list[dict[str, float]]] = {"ours": [], "by hand": []}
    with writers(store, case.writers) as pipes:
        for number in range(asked.rounds):
            for who in sorted(turns, reverse=number % 2 == 1):
                bar.label = f"{case.name} x{case.writers} {case.workload} {who}"
                turns[who].append(
                    turn(store, pipes, who, case, asked.entries if case.size else asked.entries // 4)
                )
                bar.update(1)
    figures = {
        who: {name: statistics.median(each[name] for each in each_turn) for name in each_turn[0]}
        for who, each_turn in turns.items()
    }
    return {**asdict(case), "name": case.name, **figures}


def table(rows: list[dict[str, Any]]) -> str:
    """What a person reads."""
    lines = [
        ("what", "writers", "workload", "ours/s", "target", "by hand/s", "ratio", "client us", "server us")
    ]
    for row in rows:
        ours, hand = row["ours"], row["by hand"]
        lines.append(
            (
                row["name"], str(row["writers"]), row["workload"], f"{ours['rate']:,.0f}",
                f"{row['target']:,}" if row["target"] else "", f"{hand['rate']:,.0f}",
                f"{ours['rate'] / hand['rate']:.2f}", f"{ours['client_us']:.0f}", f"{ours['server_us']:.0f}",
            )
        )  # fmt: skip
    return in_columns(lines)


def load(store: Store, count: int) -> dict[str, Any]:
    """Post `count` entries in batches of 1,000, and say how the memory of this process grew."""
    unit_of_work.bind(Database.connect(store.url))
    chance, began, peaks = random.Random(1), time.perf_counter(), []
    with click.progressbar(
        range(0, count, _BATCH), label=f"loading {count:,} entries", file=sys.stderr
    ) as firsts:
        for first in firsts:
            size = min(_BATCH, count - first)
            atomically(post_many, [entry(chance, "hot") for _ in range(size)])
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    seconds = time.perf_counter() - began
    early = peaks[min(len(peaks) - 1, 20)]
    print(f"{count:,} entries in {seconds:,.0f} s: {count / seconds:,.0f}/s.")
    print(
        f"Peak memory after {min(len(peaks), 21) * _BATCH:,} entries {early:.0f} MiB, at the end {peaks[-1]:.0f} MiB."
    )
    return {
        "entries": count,
        "seconds": round(seconds, 1),
        "entries_per_second": round(count / seconds),
        "peak_mib_early": round(early),
        "peak_mib": round(peaks[-1]),
    }


def main() -> None:
    """Run it."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--entries", type=int, default=60_000, help="of each turn; a quarter where they come alone"
    )
    arguments.add_argument("--rounds", type=int, default=3, help="turns of each")
    arguments.add_argument("--load", type=int, help="only load so many entries")
    arguments.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.name}")
    asked = arguments.parse_args()
    machine = this_machine()
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with mariadb() as store:
        prepare(store)
        if asked.load:
            figures = {**known, "load": load(store, asked.load)}
        else:
            with click.progressbar(
                length=len(CASES) * asked.rounds * 2, label="taking turns", file=sys.stderr
            ) as bar:
                rows = [measure(store, case, asked, bar) for case in CASES]
            figures = {**known, "figures": rows}
            print(machine)
            print(table(rows))
        unit_of_work.bind(Database.connect(store.url))
        assert examining(verify) == [], "what was measured is right"
    if asked.write:
        keep(RESULTS, machine, **figures)


if __name__ == "__main__":
    main()
