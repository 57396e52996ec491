"""Transfers v4: moving money, and the lists of what moved."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from sandbox.adyen import ledger, moving
from sandbox.adyen.errors import Json, invalid
from sandbox.adyen.router import Answer, Call, route

_LONGEST = timedelta(days=184)
_MOST = 100
_USUAL = 10


@route("POST", "/btl/v4/transfers")
def transfer(call: Call) -> Answer:
    """Move money to another balance account or to a bank."""
    call.need("amount", "category", "counterparty", "balanceAccountId")
    given = call.body
    if given["amount"]["value"] < 1:
        raise invalid("The amount must be more than 0.", code="29_002")
    if given["category"] not in {"internal", "bank"}:
        raise invalid("The sandbox moves money between accounts and to banks only.", code="29_003")
    if given["category"] == "bank":
        call.need("priority")
    return 202, moving.sent(call.world, given)


@route("GET", "/btl/v4/transfers/{id}")
def one_transfer(call: Call) -> Answer:
    """A transfer."""
    return 200, call.world.get("transfer", call.parts["id"])


@route("GET", "/btl/v4/transfers")
def transfers(call: Call) -> Answer:
    """The transfers of an account that were made in a time of at most six months."""
    since, until = _times(call.query)
    if until - since > _LONGEST:
        raise invalid("createdSince may be at most 6 months before createdUntil.", code="29_004")
    return 200, _page(call, "transfer", ("reference", "category"))


@route("GET", "/btl/v4/transactions/{id}")
def one_transaction(call: Call) -> Answer:
    """A transaction."""
    return 200, call.world.get("transaction", call.parts["id"])


@route("GET", "/btl/v4/transactions")
def transactions(call: Call) -> Answer:
    """The transactions of an account that were made in a time."""
    return 200, _page(call, "transaction", ())


@route("POST", "/btl/v4/transfers/{id}/returns")
def give_back(call: Call) -> Answer:
    """Return an internal transfer to the account that it came from."""
    call.need("amount")
    arrival = call.world.get("transfer", call.parts["id"])
    account, value = arrival["balanceAccount"]["id"], call.body["amount"]["value"]
    reference = call.body.get("reference") or call.world.psp()
    known = {"id": call.world.psp(), "reference": reference, "transferId": arrival["id"]}
    if arrival["direction"] != "incoming" or value > arrival["amount"]["value"]:
        raise invalid("The transfer cannot be returned.", code="29_005")
    if ledger.available(call.world, account, call.body["amount"]["currency"]) < value:
        return 200, known | {"status": "Declined"}
    given = {
        "amount": call.body["amount"],
        "balanceAccountId": account,
        "category": "internal",
        "counterparty": {"balanceAccountId": arrival["counterparty"]["balanceAccountId"]},
        "reference": reference,
    }
    moving.sent(call.world, given)
    return 200, known | {"status": "Authorised"}


def _page(call: Call, kind: str, named: tuple[str, ...]) -> Json:
    query = call.query
    since, until = _times(query)
    if "balanceAccountId" not in query and "balancePlatform" not in query:
        raise invalid("balanceAccountId is required.", code="29_006")
    found = [
        each
        for each in call.world.shelf(kind)
        if since <= datetime.fromisoformat(each["creationDate"]) <= until
        and query.get("balanceAccountId", each["balanceAccount"]["id"]) == each["balanceAccount"]["id"]
        and all(query.get(name, each.get(name)) == each.get(name) for name in named)
    ]
    if query.get("sortOrder") == "desc":
        found.reverse()
    start, limit = int(query.get("cursor", "0")), int(query.get("limit", _USUAL))
    if limit > _MOST:
        raise invalid("limit may be at most 100.", code="29_007")
    links: Json = {}
    if start + limit < len(found):
        following = dict(query) | {"cursor": str(start + limit)}
        links["next"] = {"href": f"{call.base_url}/btl/v4/{kind}s?{urlencode(following)}"}
    page = [_with_what_is_promised(call, each) for each in found[start : start + limit]]
    return {"data": page, "_links": links}


def _with_what_is_promised(call: Call, thing: Json) -> Json:
    left_out = call.world.data.get("left_out", {}).get(thing["id"], ())
    return {name: value for name, value in thing.items() if name not in left_out}


def _times(query: object) -> tuple[datetime, datetime]:
    try:
        since, until = (datetime.fromisoformat(query[name]) for name in ("createdSince", "createdUntil"))  # type: ignore[index]
    except (KeyError, ValueError) as error:
        raise invalid("createdSince and createdUntil are required.", code="29_008") from error
    if since.tzinfo is None or until.tzinfo is None:
        raise invalid("An instant needs its zone.", code="29_008")
    return since, until
