"""What is typed: `flask --app wsgi jobs relay | work | parked | retry` and `… webhooks replay | sweep`."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

import click

from gateways import inbox, sweeps
from jobs import queues, sweeping
from jobs.relay import Relay
from jobs.schedule import RECURRING
from jobs.subscriptions import SUBSCRIBERS
from jobs.worker import work as work_on
from kernel.refusals import NotFound, Refusal
from kernel.time import rfc3339
from payouts.queries import accounts_at
from persistence import due
from persistence.unit_of_work import atomically, reading
from runtime.commands import Commands
from runtime.wiring import wired

if TYPE_CHECKING:
    from types import FrameType

    from redis import Redis

    from gateways.contract import Gateway
    from gateways.sweeps import Kept

jobs_commands = Commands("jobs", help="Work in the background.")
webhooks_commands = Commands("webhooks", help="What gateways told us.")


@jobs_commands.command("relay")
@click.option(
    "--pause", default=0.5, show_default=True, help="Seconds between two looks when there is nothing to do."
)
def relay(pause: float) -> None:
    """Hand what is due to the workers, until SIGTERM."""
    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    Relay(queues.queues(_redis()), SUBSCRIBERS, RECURRING).run(stop, pause_seconds=pause)


@jobs_commands.command("work")
@click.option("--burst", is_flag=True, help="End when the queues are empty.")
def work(burst: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Do what the relay hands over, until SIGTERM."""
    work_on(_redis(), burst=burst)


@jobs_commands.command("parked")
@click.option("--kind", help="Only work of this kind.")
@click.option("--limit", default=100, show_default=True, help="How many; 0 for all.")
def parked(kind: str | None, limit: int) -> None:
    """List the work that failed too often, with the reason."""
    found = reading(due.parked, kind=kind, limit=limit or None)
    for given_up in found:
        click.echo(
            f"{given_up.id}  {given_up.kind}  {given_up.subject}  {rfc3339(given_up.due_at)}  {given_up.reason}"
        )
    if not found:
        click.echo("Nothing is parked.")


@jobs_commands.command("retry")
@click.argument("work_id", required=False)
@click.option("--kind", help="All parked work of this kind.")
@click.option("--all", "everything", is_flag=True, help="All parked work.")
def retry(work_id: str | None, kind: str | None, everything: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Put parked work back: one piece, all of a kind, or all."""
    if [work_id is not None, kind is not None, everything].count(True) != 1:
        raise click.UsageError("Name one piece of work, or --kind, or --all.")
    if work_id is not None:
        if not _revived(work_id):
            raise click.ClickException(f"{work_id} is not parked.")
        click.echo(f"{work_id} is due again.")
        return
    given_up = reading(due.parked, kind=kind, limit=None)
    click.echo(f"{sum(_revived(each.id) for each in given_up)} due again.")


@webhooks_commands.command("replay")
@click.argument("event_id", required=False)
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]), help="All since this instant (UTC)."
)
def replay(event_id: str | None, since: datetime | None) -> None:
    """Handle webhooks again: the one with EVENT_ID (ours or the gateway's), or all since an instant."""
    if (event_id is None) == (since is None):
        raise click.UsageError("Name one event, or an instant with --since.")
    found = _webhooks(event_id, since)
    if not found:
        raise click.ClickException("No such webhook.")
    for webhook_id in found:
        atomically(inbox.replay, webhook_id)
    click.echo(f"{len(found)} to be handled again.")


@webhooks_commands.command("sweep")
def sweep() -> None:
    """Take in what never arrived, out of the gateways' own lists of events; what is interrupted goes on next time."""
    places = [
        (at, account)
        for name, at in wired().gateways.items()
        for account in (sweeps.OUR_OWN, *reading(accounts_at, gateway=name))
    ]
    missed = 0
    with click.progressbar(places, label="Looking through accounts", file=sys.stderr) as bar:
        for at, account in bar:
            missed += sum(len(kept.missed) for kept in _swept(at, account))
    click.echo(f"{missed} had not arrived and will be handled now." if missed else "Nothing was missing.")


def _swept(at: Gateway, account: str) -> list[Kept]:
    try:
        return list(sweeping.sweep(at, account))
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None


def _revived(work_id: str) -> bool:
    try:
        return atomically(due.revive, work_id)
    except NotFound as refusal:
        raise click.BadParameter(refusal.detail) from None


def _webhooks(event_id: str | None, since: datetime | None) -> list[str]:
    if since is not None:
        return reading(inbox.received_since, since.replace(tzinfo=UTC))
    assert event_id is not None
    try:
        return reading(inbox.known_as, event_id)
    except NotFound:
        return []


def _redis() -> Redis:
    url = wired().settings.REDIS_URL
    if url is None:
        raise click.ClickException("REDIS_URL is missing: the queues need a Redis.")
    return queues.connect(url.get_secret_value())
