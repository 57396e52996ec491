"""Every code the service may answer with, what it means and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.errors import RouteNotFound, status_of, title_of
from kernel.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEXT_BY_KIND: dict[type[Refusal], str] = {
    NotFound: "Check the id. What belongs to other people looks as if it did not exist.",
    Forbidden: "Sign in as somebody who may do this, or ask them to do it.",
    Conflict: "Read the thing again and decide anew: it is not, or no longer, in a state in which this can be done.",
    Invalid: "Correct what `field` (or `errors`) names and send it as a new request, with a new Idempotency-Key.",
    Unavailable: "Wait as long as Retry-After says, then send the same request with the same Idempotency-Key.",
}

_NEXT_BY_CODE = {
    "body_too_large": "Send less. Files are not sent in the body.",
    "card_number_refused": "Take it out. Cards are entered in the payment form, which sends them to the provider "
    "only. If it is no card number, write it in another way.",
    "etag_mismatch": "Read the thing again, see what has changed, and edit it with its new ETag in If-Match.",
    "idempotency_key_missing": "Make a fresh UUID for every new order and keep it until you have the answer.",
    "idempotency_key_reused": "Make a fresh key for a new request; an old one only repeats the very same request.",
    "if_match_required": "Read the thing, and send the ETag that came with it in If-Match.",
    "internal_error": "Send the same request again with the same Idempotency-Key: nothing is carried out twice. "
    "If it stays, tell support the request id.",
    "method_not_allowed": "Use one of the methods in the Allow header.",
    "not_signed_in": "Refresh the tokens with `POST /v1/sessions/refresh`; if that is refused, sign in again.",
    "refresh_refused": "Sign in again. If you did not use the token twice yourself, end your other sessions as well.",
    "request_in_progress": "Ask again in a few seconds with the same Idempotency-Key.",
    "sign_in_refused": "Check both, also for capitals. After several failures each further try has to wait longer.",
}


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """A code as its page explains it."""

    code: str
    title: str
    status: int
    meaning: str
    next_step: str


def problem_pages() -> list[ProblemPage]:
    """All of them, by code."""
    # Several refusals may share a code; what stands at the edge explains it best.
    found: dict[str, type[Refusal]] = {RouteNotFound.code: RouteNotFound}
    for refusal in _below(Refusal):
        if "code" in refusal.__dict__:
            found.setdefault(refusal.code, refusal)
    return [_page(found[code]) for code in sorted(found)]


def _page(refusal: type[Refusal]) -> ProblemPage:
    kind = next((kind for kind in _NEXT_BY_KIND if issubclass(refusal, kind)), Unavailable)
    return ProblemPage(
        code=refusal.code,
        title=title_of(refusal.code),
        status=status_of(refusal),
        meaning=" ".join((refusal.__doc__ or "").split()),
        next_step=_NEXT_BY_CODE.get(refusal.code, _NEXT_BY_KIND[kind]),
    )


def _below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)
