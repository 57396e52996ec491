"""How fast a client releases money over HTTP, beside the least one could write by hand behind the same server.

    .venv/bin/python -m bench.release             the whole table, about two minutes
    .venv/bin/python -m bench.release --write     and keep the figures

MariaDB waits for the disk at every commit; granian serves both with two processes of four threads. One request is all
there is to it: token, idempotency key, contract and milestone locked, entry, balances, event, stored answer.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from bench import released
from bench.machine import cpu_seconds, in_columns, keep, this_machine
from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = (1, 8)
RESULTS = Path(__file__).parent / "results" / "release.json"
_ROOT = Path(__file__).parent.parent
_GRANIAN = ("--interface", "wsgi", "--host", "127.0.0.1", "--workers", "2", "--blocking-threads", "4")


@dataclass(frozen=True)
class Target:
    """A server, and what one request to it says."""

    port: int
    process_id: int
    token: str
    milestones: tuple[str, ...]


def caller(target: Target, seconds: float, seed: int, told: multiprocessing.Queue) -> None:
    """One client on one connection, releasing a dollar of one milestone after the other."""
    chance, connection = random.Random(seed), HTTPConnection("127.0.0.1", target.port)
    headers = {"Authorization": f"Bearer {target.token}", "Content-Type": "application/json"}
    body = json.dumps({"amount": {"amount": "1.00", "currency": "USD"}})
    latencies, count = [], 0
    began = previous = time.perf_counter()
    while previous - began < seconds:
        count += 1
        headers["Idempotency-Key"] = f"{os.getpid()}-{began}-{count}"
        connection.request(
            "POST", f"/v1/milestones/{chance.choice(target.milestones)}/release", body, headers
        )
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        done = time.perf_counter()
        latencies.append((done - previous) * 1000)
        previous = done
    told.put(latencies)


def take_turn(target: Target, server: int, connections: int, seconds: float) -> dict[str, Any]:
    """Let so many clients release at once for a while."""
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    processes = [
        context.Process(target=caller, args=(target, seconds, seed, told)) for seed in range(connections)
    ]
    before = _cpu(target.process_id), cpu_seconds(server)
    began = time.perf_counter()
    for process in processes:
        process.start()
    latencies = [latency for _ in processes for latency in told.get()]
    wall = time.perf_counter() - began
    for process in processes:
        process.join()
    web, database = _cpu(target.process_id) - before[0], cpu_seconds(server) - before[1]
    return {
        "requests": len(latencies),
        "seconds": wall,
        "web": web,
        "database": database,
        "latencies": latencies,
    }


def _cpu(parent: int) -> float:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return sum(cpu_seconds(int(process)) for process in [str(parent), *children])


def summary(turns: list[dict[str, Any]], connections: int, cores: int) -> dict[str, Any]:
    """The figures of one cell of the table."""
    latencies = sorted(latency for turn in turns for latency in turn["latencies"])
    requests, seconds = sum(turn["requests"] for turn in turns), sum(turn["seconds"] for turn in turns)
    web, database = sum(turn["web"] for turn in turns), sum(turn["database"] for turn in turns)
    # What share of the time each took of the cores that so many clients can keep busy; the rest was waiting.
    most = seconds * min(connections, cores)
    shares = {"web CPU": web / most, "database CPU": database / most}
    shares["waiting: locks, fsync, round trips"] = 1 - sum(shares.values())
    bound = max(shares, key=lambda name: shares[name])
    return {
        "releases_per_second": round(statistics.median(turn["requests"] / turn["seconds"] for turn in turns)),
        "p50_ms": round(statistics.median(latencies), 2),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)], 2),
        "web_cpu_ms": round(web / requests * 1000, 2),
        "database_cpu_ms": round(database / requests * 1000, 2),
        "bound": bound,
    }


@contextmanager
def served(application: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The application behind granian; its port and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", *_GRANIAN, "--port", str(port), application]
    process = subprocess.Popen(
        command,
        cwd=_ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    try:
        _until_it_listens(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _until_it_listens(port: int) -> None:
    for _ in range(600):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/livez")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("granian did not start")


def table(rows: list[dict[str, Any]]) -> str:
    """What a person reads."""
    lines = [("clients", "who", "releases/s", "p50 ms", "p99 ms", "web ms", "database ms", "bound")]
    for row in rows:
        for who in ("ours", "by hand"):
            cell = row[who]
            lines.append(
                (
                    str(row["connections"]), who, f"{cell['releases_per_second']:,}", f"{cell['p50_ms']:.2f}",
                    f"{cell['p99_ms']:.2f}", f"{cell['web_cpu_ms']:.2f}", f"{cell['database_cpu_ms']:.2f}",
                    cell["bound"],
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
    arguments.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.name}")
    asked = arguments.parse_args()
    machine, rows = this_machine(), []
    with servers.mariadb(durable=True) as server, TemporaryDirectory() as directory:
        prepared = released.prepare(server, Path(directory))
        process_id = int((server.socket.parent / "pid").read_text())
        with (
            served("wsgi:app", prepared.environment) as ours,
            served("bench.released:by_hand", prepared.environment) as by_hand,
            click.progressbar(
                length=len(CONNECTIONS) * asked.rounds * 2, label="taking turns", file=sys.stderr
            ) as bar,
        ):
            targets = {
                "ours": Target(*ours, prepared.token, prepared.milestones),
                "by hand": Target(*by_hand, prepared.token, prepared.milestones),
            }
            for connections in CONNECTIONS:
                turns: dict[str, list[dict[str, Any]]] = {who: [] for who in targets}
                for number in range(asked.rounds):
                    for who in sorted(targets, reverse=number % 2 == 1):
                        bar.label = f"{connections} clients, {who}"
                        turns[who].append(take_turn(targets[who], process_id, connections, asked.seconds))
                        bar.update(1)
                cells = {who: summary(taken, connections, machine.cores) for who, taken in turns.items()}
                rows.append({"connections": connections, **cells})
        released.verify()
    print(machine)
    print(table(rows))
    if asked.write:
        keep(RESULTS, machine, figures=rows)


if __name__ == "__main__":
    main()
