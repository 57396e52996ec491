"""Stripe's own examples of its objects, published with its OpenAPI document; not part of this repository."""

from __future__ import annotations

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

_BESIDE_THE_REPOSITORY = Path(__file__).parents[3] / "shared/data/stripe/stripe-fixtures3-2026-08.json.gz"
PATH = Path(os.environ.get("STRIPE_FIXTURES", _BESIDE_THE_REPOSITORY))
ABSENT = (
    "Stripe's own examples are not on this machine: gzip openapi/fixtures3.json of github.com/stripe/openapi and name"
    " the file in STRIPE_FIXTURES (README, Start)"
)


@cache
def resources() -> dict[str, dict[str, Any]]:
    """One example of each kind of object, by its name."""
    if not PATH.exists():
        return {}
    with gzip.open(PATH) as packed:
        found: dict[str, dict[str, Any]] = json.load(packed)["resources"]
    return found
