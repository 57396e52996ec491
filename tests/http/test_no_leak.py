"""After everything has happened, nothing that had to be kept from others stands anywhere."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from sqlalchemy import select

from api.openapi import document
from persistence.columns import Base
from persistence.unit_of_work import reading
from tests.api.conftest import PASSWORD
from tests.http import mistakes
from tests.http.orders import ORDERS, operations
from tests.http.town import MAKERS, open_town

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

# Said last, so that whoever listens knows that it was the last.
_END = "that was all"
_CARD_NUMBER = re.compile(r"(?:4242[ -]?){4}")
_FULL_ADDRESS = re.compile(r"(?:clara|walt|new)@example\.com")
# As many as the kinds of secrets that are handed out, at the least.
_FEW = 6


@dataclass(frozen=True)
class Places:
    """Everything that was written, by where it was written."""

    database: str
    redis: str
    logs: str
    problems: str

    def all(self) -> Iterator[tuple[str, str]]:
        """Each with its name."""
        yield from vars(self).items()


@pytest.fixture
def aftermath(database_url, redis_url, stripe_peer, clock, capfd):
    """The secrets that were handed out in a town where everything has happened, and all that was written."""
    with (
        overheard(redis_url) as said,
        open_town(database_url, redis_url, stripe_peer, clock, LOG_LEVEL="DEBUG") as town,
    ):
        for kind in MAKERS:
            town.one(kind)
        offer_card_numbers_everywhere(town)
        written = reading(_every_value)
        secrets = town.secrets | {PASSWORD, stripe_peer.secret_key, stripe_peer.webhook_secret}
        problems = "\n".join(town.problems)
    return secrets, Places(written, "\n".join(said), capfd.readouterr().out, problems)


def test_no_secret_stands_anywhere(aftermath):
    secrets, places = aftermath
    assert len(secrets) > _FEW
    for name, text in places.all():
        assert text, f"nothing was written to the {name}, so nothing was looked at"
        assert [secret for secret in secrets if secret in text] == [], name
        assert _CARD_NUMBER.findall(text) == [], name
    assert _FULL_ADDRESS.findall(places.logs + places.problems) == []


@contextmanager
def overheard(url: str) -> Iterator[list[str]]:
    """Every command that Redis is given meanwhile."""
    said: list[str] = []
    with Redis.from_url(url) as redis, redis.monitor() as monitor:

        def listen() -> None:
            for each in monitor.listen():
                if _END in each["command"]:
                    return
                said.append(each["command"])

        listener = threading.Thread(target=listen)
        listener.start()
        yield said
        redis.echo(_END)
        listener.join()


def offer_card_numbers_everywhere(town) -> None:
    """In every field of every body and query, and in a header, of every operation."""
    described = document(town.app)
    schemas = described["components"]["schemas"]
    for name, operation in operations(described).items():
        order = ORDERS[name](town, town.one)
        spoilt = [
            *mistakes.of_body(operation, order, schemas),
            *mistakes.of_query(operation, order),
            *mistakes.of_headers(operation, order, "unused"),
        ]
        for mistake in spoilt:
            if mistake.code == "card_number_refused":
                operation.send(town, mistake.order)


def _every_value(session: Session) -> str:
    return "\n".join(
        value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for table in Base.metadata.sorted_tables
        for row in session.execute(select(table))
        for value in row
        if value is not None
    )
