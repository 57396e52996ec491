"""What a webhook sets in motion: one question to the gateway about one object, whatever came, twice, late or early."""

from __future__ import annotations

import json
import random

import pytest
from sqlalchemy import select

from gateways import inbox
from gateways.contract import Event, Listed, ObjectKind
from gateways.tables import WebhookEvent
from jobs.subscriptions import ON_GATEWAY_OBJECT
from jobs.work import handlers, perform
from kernel.ids import new_id
from kernel.time import from_epoch
from persistence.unit_of_work import atomically, reading
from tests.gateways.fixtures import ABSENT, resources
from tests.webhooks.conftest import event, kept, work_of


def handle_all():
    for work in work_of("handle_webhook"):
        perform(work.id)


def asked():
    """Every question that is due: what about, and with what it came."""
    return [
        (work.kind, work.subject, work.payload)
        for kind in dict.fromkeys((*ON_GATEWAY_OBJECT.values(), "refresh_own_payout"))
        for work in work_of(kind)
    ]


ON_OURS = {"gateway": "stripe", "account": None}
ON_WORKERS = {"gateway": "stripe", "account": "acct_7"}


@pytest.mark.parametrize(
    ("thing", "account", "question"),
    [
        ({"id": "pi_1", "object": "payment_intent"}, None, ("refresh_payment", "pi_1", ON_OURS)),
        (
            {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"},
            None,
            ("refresh_payment", "pi_1", ON_OURS),
        ),
        ({"id": "re_1", "object": "refund"}, None, ("refresh_refund", "re_1", ON_OURS)),
        ({"id": "po_1", "object": "payout"}, "acct_7", ("refresh_payout", "po_1", ON_WORKERS)),
        ({"id": "po_1", "object": "payout"}, None, ("refresh_own_payout", "po_1", ON_OURS)),
        ({"id": "acct_7", "object": "account"}, "acct_7", ("refresh_account", "acct_7", ON_WORKERS)),
        (
            {"id": "transfers", "object": "capability", "account": "acct_7"},
            "acct_7",
            ("refresh_account", "acct_7", ON_WORKERS),
        ),
    ],
)
def test_the_object_is_asked_for_where_it_lives(sender, thing, account, question):
    sender.send(event(thing, account=account))
    handle_all()
    assert asked() == [question]
    assert [row.state for row in kept()] == ["handled"]


def thin(kind, object_id, context=None):
    return json.dumps(
        {
            "id": new_id("evt"),
            "object": "v2.core.event",
            "type": f"v1.{kind}.changed",
            "created": "2026-11-25T00:00:00.000Z",
            "livemode": False,
            "context": context,
            "related_object": {"id": object_id, "type": kind, "url": f"/v1/{kind}s/{object_id}"},
        }
    )


@pytest.mark.parametrize(
    ("body", "question"),
    [
        (thin("payment_intent", "pi_1"), ("refresh_payment", "pi_1", ON_OURS)),
        (thin("refund", "re_1"), ("refresh_refund", "re_1", ON_OURS)),
        (thin("payout", "po_1", "acct_7"), ("refresh_payout", "po_1", ON_WORKERS)),
        (thin("account", "acct_7", "org_1/acct_7"), ("refresh_account", "acct_7", ON_WORKERS)),
        (thin("v2.core.account", "acct_7"), ("refresh_account", "acct_7", ON_OURS)),
    ],
)
def test_a4_a_thin_event_asks_what_a_snapshot_asks(sender, body, question):
    assert [sender.send(body).status_code for _ in range(2)] == [200, 200]
    handle_all()
    assert asked() == [question]
    assert [row.state for row in kept()] == ["handled"]


@pytest.mark.parametrize(
    ("thing", "account"),
    [
        ({"id": "cus_1", "object": "customer"}, None),
        ({"id": "in_1", "object": "invoice"}, None),
        ({"id": "pm_1", "object": "payment_method", "type": "card"}, None),
        ({"id": "thing_1", "object": "a_thing_of_next_year"}, None),
        # We never charge on a worker's account.
        ({"id": "pi_1", "object": "payment_intent"}, "acct_7"),
    ],
)
def test_news_that_nothing_depends_on_is_kept_and_ignored(sender, thing, account):
    sender.send(event(thing, account=account))
    handle_all()
    assert asked() == []
    assert [row.state for row in kept()] == ["ignored"]
    assert [work.state for work in work_of("handle_webhook")] == ["done"]


def test_handling_twice_asks_once(sender):
    sender.send(event())
    (work,) = work_of("handle_webhook")
    atomically(lambda session: session.execute(WebhookEvent.__table__.update().values(state="received")))
    perform(work.id)
    perform(work.id)
    assert len(asked()) == 1


def test_every_event_about_an_object_asks_anew_in_any_order(sender):
    bodies = [event(id=f"evt_{number}", type=f"payment_intent.step_{number}") for number in range(6)]
    random.Random(5).shuffle(bodies)
    for body in bodies:
        sender.send(body)
        sender.send(body)
    handle_all()
    assert asked() == [("refresh_payment", "pi_1", ON_OURS)] * 6


def test_bytes_that_nobody_understands_are_parked_and_tried_again(sender, clock):
    strange = Event(
        "evt_1", "thing.changed", ObjectKind.PAYMENT, "pi_1", None, from_epoch(1795348800), livemode=False
    )
    atomically(
        inbox.receive,
        gateway="stripe",
        told=[Listed(strange, b'{"object": "event"}')],
        webhook_ids=[new_id("wh")],
    )
    handle_all()
    assert [row.state for row in kept()] == ["parked"]
    (work,) = work_of("handle_webhook")
    assert (work.state, work.last_error) == (
        "due",
        "AnswerNotUnderstood: The bytes are not an event of Stripe's: KeyError",
    )


@pytest.mark.skipif(not resources(), reason=ABSENT)
def test_every_example_of_stripes_own_is_handled_or_ignored(sender):
    for name, thing in resources().items():
        answer = sender.send(event(thing, id=f"evt_{name}", type=f"{name}.updated"))
        assert answer.status_code == 200
    handle_all()
    states = reading(
        lambda session: dict(session.execute(select(WebhookEvent.event_id, WebhookEvent.state)).all())
    )
    assert set(states.values()) == {"handled", "ignored"}
    assert {name for name, state in states.items() if state == "handled"} >= {
        "evt_payment_intent",
        "evt_refund",
        "evt_account",
        "evt_capability",
    }


def test_everything_that_is_asked_has_somebody_to_ask_it():
    assert [kind for kind in ON_GATEWAY_OBJECT.values() if kind not in handlers()] == []


@pytest.fixture
def replay(application):
    runner = application.test_cli_runner()
    return lambda *arguments: runner.invoke(args=["webhooks", "replay", *arguments])


@pytest.mark.parametrize("named", ["gateway's", "ours"])
def test_a_webhook_is_handled_again_by_command(sender, replay, named):
    body = event()
    sender.send(body)
    handle_all()
    (row,) = kept()
    result = replay(row.id if named == "ours" else json.loads(body)["id"])
    assert (result.exit_code, result.output) == (0, "1 to be handled again.\n")
    assert [row.state for row in kept()] == ["received"]
    handle_all()
    assert asked() == [("refresh_payment", "pi_1", ON_OURS)] * 2


def test_all_since_an_instant_are_handled_again(sender, replay, clock):
    sender.send(event(id="evt_1"))
    clock.advance(days=2)
    between = clock.now().strftime("%Y-%m-%dT%H:%M:%S")
    clock.advance(days=2)
    sender.send(event(id="evt_2"))
    sender.send(event(id="evt_3"))
    handle_all()
    assert replay("--since", between).output == "2 to be handled again.\n"
    assert [row.state for row in kept()] == ["handled", "received", "received"]


@pytest.mark.parametrize(
    "arguments", [(), ("evt_unknown",), ("wh_nonsense",), ("evt_1", "--since", "2026-01-01")]
)
def test_what_is_not_there_is_not_replayed(application, replay, arguments):
    result = replay(*arguments)
    assert result.exit_code != 0
    assert "Traceback" not in result.output
