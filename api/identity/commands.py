"""`flask --app wsgi identity …`: what only whoever runs the service does with accounts."""

from __future__ import annotations

import click

from identity import accounts, passwords
from identity.permissions import STAFF, Role
from kernel.ids import new_id
from kernel.refusals import Refusal
from persistence.unit_of_work import atomically
from runtime.commands import Commands

identity = Commands("identity", help="Accounts, above all of our own people.")


@identity.command("create-staff")
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in sorted(STAFF)])
)
@click.password_option(help="Asked for when it is not given, which keeps it out of the shell's history.")
def create_staff(email: str, name: str, roles: tuple[str, ...], password: str) -> None:
    """Give somebody on our side an account."""
    user_id = new_id("us")
    try:
        password_hash = passwords.hashed(passwords.accept(password, email=email))
        atomically(
            accounts.create_staff,
            user_id=user_id,
            email=email,
            password_hash=password_hash,
            name=name,
            roles=[Role(role) for role in roles],
        )
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None
    click.echo(f"{user_id} {email} {' '.join(roles)}")


@identity.command("end-account")
@click.option("--email", required=True)
def end_account(email: str) -> None:
    """Let somebody in no more, for good: one of us who left, above all."""
    try:
        user_id = atomically(accounts.end_account, email=email)
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None
    click.echo(f"{user_id} {email} has ended.")


@identity.command("end-sessions")
@click.option("--email", required=True)
def end_sessions(email: str) -> None:
    """Sign somebody out on every device, as after a phone was stolen; they may sign in again."""
    try:
        user_id, number = atomically(accounts.end_sessions_of, email=email)
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None
    click.echo(f"{user_id} {email} is signed out on {number} devices.")
