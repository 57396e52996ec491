"""`flask --app wsgi processes draw`: the diagrams of the documentation."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from api.processes.routes import PROCESSES

PAGE = Path(__file__).parents[2] / "docs" / "processes.md"

processes = AppGroup("processes", help="The state tables of Holdfast.")


@processes.command("draw")
def draw() -> None:
    """Write docs/processes.md anew from the tables."""
    PAGE.write_text(drawn(), encoding="utf-8")
    click.echo(f"wrote {PAGE.name}")


def drawn() -> str:
    """The page, as it is committed."""
    head = "# Processes\n\nDrawn from the tables that run the code, by `flask --app wsgi processes draw`.\n"
    return head + "".join(
        f"\n## {name.replace('_', ' ').capitalize()}\n\n```mermaid\n{process.mermaid()}\n```\n"
        for name, process in PROCESSES.items()
    )
