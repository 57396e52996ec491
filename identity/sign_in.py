"""Signing in: the attempt is counted, the password compared with nothing locked, the session opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from identity import emails, passwords, throttle
from identity.sessions import SignedIn, open_session
from identity.tables import User
from kernel.refusals import Forbidden
from persistence.unit_of_work import staged

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from identity.throttle import Counted


class SignInRefused(Forbidden):
    """No account has this e-mail with this password; which of the two is wrong is not said."""

    code = "sign_in_refused"


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """Somebody says who they are; `kept` is the hash to compare with, if there is such a person."""

    counted: tuple[Counted, ...]
    email_digest: str
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
    signed_in = staged(
        begin=attempt,
        call=judge,
        record=admit,
        email=email,
        password=password,
        address=address,
        user_agent=user_agent,
    )
    assert signed_in is not None, "every attempt is judged"
    return signed_in


def attempt(session: Session, *, email: str, password: str, address: str, user_agent: str) -> Attempt:
    """Count the attempt and find whom it is for; refuses when there were too many."""
    digest = emails.digest(email)
    counted = (throttle.by_email(digest), throttle.by_address(address))
    throttle.count_attempt(session, counted)
    person = session.scalar(select(User).where(User.email_key == emails.key(email)))
    return Attempt(
        counted,
        digest,
        password,
        user_agent,
        person.id if person else None,
        person.password_hash if person else None,
    )


def judge(made: Attempt) -> Verdict:
    """Compare the password; it takes as long when there is no such person."""
    right = passwords.matches(made.kept, made.password)
    if not right or made.kept is None or not passwords.is_outdated(made.kept):
        return Verdict(right)
    return Verdict(right, passwords.hashed(made.password))


def admit(session: Session, *, intent: Attempt, outcome: Verdict) -> SignedIn:
    """Open the session, or refuse in the same words whatever was wrong."""
    if not outcome.right or intent.user_id is None:
        raise SignInRefused("The e-mail or the password is wrong.")
    throttle.take_back(session, intent.counted, forgive=intent.email_digest)
    if outcome.new_hash is not None:
        # Only over the hash that was compared: the password may have been changed meanwhile.
        session.execute(
            update(User)
            .where(User.id == intent.user_id, User.password_hash == intent.kept)
            .values(password_hash=outcome.new_hash)
        )
    return open_session(session, user_id=intent.user_id, user_agent=intent.user_agent)
