"""Verification sessions."""

from sandbox.stripe import identifying
from sandbox.stripe.errors import Json
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page
from sandbox.stripe.metadata import merged
from sandbox.stripe.router import Call, route

_PATH = "/v1/identity/verification_sessions"


@route("POST", _PATH)
def create(call: Call) -> Json:
    """Begin to verify a person."""
    parameters = call.parameters
    session_id = call.world.new_id("vs")
    session: Json = {
        "id": session_id,
        "object": identifying.KIND,
        "client_reference_id": None,
        "client_secret": f"{session_id}_secret_{call.world.token(40)}",
        "created": call.world.now(),
        "last_error": None,
        "last_verification_report": None,
        "livemode": False,
        "metadata": merged({}, parameters.get("metadata")),
        "options": {"document": {}},
        "provided_details": None,
        "redaction": None,
        "related_customer": None,
        "related_customer_account": None,
        "related_person": None,
        "status": "requires_input",
        "type": "document",
        "url": f"https://verify.stripe.com/start/{call.world.token(40)}",
    } | call.given(
        "client_reference_id",
        "options",
        "provided_details",
        "related_customer",
        "related_person",
        "type",
    )
    # Where the hosted page leads; the app shows its own sheet instead.
    parameters.get("return_url")
    call.world.put(call.account, session)
    emit(call.world, f"{identifying.KIND}.created", session)
    return session


@route("GET", _PATH)
def listed(call: Call) -> Json:
    """All verification sessions, newest first."""
    by = ["client_reference_id", "related_customer", "status"]
    return page(call, identifying.KIND, by=by, url=_PATH)


@route("GET", _PATH + "/{session}")
def retrieve(call: Call) -> Json:
    """One verification session."""
    return call.named(identifying.KIND, "session")


@route("POST", _PATH + "/{session}/cancel")
def cancel(call: Call) -> Json:
    """Ask no more."""
    return identifying.canceled(call.world, call.named(identifying.KIND, "session"))


@route("POST", _PATH + "/{session}/redact")
def redact(call: Call) -> Json:
    """Erase what was shown."""
    return identifying.redacted(call.world, call.named(identifying.KIND, "session"))
