"""People's accounts: opened by themselves, or by whoever runs the service for its staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from identity import emails, places
from identity.permissions import SELF_CHOSEN, STAFF, Role
from identity.sessions import end_sessions
from identity.tables import User, UserRole
from kernel.refusals import Conflict, Invalid, NotFound
from persistence import clock, outbox
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from identity.actors import Actor


class RolesNotChosen(Invalid):
    """People register as client, as worker or as both; other roles are given, not chosen."""

    code = "roles_not_chosen"


class AccountNotFound(NotFound):
    """There is no such person."""

    code = "account_not_found"


class EmailTaken(Conflict):
    """There is an account with this e-mail already. Only who runs the service is told so."""

    code = "email_taken"


class EditedMeanwhile(Conflict):
    """Somebody changed it after it was read: read it again, then decide."""

    code = "etag_mismatch"


@dataclass(frozen=True, slots=True)
class AccountView:
    """A person as they see themselves."""

    id: str
    email: str
    name: str
    country: str
    locale: str
    time_zone: str
    roles: tuple[Role, ...]
    version: int
    created_at: datetime


def open_account(
    session: Session,
    *,
    user_id: str,
    email: str,
    password_hash: str,
    name: str,
    country: str,
    locale: str,
    time_zone: str,
    roles: Iterable[str],
) -> None:
    """Open an account; where the e-mail has one already nothing changes but that its owner is told."""
    chosen = frozenset(map(Role, roles))
    if not chosen or not chosen <= SELF_CHOSEN:
        raise RolesNotChosen("Register as client, as worker or as both.", field="roles")
    person = _person(
        user_id, email, password_hash, name=name, country=country, locale=locale, time_zone=time_zone
    )
    known = session.scalar(select(User.id).where(User.email_key == person.email_key))
    if known is not None:
        outbox.publish(session, name="account.registered_again", subject=known)
        return
    _add(session, person, chosen)


def create_staff(
    session: Session, *, user_id: str, email: str, password_hash: str, name: str, roles: Iterable[Role]
) -> None:
    """Give one of our own people an account; only a command of whoever runs the service does this."""
    given = frozenset(roles)
    if not given or not given <= STAFF:
        raise RolesNotChosen("Staff are support, mediator, finance or admin.", field="roles")
    person = _person(user_id, email, password_hash, name=name, country="US", locale="en-US", time_zone="UTC")
    if session.scalar(select(User.id).where(User.email_key == person.email_key)) is not None:
        raise EmailTaken("There is an account with this e-mail already.", field="email")
    _add(session, person, given)


def end_account(session: Session, *, email: str) -> str:
    """Let somebody in no more, on whichever device; only a command of whoever runs the service does this.

    What they did stays in the books under their name, and the e-mail is not free again.
    """
    person = _known_as(session, email)
    if person.ended_at is None:
        person.ended_at = clock.now(session)
        outbox.publish(session, name="account.ended", subject=person.id)
    end_sessions(session, user_id=person.id, because="account_ended")
    return person.id


def end_sessions_of(session: Session, *, email: str) -> tuple[str, int]:
    """Sign somebody out on every device, as after a phone was stolen; returns who it is and how many there were."""
    person = _known_as(session, email)
    return person.id, end_sessions(session, user_id=person.id, because="ended_by_us")


def account(session: Session, user_id: str) -> AccountView:
    """The person with this id."""
    row = session.get(User, user_id)
    if row is None:
        raise AccountNotFound("There is no account with this id.")
    return _view(session, row)


def account_with_role(session: Session, user_id: str, role: Role) -> AccountView | None:
    """The person with this id if they have the role; None, and no hint why, otherwise."""
    row = session.scalar(
        select(User)
        .join(UserRole)
        .where(User.id == user_id, User.ended_at.is_(None), UserRole.role == role.value)
    )
    return _view(session, row) if row is not None else None


def edit_account(
    session: Session,
    *,
    by: Actor,
    expected_version: int | None,
    name: str | None = None,
    locale: str | None = None,
    time_zone: str | None = None,
) -> AccountView:
    """Change one's own name, language or time zone, if nobody did so since `expected_version` was read."""
    row = locked(session, User, by.id)
    if row is None:
        raise AccountNotFound("There is no account with this id.")
    if expected_version not in (None, row.version):
        raise EditedMeanwhile(
            "Your account was changed meanwhile. Read it again, then decide.", field="If-Match"
        )
    row.name = name or row.name
    row.locale = places.locale(locale) if locale else row.locale
    row.time_zone = places.time_zone(time_zone) if time_zone else row.time_zone
    row.version += 1
    session.flush()
    return _view(session, row)


def _known_as(session: Session, email: str) -> User:
    user_id = session.scalar(select(User.id).where(User.email_key == emails.key(email)))
    # Signing in locks the same row before it opens a session.
    person = locked(session, User, user_id) if user_id else None
    if person is None:
        raise AccountNotFound("There is no account with this e-mail.", field="email")
    return person


def _person(
    user_id: str, email: str, password_hash: str, *, name: str, country: str, locale: str, time_zone: str
) -> User:
    address = emails.written(email)
    return User(
        id=user_id,
        email=address,
        email_key=emails.key(address),
        password_hash=password_hash,
        name=name,
        country=places.country(country),
        locale=places.locale(locale),
        time_zone=places.time_zone(time_zone),
        version=1,
    )


def _add(session: Session, person: User, roles: frozenset[Role]) -> None:
    person.created_at = clock.now(session)
    session.add(person)
    try:
        session.flush()
    except IntegrityError as error:
        # The same e-mail at the same moment: the next try finds the other one's account.
        raise Retry from error
    session.add_all(UserRole(user_id=person.id, role=role.value) for role in sorted(roles))
    outbox.publish(session, name="account.opened", subject=person.id)


def _view(session: Session, row: User) -> AccountView:
    roles = session.scalars(select(UserRole.role).where(UserRole.user_id == row.id).order_by(UserRole.role))
    return AccountView(
        id=row.id,
        email=row.email,
        name=row.name,
        country=row.country,
        locale=row.locale,
        time_zone=row.time_zone,
        roles=tuple(Role(role) for role in roles),
        version=row.version,
        created_at=row.created_at,
    )
