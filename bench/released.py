"""What `bench.release` measures: funded milestones, and a server written by hand that does the least for a release."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click
import pymysql
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from escrow import contracts, funding, prices
from escrow.fees import FeeSchedule
from gateways.contract import Charge, CustomerFound, PaymentFound, PaymentState
from identity import accounts, passwords
from identity.actors import Actor
from identity.permissions import Role
from identity.sign_in import sign_in
from kernel.ids import new_id
from kernel.money import Money
from payments import customers
from persistence import clock
from persistence.unit_of_work import atomically, examining, reading
from runtime import books, wiring
from runtime.settings import Settings
from tests.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.servers import MariaDB

_NAME = "bench"
_CONTRACTS = 400
_PRICE = Money(prices.LARGEST_MINOR, "USD")
_PASSWORD = "a lighthouse on a quiet coast"  # noqa: S105 - of nobody

_TABLES = (
    "CREATE TABLE raw_sessions (hash BINARY(32) PRIMARY KEY, user VARCHAR(40) NOT NULL)",
    """CREATE TABLE raw_keys (owner VARCHAR(40) NOT NULL, client_key VARCHAR(255) NOT NULL,
    fingerprint BINARY(32) NOT NULL, status SMALLINT, body TEXT, PRIMARY KEY (owner, client_key))""",
    """CREATE TABLE raw_milestones (id VARCHAR(40) PRIMARY KEY, client VARCHAR(40) NOT NULL,
    state VARCHAR(16) NOT NULL, price BIGINT NOT NULL, released BIGINT NOT NULL)""",
    "CREATE TABLE raw_balances (account VARCHAR(96) PRIMARY KEY, sequence BIGINT NOT NULL, balance BIGINT NOT NULL)",
    """CREATE TABLE raw_entries (id BINARY(16) PRIMARY KEY, idempotency_key VARCHAR(160) NOT NULL UNIQUE,
    movement VARCHAR(40) NOT NULL, reference VARCHAR(80) NOT NULL, recorded_at DATETIME(6) NOT NULL)""",
    """CREATE TABLE raw_postings (account VARCHAR(96) NOT NULL, sequence BIGINT NOT NULL, entry BINARY(16) NOT NULL,
    amount BIGINT NOT NULL, balance BIGINT NOT NULL, PRIMARY KEY (account, sequence))""",
    "CREATE TABLE raw_releases (id BINARY(16) PRIMARY KEY, milestone VARCHAR(40) NOT NULL, gross BIGINT NOT NULL)",
    "CREATE TABLE raw_outbox (id BINARY(16) PRIMARY KEY, name VARCHAR(64) NOT NULL, payload TEXT NOT NULL)",
)


@dataclass(frozen=True)
class Prepared:
    """What the servers and the clients of the benchmark need."""

    environment: dict[str, str]
    token: str
    milestones: tuple[str, ...]


def prepare(server: MariaDB, directory: Path) -> Prepared:
    """A client with funded milestones, for Holdfast and for the server by hand alike."""
    server.execute(
        f"CREATE DATABASE {_NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "SET GLOBAL innodb_buffer_pool_size = 1073741824",
    )
    url = server.url(_NAME)
    migrate(url)
    wiring.build(Settings(ENVIRONMENT="test", DATABASE_URL=SecretStr(url)))
    client, worker = (_person(role) for role in (Role.CLIENT, Role.WORKER))
    label = f"funding {_CONTRACTS} milestones"
    with click.progressbar(range(_CONTRACTS), label=label, file=sys.stderr) as bar:
        milestones = tuple(_funded(client, worker) for _ in bar)
    token = sign_in(email="client@example.com", password=_PASSWORD, address="", user_agent="").access_token
    _by_hand_too(url, token, client.id, worker.id, milestones)
    environment = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": url,
        "SECRET_KEY": os.urandom(24).hex(),
        "STRIPE_SECRET_KEY": "sk_test_bench",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_bench",
        "STRIPE_WEBHOOK_SECRETS": "whsec_bench",
        "REQUESTS_PER_MINUTE": "10000000",
        "LOG_LEVEL": "ERROR",
        "HOLDFAST_BENCH": str(directory),
    }
    return Prepared(environment, token, milestones)


def verify() -> None:
    """What was measured is right."""
    assert examining(books.verify) == []


def _person(role: Role) -> Actor:
    user_id = new_id("us")
    atomically(
        accounts.open_account,
        user_id=user_id,
        email=f"{role}@example.com",
        password_hash=passwords.hashed(_PASSWORD),
        name=role.capitalize(),
        country="US",
        locale="en-US",
        time_zone="UTC",
        roles=[role],
    )
    return Actor(user_id, frozenset({role}))


def _funded(client: Actor, worker: Actor) -> str:
    contract_id, payment_id = new_id("ct"), new_id("py")
    terms = [contracts.MilestoneTerms("Bench", _PRICE)]
    offer = atomically(
        contracts.offer_contract,
        contract_id=contract_id,
        worker_id=worker.id,
        title="Bench",
        description="",
        currency="USD",
        milestones=terms,
        by=client,
    )
    atomically(
        contracts.accept_contract,
        contract_id=contract_id,
        version=None,
        fees=FeeSchedule(500, 1_000),
        country="US",
        by=worker,
    )
    customer = atomically(
        customers.order_customer, user_id=client.id, email="client@example.com", gateway="stripe"
    )
    if customer is not None:
        atomically(customers.record_customer, intent=customer, outcome=CustomerFound("cus_bench"))
    milestone_id: str = offer.milestones[0].id
    payment = atomically(
        funding.begin_checkout,
        milestone_id=milestone_id,
        payment_id=payment_id,
        method="card",
        routes=wiring.wired().routes,
        save_card=False,
        by=client,
    )
    atomically(funding.record_payment, payment_id=payment_id, outcome=_paid(payment.id, payment.charged))
    return milestone_id


def _paid(payment_id: str, amount: Money) -> PaymentFound:
    available_on = reading(clock.now) + timedelta(days=2)
    charge = Charge(
        gateway_id=f"ch_{payment_id}",
        amount=amount,
        fee=Money(0, "USD"),
        available_on=available_on,
        settled=False,
        balance_transaction=f"txn_{payment_id}",
        card_brand="visa",
        card_last4="4242",
    )
    return PaymentFound(
        gateway_id=f"pi_{payment_id}",
        state=PaymentState.SUCCEEDED,
        amount=amount,
        client_secret=None,
        charge=charge,
        decline_code=None,
        decline_message=None,
        payment_id=payment_id,
        livemode=False,
    )


def _by_hand_too(url: str, token: str, client: str, worker: str, milestones: Iterable[str]) -> None:
    with _connect(url) as connection, connection.cursor() as cursor:
        for statement in _TABLES:
            cursor.execute(statement)
        cursor.execute(
            "INSERT INTO raw_sessions VALUES (%s, %s)", (hashlib.sha256(token.encode()).digest(), client)
        )
        cursor.execute(
            "INSERT INTO raw_balances VALUES (%s, 0, 0), ('income:fees:worker', 0, 0)",
            (f"liabilities:wallet:{worker}",),
        )
        for milestone in milestones:
            price = _PRICE.amount_minor
            cursor.execute(
                "INSERT INTO raw_milestones VALUES (%s, %s, 'funded', %s, 0)", (milestone, client, price)
            )
            cursor.execute(
                "INSERT INTO raw_balances VALUES (%s, 0, %s)", (f"liabilities:escrow:{milestone}", price)
            )
        connection.commit()


def _connect(url: str) -> pymysql.Connection:
    parsed = make_url(url)
    return pymysql.connect(
        unix_socket=parsed.query.get("unix_socket"),
        host=parsed.host or "localhost",
        port=parsed.port or 3306,
        user=parsed.username or "root",
        database=parsed.database,
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )


_local = threading.local()


def by_hand(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The WSGI application: a release with the same guarantees and nothing else."""
    if environ["PATH_INFO"] == "/livez":
        start_response("200 OK", [])
        return [b""]
    if not hasattr(_local, "connection"):
        _local.connection = _connect(os.environ["DATABASE_URL"])
    payload = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    token = environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    milestone = environ["PATH_INFO"].split("/")[3]
    status, answer = _release(_local.connection, token, environ["HTTP_IDEMPOTENCY_KEY"], milestone, payload)
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


def _release(
    connection: pymysql.Connection, token: str, key: str, milestone: str, payload: bytes
) -> tuple[str, bytes]:
    amount = json.loads(payload)["amount"]
    gross = int(amount["amount"].replace(".", ""))
    fee, entry = gross // 10, os.urandom(16)
    with connection.cursor() as cursor:
        execute = cursor.execute
        execute("SELECT user FROM raw_sessions WHERE hash = %s", (hashlib.sha256(token.encode()).digest(),))
        user = cursor.fetchone()[0]
        fingerprint = hashlib.sha256(milestone.encode() + payload).digest()
        execute("INSERT INTO raw_keys VALUES (%s, %s, %s, NULL, NULL)", (user, key, fingerprint))
        execute(
            "SELECT client, state, price, released FROM raw_milestones WHERE id = %s FOR UPDATE", (milestone,)
        )
        client, state, price, released = cursor.fetchone()
        assert (client, state) == (user, "funded"), "it is theirs, and held"
        assert released + gross < price, "it is a part of the hold"
        execute("UPDATE raw_milestones SET released = released + %s WHERE id = %s", (gross, milestone))
        execute(
            "INSERT INTO raw_entries VALUES (%s, %s, 'milestone_released', %s, SYSDATE(6))",
            (entry, f"{user}:{key}", milestone),
        )
        _move(cursor, entry, milestone, gross, fee)
        execute("INSERT INTO raw_releases VALUES (%s, %s, %s)", (os.urandom(16), milestone, gross))
        execute(
            "INSERT INTO raw_outbox VALUES (%s, 'milestone.released', %s)",
            (os.urandom(16), json.dumps({"id": milestone})),
        )
        answer = json.dumps({"milestone": milestone, "released": released + gross}).encode()
        execute(
            "UPDATE raw_keys SET status = 200, body = %s WHERE owner = %s AND client_key = %s",
            (answer, user, key),
        )
    connection.commit()
    return "200 OK", answer


def _move(cursor: pymysql.cursors.Cursor, entry: bytes, milestone: str, gross: int, fee: int) -> None:
    # The shared account last, so that it is held for the shortest time.
    cursor.execute("SELECT account FROM raw_balances WHERE account LIKE 'liabilities:wallet:%%' LIMIT 1")
    wallet = cursor.fetchone()[0]
    moves = {f"liabilities:escrow:{milestone}": -gross, wallet: gross - fee, "income:fees:worker": fee}
    cursor.execute(
        "SELECT account, sequence, balance FROM raw_balances WHERE account IN (%s, %s, %s)"
        " ORDER BY FIELD(account, %s, %s, %s) FOR UPDATE",
        (*moves, *moves),
    )
    rows = [
        (account, sequence + 1, balance + moves[account]) for account, sequence, balance in cursor.fetchall()
    ]
    cursor.executemany(
        "INSERT INTO raw_postings VALUES (%s, %s, %s, %s, %s)",
        [(account, sequence, entry, moves[account], balance) for account, sequence, balance in rows],
    )
    cursor.executemany(
        "INSERT INTO raw_balances VALUES (%s, %s, %s)"
        " ON DUPLICATE KEY UPDATE sequence = VALUES(sequence), balance = VALUES(balance)",
        rows,
    )
