"""Looks that are taken once because something happened: at an account, and at what lies at one that has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persistence import clock, due

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def look_at_account(session: Session, *, account_id: str, because_of: str) -> None:
    """Have the gateway asked how the account is."""
    due.schedule(
        session,
        kind="refresh_account",
        subject=account_id,
        due_at=clock.now(session),
        key=f"refresh_account:{because_of}",
    )


def look_at_what_lies_there(session: Session, *, account_id: str, because_of: str) -> None:
    """Money has come, or come back, to an account that has left us: have it brought back."""
    due.schedule(
        session,
        kind="bring_back",
        subject=account_id,
        due_at=clock.now(session),
        key=f"bring_back:{because_of}",
    )
