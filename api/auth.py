"""Who is asking, and whether they may: every route says which permission it needs, or why it needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from flask import current_app, g, request

from identity.sessions import NotSignedIn, authenticate
from kernel.refusals import Forbidden
from persistence.unit_of_work import reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from identity.actors import Actor
    from identity.permissions import Permission

View = TypeVar("View", bound="Callable[..., Any]")

_SCHEME = "bearer "


class NotPermitted(Forbidden):
    """None of the person's roles may do this."""

    code = "not_permitted"


def requires(permission: Permission) -> Callable[[View], View]:
    """Only people who hold `permission` reach this route; whose things they touch is checked where they are loaded."""

    def mark(view: View) -> View:
        view.required_permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def public(*, reason: str) -> Callable[[View], View]:
    """Everybody reaches this route, for this reason."""

    def mark(view: View) -> View:
        view.public_because = reason  # type: ignore[attr-defined]
        return view

    return mark


def actor() -> Actor:
    """The person who is asking."""
    person: Actor = g.actor
    return person


def asking() -> Actor | None:
    """The person who is asking, where signing in is not needed."""
    person: Actor | None = g.get("actor")
    return person


def register(app: Flask) -> None:
    """Know the caller of every request to `app`, and let nobody through a route that does not say whom it is for."""
    app.before_request(_identify)


def admit() -> None:
    """Let the request through to its route, or refuse it."""
    view: Any = current_app.view_functions.get(request.endpoint or "")
    # Unknown addresses and OPTIONS are answered by the framework, which gives nothing away.
    if view is None or request.method == "OPTIONS" or hasattr(view, "public_because"):
        return
    # A route without a mark is a mistake of ours; failing closed makes it an error instead of a hole.
    permission: Permission = view.required_permission
    if g.actor is None:
        raise g.not_signed_in
    if not g.actor.may(permission):
        raise NotPermitted("Your role does not allow this.", permission=permission.value)


def _identify() -> None:
    g.actor = None
    g.not_signed_in = NotSignedIn(
        "Sign in first: send `Authorization: Bearer <access token>`.", field="Authorization"
    )
    header = request.headers.get("Authorization", "")
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or hasattr(view, "public_because") or not header.lower().startswith(_SCHEME):
        return
    try:
        g.actor = reading(authenticate, access_token=header[len(_SCHEME) :].strip())
    except NotSignedIn as refusal:
        # Kept for later: the limit on requests counts this one against its address before the route refuses it.
        g.not_signed_in = refusal
