"""How many requests a person, or an address before sign-in, may make in a minute.

Counted in Redis for all processes together; while it is away, by each process alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from flask import current_app, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address

from api import errors
from api.auth import asking
from kernel.refusals import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response

    from runtime.settings import Settings

View = TypeVar("View", bound="Callable[..., Any]")

_REDIS_SECONDS = 1


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


def register(app: Flask, settings: Settings) -> None:
    """Count the requests to `app`; after the caller is known, before the route is entered."""
    limiter = Limiter(
        get_remote_address,
        application_limits=[
            _limit(settings.REQUESTS_PER_MINUTE, "all", _who, lambda: _marked("unlimited")),
            _limit(
                settings.SIGN_INS_PER_MINUTE,
                "sign_in",
                get_remote_address,
                lambda: not _marked("tries_credentials"),
            ),
        ],
        storage_uri=_storage(settings),
        storage_options=_options(settings),
        in_memory_fallback_enabled=True,
        key_prefix="holdfast",
    )
    limiter.init_app(app)

    def answer(_: RateLimitExceeded) -> Response:
        breached = limiter.current_limit
        seconds = max(1, int(breached.reset_at - time.time())) if breached else errors.DEFAULT_RETRY_SECONDS
        return errors.answer(RateLimited("Too many requests. Slow down.", retry_after_seconds=seconds))

    app.register_error_handler(RateLimitExceeded, answer)


def _limit(
    per_minute: int, scope: str, key: Callable[[], str], exempt: Callable[[], bool]
) -> ApplicationLimit:
    return ApplicationLimit(
        limit_provider=f"{per_minute} per minute", scope=scope, key_function=key, exempt_when=exempt
    )


def _who() -> str:
    person = asking()
    return person.id if person else get_remote_address()


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
