"""Signing in: the attempt is counted, the password compared with nothing locked, the session opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from identity import emails, passwords, throttle
from identity.passwords import SignInsBusy
from identity.sessions import SignedIn, open_session
from identity.tables import User
from kernel.refusals import Forbidden
from persistence.locks import locked
from persistence.unit_of_work import staged

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from identity.throttle import Tried
    from kernel.refusals import Refusal


class SignInRefused(Forbidden):
    """No account has this e-mail with this password; which of the two is wrong is not said."""

    code = "sign_in_refused"


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """Somebody says who they are; `kept` is the hash to compare with, if there is such a person."""

    counted: Tried
    password: str
    user_agent: str
    user_id: str | None
    kept: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """Whether the password was right, and its new hash when today's parameters are others."""

    right: bool
    new_hash: str | None = None


def sign_in(*, email: str, password: str, address: str, user_agent: str) -> SignedIn:
    """Open a session for whoever has this e-mail and password."""
    outcome = staged(
        begin=attempt,
        call=judge,
        record=admit,
        email=email,
        password=password,
        address=address,
        user_agent=user_agent,
    )
    if not isinstance(outcome, SignedIn):
        assert outcome is not None, "every attempt is judged"
        raise outcome
    return outcome


def attempt(session: Session, *, email: str, password: str, address: str, user_agent: str) -> Attempt:
    """Count the attempt and find whom it is for; refuses when there were too many."""
    counted = throttle.tried(email_digest=emails.digest(email), address=address)
    throttle.count_attempt(session, counted)
    person = session.scalar(select(User).where(User.email_key == emails.key(email), User.ended_at.is_(None)))
    return Attempt(
        counted,
        password,
        user_agent,
        person.id if person else None,
        person.password_hash if person else None,
    )


def judge(made: Attempt) -> Verdict | SignInsBusy:
    """Compare the password; it takes as long when there is no such person."""
    try:
        right = passwords.matches(made.kept, made.password)
        if not right or made.kept is None or not passwords.is_outdated(made.kept):
            return Verdict(right)
        return Verdict(right, passwords.hashed(made.password))
    except SignInsBusy as busy:
        return busy


def admit(session: Session, *, intent: Attempt, outcome: Verdict | SignInsBusy) -> SignedIn | Refusal:
    """Open the session, or refuse in the same words whatever was wrong; what is counted for it stands."""
    if isinstance(outcome, SignInsBusy):
        throttle.not_judged(session, intent.counted)
        return outcome
    person = locked(session, User, intent.user_id) if outcome.right and intent.user_id else None
    if person is None or person.ended_at is not None:
        throttle.failed(session, intent.counted)
        return SignInRefused("The e-mail or the password is wrong.")
    throttle.succeeded(session, intent.counted)
    # Only over the hash that was compared: the password may have been changed meanwhile.
    if outcome.new_hash is not None and person.password_hash == intent.kept:
        person.password_hash = outcome.new_hash
    return open_session(session, user_id=person.id, user_agent=intent.user_agent)
