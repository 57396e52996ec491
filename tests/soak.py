"""Whole lives by dice for as long as asked: `./test --soak MINUTES`.

Lives are played on MariaDB, several at once, each with other dice than all before it, and before them twenty times
fifty races for the money of a milestone. What was played is printed and written to `bench/results/soak.json`; a life in
which anything did not hold is named by its dice, to be played again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from bench.machine import in_columns, keep, this_machine

_RESULTS = Path(__file__).parent.parent / "bench" / "results" / "soak.json"
_LIVES = "tests/story/test_lives.py"
_RACES = "tests/escrow/test_races.py"
_ROUNDS_OF_RACES = 20
_RACES_IN_A_ROUND = 50
# What is counted of a life for each gateway.
_BY_GATEWAY = ("paid", "given_back", "taken_back", "misfortunes")
_AT_ONCE = os.cpu_count() or 1
# So many that starting the servers is little beside it, and so few that it ends soon after it was to end.
_CHUNK = 4 * _AT_ONCE


@click.command()
@click.argument("minutes", type=click.IntRange(min=1))
@click.option("--first", default=1, show_default=True, help="The dice of the first life.")
def soak(minutes: int, first: int) -> None:
    """Play lives until so many MINUTES are over; fails if anything did not hold in one of them."""
    failed = [] if _played(_RACES, HOLDFAST_RACES=str(_ROUNDS_OF_RACES)) else [_RACES]
    with tempfile.TemporaryDirectory() as place:
        log, until, after = Path(place) / "lives", time.monotonic() + 60 * minutes, first
        with click.progressbar(length=60 * minutes, label="Playing lives", file=sys.stderr) as bar:
            while (began := time.monotonic()) < until:
                dice = f"{after}-{after + _CHUNK - 1}"
                if not _played(_LIVES, HOLDFAST_LIVES=dice, HOLDFAST_LIVES_LOG=str(log)):
                    failed.append(f"HOLDFAST_LIVES={dice} ./test {_LIVES}")
                after += _CHUNK
                bar.update(round(time.monotonic() - began))
        lives = [json.loads(line) for line in log.read_text().splitlines()]
    figures = _figures(lives, minutes)
    keep(_RESULTS, this_machine(), **figures, failed=failed)
    click.echo(_table(figures))
    if failed:
        raise SystemExit("Something did not hold. Play it again: " + "; ".join(failed))


def _played(path: str, **told: str) -> bool:
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--numprocesses={_AT_ONCE}", path],
        env={**os.environ, "HOLDFAST_TEST_DATABASE": "mariadb", **told},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        sys.stderr.write(answer.stdout[-20_000:])
    return not answer.returncode


def _figures(lives: list[dict[str, Any]], minutes: int) -> dict[str, Any]:
    def summed(name: str) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for life in lives:
            counted.update(life[name])
        return dict(counted.most_common())

    return {
        "minutes": minutes,
        "races": _ROUNDS_OF_RACES * _RACES_IN_A_ROUND,
        "lives": len(lives),
        "acts": summed("acts"),
        **{name: summed(name) for name in _BY_GATEWAY},
        "entries": sum(life["entries"] for life in lives),
    }


def _table(figures: dict[str, Any]) -> str:
    lines = [("", "how often"), ("races", f"{figures['races']:,}"), ("lives", f"{figures['lives']:,}")]
    lines.append(("entries posted", f"{figures['entries']:,}"))
    lines += [(f"act: {name}", f"{count:,}") for name, count in figures["acts"].items()]
    for kind in _BY_GATEWAY:
        lines += [
            (f"{kind.replace('_', ' ')}: {name}", f"{count:,}") for name, count in figures[kind].items()
        ]
    return in_columns(lines)


if __name__ == "__main__":
    soak()
