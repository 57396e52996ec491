"""Whether this process is alive, and whether it can do its work."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from api.auth import public
from api.idempotency import safe
from api.rate_limits import unlimited
from runtime.readiness import checks

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
@public(reason="the load balancer asks, and learns nothing but yes")
@safe
@unlimited
def alive() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public(reason="the load balancer asks, and learns which parts are there")
@safe
@unlimited
def ready() -> tuple[Response, int]:
    """The process can do its work; what it can do without is `degraded`."""
    found = checks()
    can_work = all(check.ok for check in found if check.required)
    status = "ok" if all(check.ok for check in found) else "degraded" if can_work else "unavailable"
    body = {"status": status, "checks": {check.name: "ok" if check.ok else check.problem for check in found}}
    return jsonify(body), 200 if can_work else 503
