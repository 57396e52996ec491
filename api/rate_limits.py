"""How many requests a person, a stranger's address, and an address with all who share it may make in a minute.

Counted in Redis for all processes together; while it is away, by each process alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from flask import current_app, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded

from api import errors
from api.addresses import caller_address
from api.auth import asking
from kernel.refusals import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response

    from runtime.settings import Settings

View = TypeVar("View", bound="Callable[..., Any]")

_REDIS_SECONDS = 1
# An office or a mobile network may stand behind one address.
_PEOPLE_AT_AN_ADDRESS = 20


class RateLimited(Unavailable):
    """Too many requests in a short time. Wait as long as Retry-After says."""

    code = "rate_limited"


def tries_credentials(view: View) -> View:
    """An address may use this route less often than others."""
    view.tries_credentials = True  # type: ignore[attr-defined]
    return view


def unlimited(view: View) -> View:
    """Whoever watches over the service asks as often as they like."""
    view.unlimited = True  # type: ignore[attr-defined]
    return view


def register_by_address(app: Flask, settings: Settings) -> None:
    """Count the requests of every address, before anything of them is looked at or looked up."""
    everybody = settings.REQUESTS_PER_MINUTE * _PEOPLE_AT_AN_ADDRESS
    _count(
        app,
        settings,
        _limit(everybody, "address", caller_address, lambda: _marked("unlimited")),
        _limit(
            settings.SIGN_INS_PER_MINUTE,
            "sign_in",
            caller_address,
            lambda: not _marked("tries_credentials"),
        ),
    )


def register_by_person(app: Flask, settings: Settings) -> None:
    """Count the requests of every person, and of strangers by address; before what they sent is read."""
    _count(app, settings, _limit(settings.REQUESTS_PER_MINUTE, "all", _who, lambda: _marked("unlimited")))


def _count(app: Flask, settings: Settings, *limits: ApplicationLimit) -> None:
    limiter = Limiter(
        caller_address,
        application_limits=list(limits),
        storage_uri=_storage(settings),
        storage_options=_options(settings),
        in_memory_fallback_enabled=True,
        key_prefix="holdfast",
        # What is at no address of ours is counted like what is at one.
        request_identifier=lambda: request.endpoint or "nowhere",
    )
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, _refused)


def _refused(_: RateLimitExceeded) -> Response:
    found = [limiter.current_limit for limiter in current_app.extensions["limiter"]]
    waits = [int(limit.reset_at - time.time()) for limit in found if limit is not None and limit.breached]
    return errors.answer(RateLimited("Too many requests. Slow down.", retry_after_seconds=max([1, *waits])))


def _limit(
    per_minute: int, scope: str, key: Callable[[], str], exempt: Callable[[], bool]
) -> ApplicationLimit:
    return ApplicationLimit(
        limit_provider=f"{per_minute} per minute", scope=scope, key_function=key, exempt_when=exempt
    )


def _who() -> str:
    person = asking()
    return person.id if person else caller_address()


def _marked(mark: str) -> bool:
    return hasattr(current_app.view_functions.get(request.endpoint or ""), mark)


def _storage(settings: Settings) -> str:
    if settings.REDIS_URL is None:
        return "memory://"
    url = settings.REDIS_URL.get_secret_value()
    return f"redis+{url}" if url.startswith("unix://") else url


def _options(settings: Settings) -> dict[str, Any]:
    # A Redis that hangs must not hold requests up; without it the counts are this process's own.
    return (
        {"socket_timeout": _REDIS_SECONDS, "socket_connect_timeout": _REDIS_SECONDS}
        if settings.REDIS_URL
        else {}
    )
