"""What becomes of the money path on a Galera cluster when its writer is killed, and what more than one writer is worth.

    .venv/bin/python -m bench.galera             both tables, about five minutes
    .venv/bin/python -m bench.galera --write     and keep the figures

Three nodes, HAProxy and eight people share the processors of one machine. People fund, hand in, release and withdraw;
the writer is killed with SIGKILL while six of them are at their COMMIT, and brought back. At the end the books are
verified on every node: whatever was answered is there once, and all nodes agree.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.machine import in_columns, keep, this_machine
from deploy.galera.cluster import cluster
from kernel.ids import new_id
from kernel.money import Money
from ledger import integrity, movements
from ledger.posting import post
from persistence.unit_of_work import DatabaseBusy, atomically, examining
from tests.galera.load import Load, people
from tests.galera.town import check_every_node, connected, settle, spread
from tests.threads import together
from tests.waiting import until

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from deploy.galera.cluster import Cluster, Node

PEOPLE = 8
RESULTS = Path(__file__).parent / "results" / "galera.json"
_DEADLOCK = 1213


def killed(load: Load, nodes: Cluster, acts: int) -> dict[str, Any]:
    """The writer dies, another takes over, and the first comes back and takes over again."""
    first, before = nodes.nodes[0], load.counts.copy()
    instants: list[float] = []

    def kill() -> None:
        instants.append(time.monotonic())
        first.kill()

    load.while_committing(kill, people=6)
    load.go_on(acts)
    instants.append(time.monotonic())
    taken_over = load.counts - before
    first.start()
    instants.append(time.monotonic())
    until(lambda: nodes.writer() is first)
    load.go_on(acts)
    given_back = load.counts - before - taken_over
    return {
        "stop_seconds": round(load.longest_stop(*instants[:2]), 1),
        "unknown": taken_over["unknown"],
        "committed": taken_over["stood"],
        "rejoin_seconds": round(instants[2] - instants[1], 1),
        "stop_at_return_seconds": round(load.longest_stop(instants[2], time.monotonic()), 1),
        "unknown_at_return": given_back["unknown"],
        "committed_at_return": given_back["stood"],
    }


def money_path(nodes: Cluster, kills: int, acts: int) -> dict[str, Any]:
    """So many kills under load; nothing may be lost or doubled."""
    with connected(nodes):
        load = Load(people(PEOPLE))
        with load.running():
            began = time.monotonic()
            load.go_on(acts)
            rate = acts / (time.monotonic() - began)
            rows = []
            for number in range(kills):
                say(f"kill {number + 1} of {kills}")
                rows.append(killed(load, nodes, acts))
    say("verifying every node")
    check_every_node(nodes, load)
    return {
        "acts_per_second": round(rate),
        "acts": len(load.moments),
        "entries": len(load.entries),
        "verified_on": [node.name for node in nodes.nodes],
        "kills": rows,
    }


def writers(nodes: tuple[Node, ...], seconds: float) -> dict[str, Any]:
    """Eight people who fund one milestone as fast as they can, spread over so many writers."""
    with connected(nodes[0]) as database:
        with spread(database, nodes) as errors:
            end = time.monotonic() + seconds
            tries = together(lambda: _funded_until(end), PEOPLE)
        assert examining(integrity.verify) == []
    posted, busy = (sum(column) for column in zip(*tries, strict=True))
    conflicts = [number for number, _ in errors if number == _DEADLOCK]
    return {
        "writers": len(nodes),
        "posted_per_second": round(posted / seconds),
        "conflicts_per_second": round(len(conflicts) / seconds),
        "given_up_per_second": round(busy / seconds, 1),
    }


def _funded_until(instant: float) -> tuple[int, int]:
    posted, tries = 0, 0
    while time.monotonic() < instant:
        tries += 1
        with suppress(DatabaseBusy):
            atomically(_fund, key=new_id("py"))
            posted += 1
    return posted, tries - posted


def _fund(session: Session, *, key: str) -> None:
    milestone = "ms_06f3k00000000000000000000a"
    entry = movements.milestone_funded("stripe", milestone, price=Money(1, "USD"), client_fee=Money(0, "USD"))
    post(session, entry, key=key, reference=milestone, actor="us_1")


def table(rows: list[dict[str, Any]]) -> str:
    """What a person reads."""
    lines = [
        [name.replace("_", " ") for name in rows[0]],
        *([str(cell) for cell in row.values()] for row in rows),
    ]
    return in_columns(lines)


def say(what: str) -> None:
    """Where it is, for who waits."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Run it."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--kills", type=int, default=3)
    arguments.add_argument("--acts", type=int, default=200, help="before, between and after the kills")
    arguments.add_argument("--seconds", type=float, default=10.0, help="for each number of writers")
    arguments.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.name}")
    asked = arguments.parse_args()
    # Connections that break are the point, and the pool would tell of each.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    machine = this_machine()
    say("starting three nodes")
    with cluster() as nodes:
        settle(nodes)
        say("eight people go on about their business")
        path = money_path(nodes, asked.kills, asked.acts)
        say("one writer, two, three")
        spread = [writers(nodes.nodes[:number], asked.seconds) for number in (1, 2, 3)]
    print(machine)
    print(
        f"{path['acts']} acts, {path['acts_per_second']} a second before the first kill; {path['entries']} entries,"
    )
    print("none lost, none doubled, the same and right on every node.\n")
    print(table(path["kills"]), "\n")
    print(table(spread))
    if asked.write:
        keep(RESULTS, machine, money_path=path, writers=spread)


if __name__ == "__main__":
    main()
