"""Webhooks over real HTTP, from a peer that duplicates, reorders and delays them, to a server that may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from stripe import StripeClient
from werkzeug.serving import WSGIRequestHandler, make_server

from jobs.work import perform
from tests.schema import ROOT
from tests.webhooks.conftest import NEW, event, kept, work_of


class Quiet(WSGIRequestHandler):
    def log(self, *_args):
        """The test looks at what was kept."""


@pytest.fixture
def delivered(application, stripe_peer):
    """Everything that happens at the peer arrives at the application."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    stripe_peer.webhooks(url=f"http://127.0.0.1:{server.server_port}/v1/webhooks/stripe", secret=NEW)
    yield stripe_peer
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def pay(delivered):
    """A client pays 10.00 USD."""
    api = StripeClient(delivered.secret_key, base_addresses={"api": delivered.base_url}).v1

    def pay_once():
        intent = api.payment_intents.create(
            {"amount": 1000, "currency": "usd", "automatic_payment_methods": {"enabled": True}}
        )
        delivered.pay(intent.client_secret)
        return intent.id

    return pay_once


def types():
    return sorted(row.type for row in kept())


def test_what_happens_at_the_gateway_arrives(delivered, pay):
    paid = pay()
    delivered.drain()
    assert set(types()) >= {"payment_intent.created", "payment_intent.succeeded", "charge.succeeded"}
    assert all(delivery["attempts"][-1]["status"] == 200 for delivery in delivered.deliveries())
    for work in work_of("handle_webhook"):
        perform(work.id)
    questions = {work.subject for work in work_of("refresh_payment")}
    assert questions == {paid}


def test_duplicates_in_any_order_are_kept_once(delivered, pay):
    delivered.webhooks(duplicate=0.7, reorder=0.7, seed=3)
    for _ in range(3):
        pay()
    delivered.drain()
    arrived = [delivery["event"] for delivery in delivered.deliveries()]
    assert len(arrived) > len(set(arrived))
    assert sorted(row.event_id for row in kept()) == sorted(set(arrived))


def test_twenty_deliveries_at_the_same_instant_are_kept_once(delivered, pay):
    pay()
    delivered.drain()
    before = types()
    (row, *_) = kept()
    assert delivered.storm(row.event_id, copies=20) == [200] * 20
    assert types() == before
    assert len(work_of("handle_webhook")) == len(before)


@pytest.mark.parametrize(
    "point", ["before_commit gateways.inbox.receive", "committed gateways.inbox.receive"]
)
def test_a_server_that_dies_meanwhile_is_sent_the_event_again(sender, database_url, redis_url, clock, point):
    body = event()
    clock.advance(seconds=1)
    died = subprocess.run(
        [sys.executable, "-m", "tests.webhooks.mortal"],
        cwd=ROOT,
        input=body,
        text=True,
        check=False,
        env=os.environ
        | {
            "ENVIRONMENT": "test",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "CLOCK_FILE": str(clock.path),
            "STRIPE_SECRET_KEY": "sk_test_x",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_x",
            "STRIPE_WEBHOOK_SECRETS": NEW,
            "SIGNATURE": sender.signature(body),
            "DIE_AT": point,
        },
    )
    assert died.returncode == -signal.SIGKILL
    assert len(kept()) == len(work_of("handle_webhook")) == (1 if point.startswith("committed") else 0)
    assert sender.send(body).status_code == 200
    assert len(kept()) == len(work_of("handle_webhook")) == 1
