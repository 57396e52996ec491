"""Reports: what moved, and what lies there."""

from datetime import datetime

from sandbox.paypal import lines
from sandbox.paypal.amounts import said
from sandbox.paypal.errors import invalid
from sandbox.paypal.router import Answer, Call, route
from sandbox.paypal.settings import DAY
from sandbox.paypal.state import World
from sandbox.world import Json

_LONGEST_SECONDS = 31 * DAY
_MOST = 10_000


@route("GET", "/v1/reporting/transactions")
def transactions(call: Call) -> Answer:
    """What moved in a stretch of at most 31 days, oldest first."""
    world, query = call.world, call.query
    begins, ends = (_moment(query[name]) for name in ("start_date", "end_date"))
    if ends - begins > _LONGEST_SECONDS:
        raise invalid("INVALID_REQUEST", "Date range is greater than 31 days", field="start_date")
    written = [line["info"] for line in _written(world)]
    # What was pending is listed by when it began, and not by when it came.
    found = [info for info in written if begins <= _moment(info["transaction_initiation_date"]) <= ends]
    if "transaction_id" in query:
        found = [info for info in found if info["transaction_id"] == query["transaction_id"]]
    if len(found) > world.notes("reports").get("most", _MOST):
        raise invalid("RESULTSET_TOO_LARGE", "Result set size is greater than the maximum limit.")
    size, page = int(query.get("page_size", 100)), int(query.get("page", 1))
    return 200, {
        "transaction_details": [
            {"transaction_info": info} for info in found[(page - 1) * size : page * size]
        ],
        "account_number": "SANDBOXMERCHANT",
        "start_date": query["start_date"],
        "end_date": query["end_date"],
        "last_refreshed_datetime": world.instant(_refreshed(world)),
        "page": page,
        "total_items": len(found),
        "total_pages": -(-len(found) // size),
        "links": [],
    }


@route("GET", "/v1/reporting/balances")
def balances(call: Call) -> Answer:
    """What lies there, in one currency or in all that there are."""
    world, wanted = call.world, call.query.get("currency_code")
    until = _moment(call.query["as_of_time"]) if "as_of_time" in call.query else None
    asked = [wanted] if wanted and wanted != "ALL" else lines.currencies(world)
    return 200, {
        "balances": [_balance(world, each, until) for each in asked if each in lines.currencies(world)],
        "account_id": "MERCHANT2SNDB",
        "as_of_time": call.query.get("as_of_time", world.instant()),
        "last_refresh_time": world.instant(_refreshed(world)),
    }


def _balance(world: World, currency: str, until: float | None) -> Json:
    there = said(lines.balance(world, currency, until=until), currency)
    return {
        "currency": currency,
        "primary": currency == "USD",
        "total_balance": there,
        "available_balance": there,
        "withheld_balance": said(0, currency),
    }


def _written(world: World) -> list[Json]:
    return [line for line in world.data["lines"] if line["at"] <= _refreshed(world)]


def _refreshed(world: World) -> int:
    return world.now() - world.settings.report_delay_seconds


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
