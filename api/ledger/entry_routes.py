"""The journal: entries found by what they say, and one entry with its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.auth import requires
from api.blueprints import Blueprint, leads_to, refuses
from api.ledger import entry_schemas as bodies
from api.ledger.downloads import MEDIA, FormUnknown, check_form, download
from api.ledger.pdf_file import ReportTooLong
from api.ledger.report_tables import entries_table
from api.paging import onward, page_of
from identity.permissions import Permission
from kernel.pages import CursorMalformed
from ledger.chart import named
from ledger.finding import EntriesAsked, entries_found
from ledger.posting import EntryNotFound
from ledger.statements import find_entry
from persistence.unit_of_work import reading
from runtime.past import InstantNotReached, settled

if TYPE_CHECKING:
    from typing import Any

    from flask import Response

    from api.paging import ListAsked, Page
    from ledger.journal import PostedEntry

blueprint = Blueprint("journal", __name__, description="The journal, for finance.")


@blueprint.get("/staff/ledger/entries")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.EntriesQuery, location="query")
@blueprint.response(200, page_of(bodies.EntrySchema))
@leads_to("getEntry", entry_id="$response.body#/data/0/id")
@refuses(CursorMalformed, InstantNotReached)
def list_entries(asked: ListAsked) -> Page:
    """Entries, newest first; a page may be short, or empty, and still not the last: go on while there is a cursor."""
    about = _asked(asked.about)
    return onward(reading(entries_found, about, after=asked.page.after, limit=asked.page.limit))


@blueprint.get("/staff/ledger/entries/file/<form>")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.AllEntriesQuery, location="query")
@blueprint.download(*MEDIA)
@refuses(InstantNotReached, FormUnknown, ReportTooLong)
def download_entries(asked: ListAsked, form: str) -> Response:
    """All entries that fit, line by line, as a file."""
    check_form(form)
    asked.about["recorded_until"] = at = settled(asked.about.get("recorded_until"))
    about = _asked(asked.about)
    return download(form, "entries", lambda session: entries_table(session, about, at=at))


@blueprint.get("/staff/ledger/entries/<string(length=29):entry_id>")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.EntrySchema)
@refuses(EntryNotFound)
def get_entry(entry_id: str) -> PostedEntry:
    """One entry with its lines."""
    found = reading(find_entry, entry_id)
    if found is None:
        raise EntryNotFound("There is no such entry in the books.")
    return found


def _asked(about: dict[str, Any]) -> EntriesAsked:
    narrowed = dict(about)
    currency, code = narrowed.pop("currency"), narrowed.pop("account", None)
    if narrowed.get("recorded_until") is not None:
        narrowed["recorded_until"] = settled(narrowed["recorded_until"])
    account = None if code is None else named(code, currency)
    if code is not None and account is None:
        # No place of ours, so nothing was ever posted to it.
        narrowed["reference"] = ""
    return EntriesAsked(account=account, **narrowed)
