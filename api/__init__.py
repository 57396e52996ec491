"""The HTTP interface: one folder per resource, and beside them what all requests go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from api import (
    auth,
    blueprints,
    body,
    errors,
    health,
    idempotency,
    pan_guard,
    preview,
    rate_limits,
    request_ids,
    security_headers,
)
from api.openapi import Api
from api.reference import routes as reference
from api.resources import RESOURCES
from runtime import logging, wiring
from runtime.settings import Settings

if TYPE_CHECKING:
    from flask import Response


def create_app(settings: Settings | None = None) -> Flask:
    """The application, wired by these settings or by the environment's."""
    settings = settings or Settings.from_environment()
    settings.check()
    logging.configure(settings.LOG_LEVEL)
    wiring.build(settings)
    app = Flask("holdfast", static_folder=None, template_folder=None)
    app.secret_key = settings.SECRET_KEY.get_secret_value()
    app.url_map.strict_slashes = False
    # An address that is nearly one of ours is none: the redirect would go to whatever host the caller names.
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.TRUSTED_PROXIES:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.TRUSTED_PROXIES, x_proto=1)  # type: ignore[method-assign]
    _put_in_order(app, settings)
    interface = Api(app)
    for resource in RESOURCES:
        interface.register_blueprint(resource)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(reference.blueprint)
    return app


def _put_in_order(app: Flask, settings: Settings) -> None:
    # Each step may rely on those before it: nothing is refused without an id to ask about, nothing is read before it is
    # counted, nothing of what is read is logged or kept before it is known to hold no card number, and only what is
    # admitted is read further. Of a token, only its digest is looked up.
    security_headers.register(app, https_only=settings.in_production)
    request_ids.register(app)
    errors.register(app)
    app.register_error_handler(idempotency.KeptRefusal, _kept)
    rate_limits.register_by_address(app, settings)
    auth.register(app)
    rate_limits.register_by_person(app, settings)
    app.before_request(body.read_body)
    app.before_request(pan_guard.refuse_card_numbers)
    app.before_request(auth.admit)
    app.before_request(body.check_body)
    app.before_request(blueprints.check_parameters)
    app.before_request(preview.check_preview)
    app.before_request(idempotency.check_key)
    app.after_request(idempotency.mark_replayed)
    app.after_request(idempotency.settle_begun)


def _kept(refusal: idempotency.KeptRefusal) -> Response:
    return refusal.response
