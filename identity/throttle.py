"""Guessing passwords gets slower: each failure, by e-mail and by address, doubles the wait before the next try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from identity.tables import SignInAttempts
from kernel.refusals import Unavailable
from persistence import clock
from persistence.locks import locked_rows
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=15)
_FORGOTTEN_AFTER = timedelta(hours=24)


class TooManyAttempts(Unavailable):
    """Too many attempts to sign in with this e-mail or from this address; the wait doubles with every failure."""

    code = "too_many_attempts"


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted, and how many failures cost nothing."""

    digest: str
    free: int


def by_email(email_digest: str) -> Counted:
    """Attempts for one e-mail: five typing mistakes are anybody's."""
    return Counted(email_digest, free=5)


def by_address(address: str) -> Counted:
    """Attempts from one address: a household or an office shares it."""
    return Counted(sha256(f"address:{address}".encode()).hexdigest(), free=20)


def count_attempt(session: Session, counted: Sequence[Counted]) -> None:
    """Count an attempt; refuses when it is too soon for another.

    It is counted before its password is looked at, so that of many at once not all are the first.
    """
    rows = _rows(session, counted)
    # After the locks: whoever waited for them asks for the time they were given.
    instant = clock.now(session)
    for each in counted:
        row = rows[each.digest]
        if row.blocked_until is not None and row.blocked_until > instant:
            seconds = int((row.blocked_until - instant).total_seconds()) + 1
            raise TooManyAttempts(
                f"Too many attempts to sign in. Try again in {seconds} seconds.", retry_after_seconds=seconds
            )
    for each in counted:
        _count(rows[each.digest], each.free, instant)


def take_back(session: Session, counted: Sequence[Counted], *, forgive: str) -> None:
    """The attempt succeeded: uncount it, and forget every failure counted under `forgive`."""
    for row in _rows(session, counted).values():
        # Not to nothing for an address: who owns one account could otherwise guess at others for ever.
        row.failures = 0 if row.digest == forgive else max(row.failures - 1, 0)
        row.blocked_until = None


def forget_old_attempts(session: Session) -> int:
    """Drop the counts of attempts long past; returns how many."""
    old = SignInAttempts.last_at < clock.now(session) - _FORGOTTEN_AFTER
    return int(session.execute(delete(SignInAttempts).where(old)).rowcount)  # type: ignore[attr-defined]


def _rows(session: Session, counted: Sequence[Counted]) -> dict[str, SignInAttempts]:
    digests = [each.digest for each in counted]
    found = {row.digest: row for row in locked_rows(session, SignInAttempts, digests)}
    missing = sorted(set(digests) - set(found))
    if not missing:
        return found
    instant = clock.now(session)
    session.add_all(
        SignInAttempts(digest=digest, failures=0, last_at=instant, blocked_until=None) for digest in missing
    )
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    return _rows(session, counted)


def _count(row: SignInAttempts, free: int, instant: datetime) -> None:
    if instant - row.last_at > _FORGOTTEN_AFTER:
        row.failures = 0
    row.failures += 1
    row.last_at = instant
    if row.failures >= free:
        row.blocked_until = instant + _wait(row.failures - free)


def _wait(beyond: int) -> timedelta:
    # Doubled ten times it is past the longest already; no need to compute larger powers.
    doublings: int = min(beyond, 10)
    return min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)
