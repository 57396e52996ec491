"""`flask --app wsgi openapi write`: the committed document."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from api.openapi import written

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"

openapi = AppGroup("openapi", help="The OpenAPI document of the interface.")


@openapi.command("write")
@click.argument("file", type=click.Path(path_type=Path), default=DOCUMENT)
def write(file: Path) -> None:
    """Write the document from the routes, to docs/openapi.json or to another FILE."""
    file.write_text(written(current_app), encoding="utf-8")
    click.echo(f"wrote {file.name}")
