"""Editing what was read: the version that was seen comes back in If-Match, and must still be the present one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from flask import request

from identity.accounts import EditedMeanwhile
from kernel.refusals import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable

View = TypeVar("View", bound="Callable[..., Any]")

# A proxy that compresses what it passes on makes a weak one of ours. Ours counts versions of the thing and not of its
# bytes, so nothing is lost by taking it back.
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"')


class IfMatchRequired(Invalid):
    """Editing needs the If-Match header with the ETag that came with the thing when it was read."""

    code = "if_match_required"


def edits_a_version(view: View) -> View:
    """This route needs If-Match; it reads it with `expected_version`."""
    view.needs_if_match = True  # type: ignore[attr-defined]
    return view


def etag(version: int) -> dict[str, str]:
    """The header that names a version."""
    return {"ETag": f'"{version}"'}


def expected_version() -> int | None:
    """The version the caller has seen; None for any, which `If-Match: *` says."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise IfMatchRequired("Send If-Match with the ETag you read.", field="If-Match")
    if header == "*":
        return None
    match = _VERSION.fullmatch(header)
    if match is None:
        raise EditedMeanwhile("This ETag is not one of ours. Read it again, then decide.", field="If-Match")
    return int(match[1])
