"""Looking through a gateway's own list of events, page by page, for those that never arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gateways import sweeps
from gateways.contract import Rejected
from kernel.ids import new_id
from kernel.time import rfc3339
from payments.answers import found
from persistence import clock, due
from persistence.unit_of_work import atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from sqlalchemy.orm import Session

    from gateways.contract import Gateway
    from gateways.sweeps import Kept, Stretch

ASK_FOR_EVERYTHING = "ask_for_everything"

_log = structlog.get_logger("holdfast.webhooks")


def sweep(at: Gateway, account: str = sweeps.OUR_OWN) -> Iterator[Kept]:
    """Take in what had not arrived of all since the last sweep; each page is kept before the next is asked for."""
    done = False
    while not done:
        stretch = atomically(_begin, gateway=at.name, account=account, kept_for=at.events_last)
        _tell(stretch)
        outcome = at.events(
            since=stretch.since, until=stretch.until, account=stretch.of_worker, after=stretch.after
        )
        if stretch.of_worker and isinstance(outcome, Rejected) and not outcome.temporary:
            atomically(_let_go, stretch=stretch)
            return
        page = found(outcome)
        kept = atomically(
            sweeps.keep, stretch=stretch, page=page, webhook_ids=[new_id("wh") for _ in page.events]
        )
        if kept.missed:
            _log.error(
                "webhooks_missed", gateway=at.name, account=account, count=len(kept.missed), types=kept.missed
            )
        done = kept.done
        yield kept


def _begin(session: Session, *, gateway: str, account: str, kept_for: timedelta) -> Stretch:
    stretch = sweeps.next_stretch(session, gateway=gateway, account=account, kept_for=kept_for)
    if stretch.blind_since is not None and stretch.of_worker:
        _ask_for_account(session, stretch)
    elif stretch.blind_since is not None:
        # No list tells of that time any more; what may have happened in it is asked for thing by thing.
        due.schedule(
            session,
            kind=ASK_FOR_EVERYTHING,
            subject=gateway,
            due_at=clock.now(session),
            key=f"{ASK_FOR_EVERYTHING}:{gateway}:{rfc3339(stretch.blind_since)}",
            payload={"since": rfc3339(stretch.blind_since)},
        )
    return stretch


def _let_go(session: Session, *, stretch: Stretch) -> None:
    sweeps.give_up(session, stretch=stretch)
    # The news that it has left us may be among those that are lost.
    _ask_for_account(session, stretch)


def _ask_for_account(session: Session, stretch: Stretch) -> None:
    due.schedule(
        session,
        kind="refresh_account",
        subject=stretch.account,
        due_at=clock.now(session),
        key=f"refresh_account:{stretch.account}:{rfc3339(stretch.until)}",
        payload={"gateway": stretch.gateway, "account": stretch.account},
    )


def _tell(stretch: Stretch) -> None:
    if stretch.late and stretch.after is None:
        _log.error("webhooks_sweep_late", gateway=stretch.gateway, account=stretch.account)
    if stretch.blind_since is not None:
        _log.critical(
            "webhooks_lost",
            gateway=stretch.gateway,
            account=stretch.account,
            since=rfc3339(stretch.blind_since),
            until=rfc3339(stretch.since),
        )
