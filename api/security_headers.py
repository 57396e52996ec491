"""What browsers are told about our answers: show nothing, run nothing, keep nothing, tell nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask, Response

_ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_TWO_YEARS = "max-age=63072000; includeSubDomains"


def register(app: Flask, *, https_only: bool) -> None:
    """Send them with every answer of `app`; a route that needs another value sets it itself."""
    headers = {**_ALWAYS, "Strict-Transport-Security": _TWO_YEARS} if https_only else _ALWAYS

    def add(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    app.after_request(add)
