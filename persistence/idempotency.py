"""A request that arrives twice is carried out once and answered twice alike.

The claim of a key, the effect and the stored answer commit together wherever the effect is ours alone. Where a gateway
is called in between, the claim carries a lease and a recovery point, and whoever comes after the lease goes on there.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from kernel.ids import new_id
from kernel.refusals import Conflict, Invalid, Refusal, Unavailable
from persistence import clock
from persistence.tables import IdempotencyKey
from persistence.unit_of_work import OutcomeUnknown, Retry, atomically, begun_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

# The gateway forgets its keys after a day; ours outlive every retry a phone may make after a month in a drawer.
_KEPT = timedelta(days=30)
_LEASE = timedelta(seconds=60)

STARTED = "started"
BEGUN = "begun"
FINISHED = "finished"


class IdempotencyKeyReused(Invalid):
    """The key was used before for another request."""

    code = "idempotency_key_reused"


class RequestInProgress(Conflict):
    """The same request is being carried out right now."""

    code = "request_in_progress"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was or will be answered; `body` is None where it holds secrets and is built anew from `resource_id`."""

    status: int
    body: str | None
    headers: dict[str, str] = field(default_factory=dict)
    resource_id: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry a request out, from `recovery_point` on; or the `answer` it already has."""

    key_id: str
    recovery_point: str
    resource_id: str | None
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Request:
    """Whose key it is, the key, and a fingerprint of all that the request asks."""

    owner: str
    client_key: str
    fingerprint: bytes


def answered_once(
    request: Request, act: Callable[[Session], Answer], answer_refusal: Callable[[Refusal], Answer | None]
) -> Answer:
    """Carry out `act` in one transaction with the claim of its key, or repeat the answer given before.

    `answer_refusal` turns a refusal into the answer to keep, or None where trying again may help.
    """
    try:
        return atomically(_act_once, request=request, act=act)
    except (IdempotencyKeyReused, RequestInProgress):
        raise
    except Refusal as refusal:
        return _keep_refusal(request, refusal, answer_refusal)


def begun_once(
    request: Request, begin: Callable[[Session], str], answer_refusal: Callable[[Refusal], Answer | None]
) -> Claim:
    """Carry out `begin`, which returns the id of what it began, unless an earlier request with this key did.

    The caller goes on at the gateway and then calls `finish`, or `give_back` when that did not succeed; whoever comes
    with the same key afterwards, or after the lease of a process that died, goes on from the same id.
    """
    claims: list[Claim] = []
    try:
        return atomically(_begin_once, request=request, begin=begin, claims=claims)
    except (IdempotencyKeyReused, RequestInProgress):
        raise
    except OutcomeUnknown:
        # If the claim stands, nobody works under its lease, and who asks again shall not have to wait for its end.
        with suppress(Unavailable):
            atomically(give_back, claims[-1])
        raise
    except Refusal as refusal:
        return Claim("", FINISHED, None, _keep_refusal(request, refusal, answer_refusal))


def claim(session: Session, request: Request) -> Claim:
    """Take the key for this request; refuses one that stood for another request or is in use this moment."""
    # Nearly every key is a new one. One that is not is noticed when it is written, and read at the next try.
    row = _known(session, request) if begun_again(session) else None
    if row is None:
        return _first_claim(session, request)
    if row.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was already used for a different request. Use a new key for a new request.",
            field="Idempotency-Key",
        )
    if row.recovery_point == FINISHED:
        return Claim(row.id, FINISHED, row.resource_id, _stored_answer(row))
    instant = clock.now(session)
    if row.locked_until is not None and row.locked_until > instant:
        raise RequestInProgress(
            "The same request is being carried out right now. Ask again in a few seconds.",
            retry_after_seconds=2,
        )
    row.locked_until = instant + _LEASE
    return Claim(row.id, row.recovery_point, row.resource_id, None)


def _known(session: Session, request: Request) -> IdempotencyKey | None:
    return session.scalar(
        select(IdempotencyKey)
        .where(IdempotencyKey.owner == request.owner, IdempotencyKey.client_key == request.client_key)
        .with_for_update()
    )


def advance(session: Session, held: Claim, *, recovery_point: str, resource_id: str) -> None:
    """Remember how far the request has come, in the transaction that brought it there."""
    row = session.get_one(IdempotencyKey, held.key_id)
    row.recovery_point, row.resource_id = recovery_point, resource_id


def finish(session: Session, held: Claim, answer: Answer) -> None:
    """Keep the answer, in the transaction that carried the request out."""
    session.execute(
        # Not read again first: this is part of every request that moves money.
        update(IdempotencyKey)
        .where(IdempotencyKey.id == held.key_id)
        .values(
            recovery_point=FINISHED,
            locked_until=None,
            response_status=answer.status,
            response_body=answer.body,
            response_headers=answer.headers,
            resource_id=answer.resource_id,
        )
        .execution_options(synchronize_session=False)
    )


def give_back(session: Session, held: Claim) -> None:
    """Let the next try go on at once instead of after the lease."""
    session.execute(
        # It may not be there: that it was taken can be unknown.
        update(IdempotencyKey)
        .where(IdempotencyKey.id == held.key_id)
        .values(locked_until=None)
        .execution_options(synchronize_session=False)
    )


def forget_expired(session: Session) -> int:
    """Drop the keys that nobody will send again; returns how many."""
    result = session.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at < clock.now(session)))
    return int(result.rowcount)  # type: ignore[attr-defined]


def _act_once(session: Session, *, request: Request, act: Callable[[Session], Answer]) -> Answer:
    held = claim(session, request)
    if held.answer is not None:
        return held.answer
    answer = act(session)
    finish(session, held, answer)
    return answer


def _begin_once(
    session: Session, *, request: Request, begin: Callable[[Session], str], claims: list[Claim]
) -> Claim:
    held = claim(session, request)
    claims.append(held)
    if held.recovery_point != STARTED:
        return held
    resource_id = begin(session)
    advance(session, held, recovery_point=BEGUN, resource_id=resource_id)
    return replace(held, recovery_point=BEGUN, resource_id=resource_id)


def _keep_refusal(
    request: Request, refusal: Refusal, answer_refusal: Callable[[Refusal], Answer | None]
) -> Answer:
    answer = answer_refusal(refusal)
    if answer is None:
        raise refusal
    return atomically(_act_once, request=request, act=lambda _session: answer)


def _first_claim(session: Session, request: Request) -> Claim:
    instant = clock.now(session)
    row = IdempotencyKey(
        id=new_id("ik"),
        owner=request.owner,
        client_key=request.client_key,
        fingerprint=request.fingerprint,
        recovery_point=STARTED,
        locked_until=instant + _LEASE,
        created_at=instant,
        expires_at=instant + _KEPT,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        # It was sent before, or somebody is first this very moment; the next try reads what they left.
        raise Retry from error
    return Claim(row.id, STARTED, None, None)


def _stored_answer(row: IdempotencyKey) -> Answer:
    assert row.response_status is not None, "a finished request has an answer"
    stored = Answer(row.response_status, row.response_body, row.response_headers or {}, row.resource_id)
    return replace(stored, replayed=True)
