"""`flask --app wsgi database grants USER`: what the service's own database user needs, and nothing beyond."""

from __future__ import annotations

import click

from persistence.columns import Base
from persistence.grants import grant_statements
from persistence.unit_of_work import database
from runtime.commands import Commands

database_commands = Commands("database", help="The database the books are in.")


@database_commands.command("grants")
@click.argument("user")
def grants(user: str) -> None:
    """Print the GRANT statements for USER, such as "'holdfast'@'%'", to be run by the owner of the schema."""
    name = database().engine.url.database
    if database().engine.dialect.name == "sqlite" or name is None:
        raise click.ClickException("SQLite has no users; triggers alone protect the books there.")
    for statement in grant_statements(Base.metadata, user, name):
        click.echo(f"{statement};")
