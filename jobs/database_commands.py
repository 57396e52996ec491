"""`flask --app wsgi database grants USER`: what the service's own database user needs, and nothing beyond."""

from __future__ import annotations

import re

import click

from persistence.columns import Base
from persistence.grants import grant_statements
from persistence.unit_of_work import database
from runtime.commands import Commands

database_commands = Commands("database", help="The database the books are in.")

# The quotes of SQL are allowed, but a shell takes them away; ours are put around what stands between them.
_USER = re.compile(r"'?([A-Za-z0-9_.\-]{1,80})'?@'?([A-Za-z0-9_.:/%\-]{1,255})'?")


@database_commands.command("grants")
@click.argument("user")
def grants(user: str) -> None:
    """Print the GRANT statements for USER, such as holdfast@% (any host), to be run by the owner of the schema."""
    named = _USER.fullmatch(user)
    if named is None:
        raise click.BadParameter("Name a user and a host: holdfast@10.0.0.%, or holdfast@% for any host.")
    name = database().engine.url.database
    if database().engine.dialect.name == "sqlite" or name is None:
        raise click.ClickException("SQLite has no users; triggers alone protect the books there.")
    for statement in grant_statements(Base.metadata, f"'{named[1]}'@'{named[2]}'", name):
        click.echo(f"{statement};")
