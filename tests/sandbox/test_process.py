"""The sandbox as a process of its own, with a clock and a state that outlive it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import stripe

import sandbox
from sandbox.clock import Clock, ClockRunsForwardError
from tests.sandbox.playing import DAY, connected, funds, paid


@contextmanager
def process(*options):
    """`python -m sandbox` with these options, as `Remote`; interrupted in the end as by Ctrl-C."""
    command = [sys.executable, "-m", "sandbox", *map(str, options)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    with started:
        address = started.stdout.readline().removeprefix("sandbox: ").strip()
        try:
            yield sandbox.Remote(address, secret_key="sk_test_sandbox", publishable_key="pk_test_sandbox")
        finally:
            started.send_signal(signal.SIGINT)
        assert started.wait(timeout=10) == 0


def test_a_restart_keeps_money_time_keys_and_what_is_still_to_come(tmp_path, http):
    options = ("--clock-file", tmp_path / "clock.json", "--state", tmp_path / "stripe.json")
    with process(*options) as peer:
        api = connected(peer, http).v1
        charge = paid(api, peer, 10_000, metadata={"milestone": "ms_1"})
        order = {"amount": 500, "currency": "usd"}
        intent = api.payment_intents.create(order, {"idempotency_key": "py_1"})
        peer.advance(DAY / 2)
    with process(*options) as peer:
        api = connected(peer, http).v1
        assert funds(api) == (0, 9_680)
        assert api.payment_intents.create(order, {"idempotency_key": "py_1"}).id == intent.id
        peer.advance(1.5 * DAY)
        assert funds(api) == (9_680, 0)
        assert api.charges.retrieve(charge.id).metadata.milestone == "ms_1"
        assert peer.violations() == []


def test_events_that_were_not_delivered_are_after_a_restart(tmp_path, http, endpoint):
    options = ("--clock-file", tmp_path / "clock.json", "--state", tmp_path / "stripe.json")
    with process(*options, "--stripe-webhook-url", "http://127.0.0.1:9/") as peer:
        connected(peer, http).v1.customers.create({"email": "a@example.com"})
        peer.drain()
    with process(*options, "--stripe-webhook-url", endpoint.url) as peer:
        peer.advance(6)
        peer.drain()
        assert endpoint.types == ["customer.created"]


def test_the_same_seed_gives_the_same_ids(http):
    made = []
    for _ in range(2):
        running = sandbox.start(seed=5)
        made.append(connected(running, http).v1.customers.create({"email": "a@example.com"}).id)
        running.close()
    assert made[0] == made[1]


def test_ids_are_never_given_out_twice_even_after_a_reset(api, peer, customer):
    peer.reset()
    assert api.customers.create({"email": "client@example.com"}).id != customer.id
    with pytest.raises(stripe.InvalidRequestError):
        api.customers.retrieve(customer.id)


def test_the_clock_is_where_holdfast_reads_it(tmp_path, peer):
    peer.advance(3 * DAY)
    assert json.loads((tmp_path / "clock.json").read_text()) == {"offset_seconds": 3 * DAY}


def test_a_clock_set_by_somebody_else_is_followed(tmp_path, api, peer, charge):
    (tmp_path / "clock.json").write_text(json.dumps({"offset_seconds": 3 * DAY}))
    assert funds(api) == (9_680, 0)


def test_time_does_not_go_back(tmp_path):
    clock = Clock(tmp_path / "clock.json")
    with pytest.raises(ClockRunsForwardError):
        clock.advance(-1)
    assert not (tmp_path / "clock.json").exists()


def test_what_falls_due_happens_in_order_and_at_its_own_moment(api, peer, worker, charge):
    api.transfers.create(
        {"amount": 9_000, "currency": "usd", "destination": worker.id, "source_transaction": charge.id}
    )
    refund = api.refunds.create({"charge": charge.id, "amount": 500})
    held = api.payment_intents.create(
        {
            "amount": 700,
            "currency": "usd",
            "capture_method": "manual",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    peer.advance(30 * DAY)
    events = api.events.list(
        {"limit": 100, "types": ["balance.available", "refund.updated", "payment_intent.canceled"]}
    )
    assert [(event.type, event.created) for event in reversed(events.data)] == [
        ("balance.available", charge.created + 2 * DAY),
        ("refund.updated", charge.created + 2 * DAY),
        ("payment_intent.canceled", held.created + 7 * DAY),
    ]
    assert api.refunds.retrieve(refund.id).status == "succeeded"


def test_a_control_request_that_makes_no_sense_is_refused(peer):
    with pytest.raises(sandbox.SandboxRefusedError, match="no payout po_1"):
        peer.fail_payout("po_1")
    with pytest.raises(sandbox.SandboxRefusedError, match="unknown fault 'explode'"):
        peer.fault("explode")
    with pytest.raises(sandbox.SandboxRefusedError, match="cannot advance by -1"):
        peer.advance(-1)
