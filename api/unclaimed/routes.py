"""Money that is owed to workers and has nowhere to go: read, and taken along as a file for whoever must report it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.auth import requires
from api.blueprints import Blueprint, refuses
from api.ledger.downloads import MEDIA, FormUnknown, check_form, download
from api.ledger.pdf_file import ReportTooLong
from api.paging import PageQuery, page_of, paged
from api.unclaimed import schemas as bodies
from api.unclaimed.table import unclaimed_table
from identity.permissions import Permission
from payouts.unclaimed import unclaimed
from runtime.past import settled

if TYPE_CHECKING:
    from flask import Response

    from api.paging import Page, PageAsked

blueprint = Blueprint("unclaimed", __name__, description="Money of workers who have no account left for it.")


@blueprint.get("/staff/unclaimed")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(bodies.UnclaimedSchema))
def list_unclaimed(asked: PageAsked) -> Page:
    """Workers whose payout account left and who have no other: what they are owed, since when, and the last contact."""
    return paged(unclaimed, asked, key=lambda shown: shown.worker_id)


@blueprint.get("/staff/unclaimed/<form>")
@requires(Permission.READ_LEDGER)
@blueprint.download(*MEDIA)
@refuses(FormUnknown, ReportTooLong)
def download_unclaimed(form: str) -> Response:
    """The same of everybody, as a file: a line for each worker and currency."""
    check_form(form)
    at = settled()
    return download(form, "unclaimed", lambda session: unclaimed_table(session, at=at))
