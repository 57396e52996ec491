"""Schemathesis reads the document and tries whatever it allows and forbids, as several people, along all links."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from api.openapi import document
from tests.api.conftest import PASSWORD
from tests.http.orders import operations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.http.town import Town

# Who asks, in this order until one is admitted; Clara and Otto must never see each other's things.
_WHO = ("clara", "walt", "otto", "fiona", "mia", "ada")
_STRANGERS = ("clara", "otto")

# What stands in for a value that cannot be guessed: one of ours in most places, for as long as it is there.
_PLACES = {
    "path.contract_id": ("contract offered", "contract active", "contract completed"),
    "path.milestone_id": ("milestone draft", "milestone funding", "milestone funded", "milestone submitted"),
    "path.request_id": ("refund_request open",),
    "path.payment_id": ("payment",),
    "path.payout_id": ("payout",),
    "path.transfer_id": ("transfer failed",),
    "path.card_id": ("card",),
    "path.adjustment_id": ("adjustment",),
    "path.entry_id": ("receipt", "entry"),
    "body.milestone_id": ("milestone draft",),
}
_MOSTLY = 0.8

# Every exclusion has its reason.
_SETTINGS = f"""
continue-on-failure = true

[generation]
deterministic = true
no-shrink = true

# A request is refused with the status of what is wrong with it: a key (409), a version (412), a size (413), ...
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429]

# The document cannot say which amount is held, which state allows what, whose it is, which cursor was
# handed out, or how often one may guess.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 422, 428, 429]

# RFC 6585 has a status of its own for a version that is not named.
[checks.missing_required_header]
expected-statuses = [400, 401, 403, 428]

# Every kind of mistake in every field is tried by test_bad_input, where it is also seen that nothing moves.
[phases.coverage.generation]
mode = "positive"

[phases.fuzzing.generation]
max-examples = 2

[phases.stateful.generation]
max-examples = 10

[auth.wfc]
path = "people.json"
peers = {json.dumps(_STRANGERS)}

"""


@pytest.fixture
def project(town: Town, tmp_path: Path) -> Path:
    """A directory with what Schemathesis has to know of the people and of what there is."""
    (tmp_path / "people.json").write_text(json.dumps({"auth": [_sign_in(name) for name in _WHO]}))
    settings = _SETTINGS.format(examples=5, strangers=json.dumps(_STRANGERS))
    settings += "\n".join(
        _bound(place, [town.one(kind)["id"] for kind in kinds]) for place, kinds in _PLACES.items()
    )
    settings += "\n" + _bound("body.worker_id", [town.walt.id])
    (tmp_path / "schemathesis.toml").write_text(settings)
    return tmp_path


def test_nothing_that_the_document_allows_or_forbids_is_a_surprise(town: Town, project: Path):
    ran = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{town.house.web}/openapi.json"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2_000:]
    assert f"Tested: {len(operations(document(town.app)))}" in ran.stdout
    assert "will not run" not in ran.stdout, "a check that was asked for had nothing to work with"


def _sign_in(name: str) -> dict[str, Any]:
    credentials = {"email": f"{name}@example.com", "password": PASSWORD}
    token = {
        "extractFrom": "body",
        "extractSelector": "/access_token",
        "sendIn": "header",
        "sendName": "Authorization",
        "sendTemplate": "Bearer {token}",
    }
    login = {
        "verb": "POST",
        "endpoint": "/v1/sessions",
        "contentType": "application/json",
        "payloadRaw": json.dumps(credentials),
        "token": token,
    }
    return {"name": name, "loginEndpointAuth": login}


def _bound(place: str, values: list[str]) -> str:
    name = re.sub(r"\W", "_", place)
    return (
        f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n"
        f'[parameters."{place}"]\ndictionary = "{name}"\nprobability = {_MOSTLY}\n'
    )
