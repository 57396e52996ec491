"""Whether the ledger stays as fast as it grows: one posting, a balance, a past balance and a page of a statement.

    .venv/bin/python -m bench.growth                                  at 100,000, 1 and 10 million postings; an hour
    .venv/bin/python -m bench.growth --sizes 100000 1000000 --write   smaller, and kept with the drawing

On MariaDB. A tenth of all entries goes to one wallet, so that the longest statement grows with the books.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from reportlab.graphics import renderSVG
from reportlab.graphics.charts.legends import Legend
from reportlab.graphics.charts.lineplots import LinePlot
from reportlab.graphics.shapes import Drawing, String
from reportlab.lib import colors
from sqlalchemy import text

from bench.machine import in_columns, keep, this_machine
from bench.posting import ACCOUNTS, mariadb, prepare, worker
from kernel.ids import new_id
from kernel.money import Money
from ledger import chart, movements
from ledger.balances import balance, balance_as_of
from ledger.integrity import verify
from ledger.posting import draft, post, post_many
from ledger.statements import statement
from persistence import unit_of_work
from persistence.engine import Database
from persistence.unit_of_work import atomically, examining, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from ledger.journal import Draft

RESULTS = Path(__file__).parent / "results" / "growth.json"
DRAWING = RESULTS.with_suffix(".svg")
SIZES = (100_000, 1_000_000, 10_000_000)
_CENT = Money(1, "USD")
_BATCH = 1_000
_ASKED = 400
_BUSY = worker(0)


def entry(chance: random.Random) -> Draft:
    """One cent from the gateway to a wallet; every tenth to the same one."""
    target = _BUSY if chance.random() < 0.1 else worker(chance.randrange(ACCOUNTS))
    moved = movements.tip_paid("stripe", target, amount=_CENT)
    return draft(moved, reference=target, actor="bench", key=new_id("key"))


def grow(size: int, chance: random.Random) -> None:
    """Post until there are `size` postings."""
    missing = (size - reading(_postings)) // 2
    with click.progressbar(length=missing, label=f"growing to {size:,} postings", file=sys.stderr) as bar:
        for first in range(0, missing, _BATCH):
            count = min(_BATCH, missing - first)
            atomically(post_many, [entry(chance) for _ in range(count)])
            bar.update(count)


def _postings(session: Session) -> int:
    return int(session.execute(text("SELECT COUNT(*) FROM ledger_postings")).scalar_one())


def questions(chance: random.Random, began: datetime) -> dict[str, Callable[[], object]]:
    """What is timed, by name; each picks an account and an instant anew."""
    busy = chart.wallet(_BUSY, "USD")

    def some_wallet() -> Any:  # noqa: ANN401 - an account
        return chart.wallet(worker(chance.randrange(ACCOUNTS)), "USD")

    def then() -> datetime:
        return began + chance.random() * (datetime.now(UTC) - began)

    def one_posting() -> object:
        each = entry(chance)
        return atomically(post, each.entry, key=each.key, reference=each.reference, actor=each.actor)

    def a_later_page() -> object:
        page = reading(statement, busy, limit=50)
        return reading(statement, busy, limit=50, after=page.next_after)

    return {
        "one posting": one_posting,
        "a balance": lambda: reading(balance, some_wallet()),
        "a balance as of an instant": lambda: reading(balance_as_of, busy, then()),
        "the shared account as of an instant": lambda: reading(
            balance_as_of, chart.gateway_pending("stripe", "USD"), then()
        ),
        "two pages of a statement": a_later_page,
    }


def measure(size: int, chance: random.Random, began: datetime) -> list[dict[str, Any]]:
    """The median and the 95th percentile of each question at this size."""
    rows = []
    for name, ask in questions(chance, began).items():
        ask()
        times = []
        for _ in range(_ASKED):
            started = time.perf_counter()
            ask()
            times.append((time.perf_counter() - started) * 1000)
        times.sort()
        rows.append(
            {
                "postings": size,
                "what": name,
                "p50_ms": round(times[len(times) // 2], 2),
                "p95_ms": round(times[int(len(times) * 0.95)], 2),
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """What a person reads."""
    in_order = sorted(rows, key=lambda row: (row["what"], row["postings"]))
    lines = [("what", "postings", "p50 ms", "p95 ms")] + [
        (row["what"], f"{row['postings']:,}", f"{row['p50_ms']:.2f}", f"{row['p95_ms']:.2f}")
        for row in in_order
    ]
    return in_columns(lines)


def drawn(rows: list[dict[str, Any]]) -> Drawing:
    """The 95th percentiles over the size of the books, which is drawn by its powers of ten."""
    names = list(dict.fromkeys(row["what"] for row in rows))
    sizes = sorted({row["postings"] for row in rows})
    paint = [colors.HexColor(code) for code in ("#0b6e4f", "#1f4e9e", "#b3541e", "#7a3b8f", "#444444")]
    plot = LinePlot()
    plot.x, plot.y, plot.width, plot.height = 60, 60, 420, 240
    plot.data = [
        [(sizes.index(row["postings"]), row["p95_ms"]) for row in rows if row["what"] == name]
        for name in names
    ]
    plot.xValueAxis.valueMin, plot.xValueAxis.valueMax = 0, max(len(sizes) - 1, 1)
    plot.xValueAxis.valueSteps = list(range(len(sizes)))
    plot.xValueAxis.labelTextFormat = lambda place: f"{sizes[int(place)]:,}"
    plot.yValueAxis.valueMin = 0
    plot.yValueAxis.labelTextFormat = "%.0f ms"
    for number in range(len(names)):
        plot.lines[number].strokeColor, plot.lines[number].strokeWidth = paint[number % len(paint)], 2
    legend = Legend()
    legend.x, legend.y, legend.fontSize, legend.columnMaximum = 500, 290, 9, 10
    legend.colorNamePairs = [(paint[number % len(paint)], name) for number, name in enumerate(names)]
    drawing = Drawing(720, 340)
    drawing.add(plot)
    drawing.add(legend)
    drawing.add(String(60, 318, "95th percentile, by postings in the books", fontSize=12))
    return drawing


def main() -> None:
    """Run it."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    arguments.add_argument("--write", action="store_true", help=f"keep {RESULTS.name} and {DRAWING.name}")
    arguments.add_argument("--verify", action="store_true", help="derive everything again at the end")
    asked = arguments.parse_args()
    machine, chance, rows = this_machine(), random.Random(1), []
    with mariadb() as store:
        prepare(store)
        unit_of_work.bind(Database.connect(store.url))
        began = datetime.now(UTC)
        for size in sorted(asked.sizes):
            grow(size, chance)
            rows += measure(size, chance, began)
        if asked.verify:
            assert examining(verify) == [], "what was measured is right"
    print(machine)
    print(table(rows))
    if asked.write:
        keep(RESULTS, machine, figures=rows)
        renderSVG.drawToFile(drawn(rows), str(DRAWING))


if __name__ == "__main__":
    main()
