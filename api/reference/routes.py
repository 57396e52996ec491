"""`/openapi.json`, `/docs` and `/problems/<code>`: pages that need no network, no script and nobody else's server."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from api.auth import public
from api.idempotency import safe
from api.openapi import written

blueprint = Blueprint("reference", __name__, template_folder="templates")


@blueprint.get("/openapi.json")
@public(reason="the interface is no secret")
@safe
def openapi_json() -> Response:
    """The OpenAPI document."""
    return Response(written(current_app), mimetype="application/json")
