"""Sessions: one for each device signed in, each revocable alone, kept alive by refreshing its tokens."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from identity.actors import Actor
from identity.permissions import Role
from identity.tables import UserRole, UserSession
from kernel.ids import new_id
from kernel.refusals import Forbidden, NotFound
from persistence import clock, outbox
from persistence.locks import locked, locked_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

ACCESS_LIFETIME = timedelta(minutes=15)
IDLE_LIFETIME = timedelta(days=30)
LONGEST_LIFETIME = timedelta(days=180)
# How long an answer may be lost on the way, or a second request for it be under way.
ANSWER_REPEATED_FOR = timedelta(seconds=30)
_KEPT_AFTER_THE_END = timedelta(days=30)
_AGENT_LENGTH = 200

# They can be told apart from everything else at a glance, by people, by log filters and by scanners of repositories.
ACCESS_PREFIX, REFRESH_PREFIX = "hfa_", "hfr_"


class NotSignedIn(Forbidden):
    """There is no valid access token with the request: none was sent, it has expired, or its session was ended."""

    code = "not_signed_in"


class RefreshRefused(Forbidden):
    """The refresh token is unknown, expired or used long since; then its session ends, because somebody has a copy."""

    code = "refresh_refused"


class SessionNotFound(NotFound):
    """There is no such session, it has ended, or it is somebody else's."""

    code = "session_not_found"


@dataclass(frozen=True, slots=True)
class SessionView:
    """A device signed in, as its owner sees it."""

    id: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with its tokens; they are shown once and kept by nobody but the device."""

    session: SessionView
    access_token: str
    access_expires_at: datetime
    refresh_token: str


def open_session(session: Session, *, user_id: str, user_agent: str) -> SignedIn:
    """Sign a device in."""
    instant = clock.now(session)
    family = secrets.token_urlsafe(16)
    row = UserSession(
        id=new_id("se"),
        user_id=user_id,
        family=_digest(family),
        user_agent=user_agent[:_AGENT_LENGTH],
        created_at=instant,
        revoked_at=None,
        revoked_because=None,
    )
    session.add(row)
    return _renewed(session, row, family, secrets.token_urlsafe(32), instant)


def refresh_session(session: Session, *, refresh_token: str) -> SignedIn | None:
    """New tokens for the session of this one, which is used up; None, and the session ended, if it was used before.

    For some seconds the one before is answered as it was the first time: a phone that lost the answer asks again, and
    one that does two things at once asks twice. Of a copy it would be the same tokens, so the next use of both tells.
    """
    family, _, secret = refresh_token.removeprefix(REFRESH_PREFIX).partition(".")
    session_id = session.scalar(select(UserSession.id).where(UserSession.family == _digest(family)))
    row = locked(session, UserSession, session_id) if session_id else None
    instant = clock.now(session)
    if row is None or not _is_alive(row, instant):
        raise RefreshRefused("This session has ended. Sign in again.", field="refresh_token")
    if secrets.compare_digest(row.refresh_hash, _digest(secret)):
        return _renewed(session, row, family, secret, instant)
    if _was_just_answered(row, secret, instant):
        return _signed_in(row, family, secret)
    # Only a copy of a token that was good once knows the family. Whose copy it is cannot be told, so all end.
    _end(session, row, instant, "reuse")
    return None


def refreshed(outcome: SignedIn | None) -> SignedIn:
    """The new tokens, or the refusal that stands although the session was ended for it."""
    if outcome is None:
        raise RefreshRefused(
            "This session was ended because its token was used twice. Sign in again.", field="refresh_token"
        )
    return outcome


def authenticate(session: Session, *, access_token: str) -> Actor:
    """Who holds this access token."""
    # Nothing is written here: when a session was last used is known to the quarter of an hour, by its refreshes.
    rows = session.execute(
        # With the time in it, because this is asked for every request.
        select(UserSession, UserRole.role, clock.column(session.get_bind().dialect.name))
        .join(UserRole, UserRole.user_id == UserSession.user_id)
        .where(UserSession.access_hash == _digest(access_token.removeprefix(ACCESS_PREFIX)))
    ).all()
    if not rows or not _is_accepted(rows[0][0], clock.turned(session, rows[0][2])):
        raise NotSignedIn(
            "The access token is not valid (any more). Refresh it or sign in again.", field="Authorization"
        )
    return Actor(rows[0][0].user_id, frozenset(Role(role) for _, role, _ in rows), rows[0][0].id)


def _is_accepted(row: UserSession, instant: datetime) -> bool:
    return _is_alive(row, instant) and instant < row.access_expires_at


def own_sessions(session: Session, *, user_id: str, after: str | None, limit: int) -> Sequence[SessionView]:
    """The person's living sessions, newest first."""
    query = select(UserSession).where(
        UserSession.user_id == user_id,
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > clock.now(session),
    )
    if after is not None:
        query = query.where(UserSession.id < after)
    return [_view(row) for row in session.scalars(query.order_by(UserSession.id.desc()).limit(limit))]


def end_session(session: Session, *, session_id: str, by: Actor) -> None:
    """Sign one of one's own devices out; its tokens are worth nothing from now on."""
    row = locked(session, UserSession, session_id)
    instant = clock.now(session)
    if row is None or row.user_id != by.id or not _is_alive(row, instant):
        raise SessionNotFound("There is no session with this id among yours.")
    _end(session, row, instant, "signed_out")


def end_sessions(session: Session, *, user_id: str, because: str) -> int:
    """Sign a person out on every device; returns how many there were."""
    living = select(UserSession.id).where(
        UserSession.user_id == user_id,
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > clock.now(session),
    )
    rows = locked_rows(session, UserSession, session.scalars(living).all())
    # After the locks: one that ended by itself meanwhile has ended already.
    instant = clock.now(session)
    ended = [row for row in rows if _is_alive(row, instant)]
    for row in ended:
        _end(session, row, instant, because)
    return len(ended)


def last_used(session: Session, *, user_id: str) -> datetime | None:
    """When the person last used any of their devices; None where no session is remembered."""
    newest: datetime | None = session.scalar(
        select(func.max(UserSession.last_used_at)).where(UserSession.user_id == user_id)
    )
    return newest


def forget_old_sessions(session: Session) -> int:
    """Drop the sessions that ended long ago; returns how many."""
    old = UserSession.expires_at < clock.now(session) - _KEPT_AFTER_THE_END
    return int(session.execute(delete(UserSession).where(old)).rowcount)  # type: ignore[attr-defined]


def _renewed(session: Session, row: UserSession, family: str, secret: str, instant: datetime) -> SignedIn:
    row.previous_hash, row.successor_key = _digest(secret), secrets.token_bytes(32)
    access, successor = _made_of(secret, row.successor_key)
    row.access_hash, row.refresh_hash = _digest(access), _digest(successor)
    row.access_expires_at = instant + ACCESS_LIFETIME
    row.last_used_at = instant
    row.expires_at = min(instant + IDLE_LIFETIME, row.created_at + LONGEST_LIFETIME)
    session.flush()
    return _signed_in(row, family, secret)


def _signed_in(row: UserSession, family: str, secret: str) -> SignedIn:
    assert row.successor_key is not None, "it has been renewed"
    access, successor = _made_of(secret, row.successor_key)
    return SignedIn(
        _view(row), ACCESS_PREFIX + access, row.access_expires_at, f"{REFRESH_PREFIX}{family}.{successor}"
    )


def _made_of(secret: str, key: bytes) -> tuple[str, str]:
    # Made again, they are the same; but only of both together, and the key is another each time. So neither who reads
    # this table nor who has an older token can make them.
    access, successor = (
        hmac_digest(key, f"{kind} {secret}".encode(), "sha256") for kind in ("access", "refresh")
    )
    return _text(access), _text(successor)


def _text(token: bytes) -> str:
    return urlsafe_b64encode(token).rstrip(b"=").decode()


def _was_just_answered(row: UserSession, secret: str, instant: datetime) -> bool:
    # Its successor is unused: that one's use would have put it into this one's place.
    return (
        row.previous_hash is not None
        and secrets.compare_digest(row.previous_hash, _digest(secret))
        and instant - row.last_used_at <= ANSWER_REPEATED_FOR
    )


def _end(session: Session, row: UserSession, instant: datetime, because: str) -> None:
    row.revoked_at, row.revoked_because = instant, because
    outbox.publish(
        session, name="session.ended", subject=row.id, payload={"user_id": row.user_id, "because": because}
    )


def _is_alive(row: UserSession, instant: datetime) -> bool:
    return row.revoked_at is None and row.expires_at > instant


def _digest(token: str) -> bytes:
    # Random and long, so a plain digest is enough: there is nothing to guess.
    return sha256(token.encode()).digest()


def _view(row: UserSession) -> SessionView:
    return SessionView(row.id, row.user_agent, row.created_at, row.last_used_at, row.expires_at)
