"""Registering, signing in and out, and one's own account."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from flask import request

from api.addresses import caller_address
from api.auth import actor, public, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.etags import edits_a_version, expected_version
from api.idempotency import naturally_idempotent
from api.identity.schemas import (
    AccountEditSchema,
    AccountSchema,
    CredentialsSchema,
    RefreshSchema,
    RegisteredSchema,
    RegistrationSchema,
    SessionSchema,
    SignedInSchema,
)
from api.paging import Page, PageAsked, PageQuery, page_of, paged
from api.rate_limits import tries_credentials
from identity import accounts, passwords
from identity.emails import EmailMalformed
from identity.permissions import Permission
from identity.places import CountryUnknown, LocaleUnknown, TimeZoneUnknown
from identity.sessions import (
    RefreshRefused,
    SessionNotFound,
    SignedIn,
    end_session,
    own_sessions,
    refresh_session,
    refreshed,
)
from identity.sign_in import SignInRefused, sign_in
from identity.throttle import TooManyAttempts
from kernel.ids import new_id
from persistence.unit_of_work import atomically, reading

if TYPE_CHECKING:
    from identity.accounts import AccountView

blueprint = Blueprint("identity", __name__, description="Accounts and sessions.")


@blueprint.post("/accounts")
@blueprint.arguments(RegistrationSchema)
@blueprint.response(202, RegisteredSchema)
@public(reason="nobody has an account before they have one")
@naturally_idempotent("a second registration with the same e-mail changes nothing")
@tries_credentials
@refuses(
    EmailMalformed,
    passwords.PasswordTooWeak,
    passwords.SignInsBusy,
    CountryUnknown,
    LocaleUnknown,
    TimeZoneUnknown,
)
def register(wanted: dict[str, Any]) -> dict[str, str]:
    """Open an account.

    The answer is the same whether or not the e-mail has an account already; an existing account is left as it is.
    """
    # Known e-mail or not, the password is hashed: how long the answer takes must not tell.
    password_hash = passwords.hashed(passwords.accept(wanted.pop("password"), email=wanted["email"]))
    atomically(accounts.open_account, user_id=new_id("us"), password_hash=password_hash, **wanted)
    return {"message": "If this e-mail had no account, it has one now. Sign in to use it."}


@blueprint.post("/sessions")
@blueprint.arguments(CredentialsSchema)
@blueprint.response(201, SignedInSchema)
@public(reason="signing in is how one stops being a stranger")
@naturally_idempotent("each sign-in is a session of its own and moves nothing")
@tries_credentials
@leads_to("endSessionById", session_id="$response.body#/session/id")
@refuses(SignInRefused, TooManyAttempts, passwords.SignInsBusy)
def start_session(credentials: dict[str, str]) -> SignedIn:
    """Sign in on a device."""
    return sign_in(**credentials, address=caller_address(), user_agent=request.user_agent.string)


@blueprint.post("/sessions/refresh")
@blueprint.arguments(RefreshSchema)
@blueprint.response(200, SignedInSchema)
@public(reason="the refresh token in the body says who it is, when the access token has expired")
@naturally_idempotent("a second use is answered alike for half a minute, and later ends the session")
@tries_credentials
@refuses(RefreshRefused)
def refresh_tokens(sent: dict[str, str]) -> SignedIn:
    """Exchange the refresh token for new tokens; the old ones are worth nothing from then on.

    Whoever loses the answer asks again within half a minute and is given the same. Later a second use ends the session.
    """
    return refreshed(atomically(refresh_session, **sent))


@blueprint.get("/sessions")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(SessionSchema))
@requires(Permission.MANAGE_OWN_ACCOUNT)
@leads_to("endSessionById", session_id="$response.body#/data/0/id")
def list_sessions(page: PageAsked) -> Page:
    """The devices one is signed in on, newest first."""
    return paged(own_sessions, page, key=attrgetter("id"), user_id=actor().id)


@blueprint.delete("/sessions/current")
@blueprint.response(204)
@requires(Permission.MANAGE_OWN_ACCOUNT)
@naturally_idempotent("what has ended cannot end again")
def sign_out() -> None:
    """Sign this device out."""
    person = actor()
    assert person.session_id is not None, "whoever came in by a token has a session"
    atomically(end_session, session_id=person.session_id, by=person)


@blueprint.delete("/sessions/<string(length=29):session_id>")
@blueprint.response(204)
@requires(Permission.MANAGE_OWN_ACCOUNT)
@naturally_idempotent("what has ended cannot end again")
@refuses(SessionNotFound)
def end_session_by_id(session_id: str) -> None:
    """Sign one of one's devices out."""
    atomically(end_session, session_id=session_id, by=actor())


@blueprint.get("/me")
@blueprint.response(200, AccountSchema)
@requires(Permission.MANAGE_OWN_ACCOUNT)
def get_account() -> AccountView:
    """One's own account."""
    return reading(accounts.account, actor().id)


@blueprint.patch("/me")
@blueprint.arguments(AccountEditSchema)
@blueprint.response(200, AccountSchema)
@requires(Permission.MANAGE_OWN_ACCOUNT)
@naturally_idempotent("If-Match lets the same edit through once")
@edits_a_version
@refuses(LocaleUnknown, TimeZoneUnknown)
def edit_account(changes: dict[str, str]) -> AccountView:
    """Change one's name, language or time zone.

    The country stays as registered, because the account that money is paid to hangs on it; support changes it.
    """
    return atomically(accounts.edit_account, by=actor(), expected_version=expected_version(), **changes)
