"""Stripe Identity: a person shows a document, and Stripe says whether it is theirs."""

from sandbox.agenda import due, schedule
from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.settings import DAY
from sandbox.stripe.state import World

KIND = "identity.verification_session"
_REDACTED_AFTER_SECONDS = DAY
_REDACTABLE = frozenset({"requires_input", "verified", "canceled"})


def submitted(world: World, session: Json) -> Json:
    """The person has photographed the document; nothing is decided yet."""
    _refuse_unless(session, "requires_input", "submitted")
    return _become(world, session, "processing")


def decided(world: World, session: Json, *, error: str | None) -> Json:
    """Stripe has looked: verified, or with an error code something else is needed."""
    if session["status"] == "requires_input":
        submitted(world, session)
    _refuse_unless(session, "processing", "decided")
    session["last_verification_report"] = world.new_id("vr")
    if error is None:
        session |= {"client_secret": None, "url": None, "last_error": None}
        return _become(world, session, "verified")
    session["last_error"] = {"code": error, "reason": "The document could not be verified."}
    return _become(world, session, "requires_input")


def canceled(world: World, session: Json) -> Json:
    """The person shall not be asked any more."""
    _refuse_unless(session, "requires_input", "canceled")
    session |= {"client_secret": None, "url": None}
    return _become(world, session, "canceled")


def redacted(world: World, session: Json) -> Json:
    """Begin to erase what the person showed; that takes a while and cannot be undone."""
    if session["status"] not in _REDACTABLE or session["redaction"] is not None:
        raise _not_now(session, "redacted")
    session |= {"redaction": {"status": "processing"}, "client_secret": None, "url": None}
    finished = world.now() + _REDACTED_AFTER_SECONDS
    schedule(world, at=finished, kind="redaction_done", subject=session["id"])
    return session


@due("redaction_done")
def redaction_done(world: World, session_id: str) -> None:
    """Everything personal is gone, the metadata too."""
    session = world.data["objects"][session_id]
    session |= {
        "metadata": {},
        "provided_details": None,
        "redaction": {"status": "redacted"},
        "verified_outputs": None,
    }
    emit(world, f"{KIND}.redacted", session)


def _become(world: World, session: Json, status: str) -> Json:
    session["status"] = status
    emit(world, f"{KIND}.{status}", session)
    return session


def _refuse_unless(session: Json, status: str, done: str) -> None:
    if session["status"] != status:
        raise _not_now(session, done)


def _not_now(session: Json, done: str) -> StripeError:
    return invalid(
        f"This VerificationSession cannot be {done}: its status is {session['status']}.",
        code="verification_session_unexpected_state",
    )
