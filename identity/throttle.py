"""Guessing passwords gets slower, and nobody is shut out by it who signed in from where they are before.

Failures are counted for an e-mail from one address, strictly; for an address, whoever is tried from there; and for an
e-mail, from wherever. Every count decays by itself, whatever else is tried meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select
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

_FIRST_WAIT = timedelta(seconds=15)
# As long as a phone that is looked into once a season is known where it was.
_KNOWN_FOR = timedelta(days=90)


class TooManyAttempts(Unavailable):
    """Too many attempts to sign in with this e-mail or from this address; the wait doubles with every failure."""

    code = "too_many_attempts"


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted: how many failures cost nothing, in which time one is forgotten, how long a wait may get."""

    digest: str
    free: int
    forgets_one_in: timedelta
    longest_wait: timedelta

    def failures(self, row: SignInAttempts, instant: datetime) -> int:
        """How many are not forgotten yet."""
        # Rounded up: a failure counts in full until it does not count at all.
        return max(0, -((instant - row.forgotten_at) // self.forgets_one_in))

    def wait(self, failures: int) -> timedelta:
        """How long after so many."""
        # Doubled six times it is past the longest already; no need to compute larger powers.
        doublings: int = min(failures - self.free, 6)
        return min(_FIRST_WAIT * (1 << doublings), self.longest_wait)

    @property
    def most(self) -> int:
        """As many as make a difference; more would only take longer to be forgotten."""
        return self.free + 6


@dataclass(frozen=True, slots=True)
class Tried:
    """Somebody tries to sign in as one e-mail from one address."""

    here: Counted
    address: Counted
    email: Counted

    @property
    def all(self) -> tuple[Counted, ...]:
        """Everything that is counted for it."""
        return (self.here, self.address, self.email)


def tried(*, email_digest: str, address: str) -> Tried:
    """What an attempt with this e-mail from this address is counted as."""
    return Tried(
        # Five typing mistakes are anybody's.
        here=Counted(_of(f"from {address}: {email_digest}"), 5, timedelta(hours=1), timedelta(minutes=15)),
        # A household or an office shares it.
        address=Counted(_of(f"address:{address}"), 20, timedelta(minutes=6), timedelta(minutes=15)),
        # Only who has many addresses gets here, and whom they guess at must get in between their guesses.
        email=Counted(email_digest, 50, timedelta(minutes=6), timedelta(minutes=5)),
    )


def count_attempt(session: Session, attempt: Tried) -> None:
    """Let an attempt begin; refuses when it is too soon for another.

    For its e-mail from its address it is counted before its password is looked at, so that of many at once not all are
    the first; for the others only when it has failed, or right passwords would be in each other's way.
    """
    [here] = _locked(session, [attempt.here])
    # After the lock: whoever waited for it asks for the time they were given.
    instant = clock.now(session)
    is_known = here.signed_in_at is not None and instant - here.signed_in_at < _KNOWN_FOR
    asked = [here] if is_known else [here, *_read(session, attempt.address, attempt.email)]
    blocked = [row.blocked_until for row in asked if row.blocked_until and row.blocked_until > instant]
    if blocked:
        seconds = int((max(blocked) - instant).total_seconds()) + 1
        raise TooManyAttempts(
            f"Too many attempts to sign in. Try again in {seconds} seconds.", retry_after_seconds=seconds
        )
    _count(attempt.here, here, instant)


def failed(session: Session, attempt: Tried) -> None:
    """The password was wrong: it counts for the address and for the e-mail, too."""
    counted = (attempt.address, attempt.email)
    rows = _locked(session, counted)
    instant = clock.now(session)
    for each, row in zip(counted, rows, strict=True):
        _count(each, row, instant)


def not_judged(session: Session, attempt: Tried) -> None:
    """Nobody looked at the password: nothing is counted."""
    [here] = _locked(session, [attempt.here])
    here.forgotten_at -= attempt.here.forgets_one_in
    if attempt.here.failures(here, clock.now(session)) < attempt.here.free:
        here.blocked_until = None


def succeeded(session: Session, attempt: Tried) -> None:
    """The password was right: whoever tries this e-mail from this address is known there, and may mistype again.

    The other counts stay as they are: who owns one account could otherwise guess at others for ever.
    """
    [here] = _locked(session, [attempt.here])
    here.signed_in_at = here.forgotten_at = clock.now(session)
    here.blocked_until = None


def forget_old_attempts(session: Session) -> int:
    """Drop the counts that have decayed, but for those that say who is known where; returns how many."""
    instant = clock.now(session)
    over = (
        SignInAttempts.forgotten_at < instant,
        or_(SignInAttempts.blocked_until.is_(None), SignInAttempts.blocked_until < instant),
        or_(SignInAttempts.signed_in_at.is_(None), SignInAttempts.signed_in_at < instant - _KNOWN_FOR),
    )
    return int(session.execute(delete(SignInAttempts).where(*over)).rowcount)  # type: ignore[attr-defined]


def _of(counted: str) -> str:
    return sha256(counted.encode()).hexdigest()


def _count(counted: Counted, row: SignInAttempts, instant: datetime) -> None:
    failures = min(counted.failures(row, instant) + 1, counted.most)
    latest = instant + failures * counted.forgets_one_in
    row.forgotten_at = min(max(row.forgotten_at, instant) + counted.forgets_one_in, latest)
    if failures >= counted.free:
        row.blocked_until = instant + counted.wait(failures)


def _read(session: Session, *counted: Counted) -> Sequence[SignInAttempts]:
    digests = [each.digest for each in counted]
    return session.scalars(select(SignInAttempts).where(SignInAttempts.digest.in_(digests))).all()


def _locked(session: Session, counted: Sequence[Counted]) -> list[SignInAttempts]:
    digests = [each.digest for each in counted]
    found = {row.digest: row for row in locked_rows(session, SignInAttempts, digests)}
    missing = sorted(set(digests) - set(found))
    if not missing:
        return [found[digest] for digest in digests]
    instant = clock.now(session)
    session.add_all(
        SignInAttempts(digest=digest, forgotten_at=instant, blocked_until=None, signed_in_at=None)
        for digest in missing
    )
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    return _locked(session, counted)
