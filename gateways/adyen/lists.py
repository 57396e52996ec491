"""Adyen's lists of transfers and transactions: the only place where it says what has become of a payment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from gateways.adyen.client import named
from gateways.adyen.ids import listed_times
from kernel.time import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateways.adyen.client import Connection, Json

_MOST = "100"
# What the gateway takes for itself out of a payment, under any of the names it has for that.
FEES = frozenset(
    {
        "AcquiringFees",
        "AdyenCommission",
        "AdyenFees",
        "AdyenMarkup",
        "Interchange",
        "PaymentFee",
        "SchemeFee",
    }
)
_A_MOMENT = timedelta(seconds=1)


def transfers_of(connection: Connection, reference: str, *, stretches: int = 1) -> list[Json]:
    """All that our reference led to on our balance account, oldest first.

    The transfer of a split carries the split's reference (docs.adyen.com/platforms/payment-event-webhooks), and ours
    is always the id of what is paid. That the filter finds those as well as what `/transfers` ordered is not in the
    API's document; to be tried against Adyen's own test environment before anything goes live.
    """
    found = [
        transfer
        for since, until in listed_times(reference, now=connection.now(), stretches=stretches)
        for transfer in _transfers(
            connection,
            balanceAccountId=connection.balance_account,
            reference=reference,
            category="platformPayment",
            createdSince=rfc3339(since),
            createdUntil=rfc3339(until),
        )
    ]
    return [each for each in found if (each.get("categoryData") or {}).get("type") == "platformPayment"]


def ordered_as(connection: Connection, account: str, reference: str) -> list[Json]:
    """The transfers out of an account that were ordered under a reference of ours."""
    ((since, until),) = listed_times(reference, now=connection.now(), stretches=1)
    found = _transfers(
        connection,
        balanceAccountId=account,
        reference=reference,
        createdSince=rfc3339(since),
        createdUntil=rfc3339(until),
    )
    return [each for each in found if each["direction"] == "outgoing"]


def transfers_between(connection: Connection, account: str, since: datetime, until: datetime) -> list[Json]:
    """All transfers of an account that were made in a time, oldest first."""
    times = {"createdSince": rfc3339(since), "createdUntil": rfc3339(until)}
    return list(_transfers(connection, balanceAccountId=account, **times))


def newest_first(
    call: Callable[..., Json], *, since: datetime, until: datetime, after: str | None, **about: str
) -> tuple[list[Json], str | None]:
    """Some things of a list, from behind the one that `after` names; and where the next page begins, if there is one.

    Adyen's own cursors are longer than what a place in a list may be here, so a place is an instant and an id.
    """
    if after is not None:
        stamp, _, last = after.partition("|")
        until = datetime.fromisoformat(stamp) + _A_MOMENT
    found: list[Json] = []
    for page, more in _pages(
        call,
        sortOrder="desc",
        createdSince=rfc3339(since),
        createdUntil=rfc3339(until),
        **about,
    ):
        found += page
        if after is not None:
            ids = [each.get("id") for each in found]
            if last not in ids and more:
                continue
            found = found[ids.index(last) + 1 :] if last in ids else found
            after = None
        if found or not more:
            return found, _place(found[-1]) if found and more else None
    return found, None


def instant(text: str) -> datetime:
    """An instant as Adyen writes it; one without its zone is none."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant without its zone")
    return found


def made_at(thing: Json) -> datetime:
    """When a transfer or a transaction was made; Adyen promises none of these names for both."""
    known = (thing.get(name) for name in ("createdAt", "creationDate", "bookingDate", "updatedAt"))
    return instant(next(filter(None, known), ""))


def booked(transfer: Json) -> Iterator[tuple[Json, int]]:
    """What a transfer has done to the balance: its events with a transaction, and by how much each."""
    for event in transfer.get("events") or ():
        if event.get("transactionId"):
            yield event, sum(mutation.get("balance") or 0 for mutation in event["mutations"])


def platform_type(transfer: Json) -> str:
    """Which part of a payment a transfer is."""
    return str(transfer["categoryData"].get("platformPaymentType") or "Default")


def _place(thing: Json) -> str:
    return f"{made_at(thing).isoformat()}|{thing['id']}"


def _transfers(connection: Connection, **about: str) -> Iterator[Json]:
    for page, _ in _pages(connection.transfers.transfers_api.get_all_transfers, sortOrder="asc", **about):
        yield from page


def _pages(call: Callable[..., Json], **about: str) -> Iterator[tuple[list[Json], bool]]:
    cursor: str | None = None
    while True:
        place = {"cursor": cursor} if cursor else {}
        message = call(query_parameters=named(limit=_MOST, **about, **place)).message  # type: ignore[attr-defined]
        cursor = _next(message)
        # An empty list may be left out of an answer, but a document that is no page of any list says nothing.
        yield message.get("data", []) if "_links" in message else message["data"], cursor is not None
        if cursor is None:
            return


def _next(message: Json) -> str | None:
    address = ((message.get("_links") or {}).get("next") or {}).get("href")
    return None if address is None else parse_qs(urlsplit(address).query)["cursor"][0]
