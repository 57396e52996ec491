"""Looking before leaping: the same operation, run and taken back, with the entries it would have posted."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from flask import Response, g, jsonify, request
from marshmallow import fields

from api.schemas import MoneyField, Strict
from kernel.refusals import Invalid
from ledger.posting import posted_in
from persistence.unit_of_work import rehearse

if TYPE_CHECKING:
    from collections.abc import Callable

    from marshmallow import Schema
    from sqlalchemy.orm import Session

View = TypeVar("View", bound="Callable[..., Any]")
P = ParamSpec("P")

PARAMETER = "preview"


class PreviewMalformed(Invalid):
    """`preview` is true or false, said once."""

    code = "preview_malformed"


class ForeseenPosting(Strict):
    """One line of an entry that would be posted."""

    account = fields.String(required=True, attribute="account.code")
    side = fields.String(required=True, attribute="side.value", metadata={"enum": ["debit", "credit"]})
    amount = MoneyField(required=True)


class ForeseenEntry(Strict):
    """An entry that would be posted."""

    movement = fields.String(required=True)
    phase = fields.String(required=True, attribute="phase.value", metadata={"enum": ["posted", "pending"]})
    postings = fields.List(fields.Nested(ForeseenPosting), required=True)


def previewable(view: View) -> View:
    """`?preview=true` shows what this route would do; it runs its operation with `once`, or shows it by `foreseen`."""
    view.previewable = True  # type: ignore[attr-defined]
    return view


@cache
def preview_of(schema: type[Schema]) -> type[Schema]:
    """The envelope of a preview of what is written by `schema`."""
    made = Strict.from_dict(
        {
            "preview": fields.Boolean(required=True, metadata={"enum": [True]}),
            "result": fields.Nested(schema, required=True),
            "entries": fields.List(fields.Nested(ForeseenEntry), required=True),
        },
        name=f"{schema.__name__.removesuffix('Schema')}Preview",
    )
    made.__doc__ = "What would be answered and posted; nothing was changed."
    return made


def is_preview() -> bool:
    """Whether this request only asks what would happen."""
    return request.args.get(PARAMETER) == "true"


def check_preview() -> None:
    """Refuse a `preview` that is not understood: what was meant as a question must not be carried out."""
    if request.args.getlist(PARAMETER) not in ([], ["true"], ["false"]):
        raise PreviewMalformed("`preview` is true or false.", field=PARAMETER)


def foreseen(
    operation: Callable[Concatenate[Session, P], Any], *arguments: P.args, **named: P.kwargs
) -> Response:
    """What `operation` would answer and post, with everything as it was before."""
    return jsonify(rehearse(_foresee, operation, g.answer_schema, arguments, named))


def _foresee(
    session: Session,
    operation: Callable[..., Any],
    schema: Schema,
    arguments: tuple[Any, ...],
    named: dict[str, Any],
) -> dict[str, Any]:
    view = operation(session, *arguments, **named)
    return {
        "preview": True,
        "result": schema.dump(view),
        "entries": ForeseenEntry(many=True).dump(posted_in(session)),
    }
