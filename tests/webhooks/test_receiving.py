"""A webhook is verified, kept byte for byte, and answered; nothing else is let in, and nothing is kept twice."""

from __future__ import annotations

import json

import pytest

from jobs.work import perform
from tests.threads import together
from tests.webhooks.conftest import NEW, OLD, event, kept, work_of


def test_a_webhook_is_kept_as_it_came_and_its_handling_is_due(sender):
    body = event(id="evt_1", account=None) + "\n "
    answer = sender.send(body)
    assert (answer.status_code, answer.json) == (200, {"received": True})
    (row,) = kept()
    assert row.payload == body.encode()
    assert (row.gateway, row.account, row.event_id) == ("stripe", "", "evt_1")
    assert (row.type, row.object_kind, row.object_id) == ("payment_intent.succeeded", "payment", "pi_1")
    assert row.state == "received"
    (work,) = work_of("handle_webhook")
    assert (work.subject, work.state) == (row.id, "due")


def test_a5_the_same_event_again_changes_nothing(sender):
    body = event()
    answers = [sender.send(body).status_code for _ in range(3)]
    assert answers == [200, 200, 200]
    assert len(kept()) == len(work_of("handle_webhook")) == 1


def test_the_same_event_twenty_times_at_once_is_kept_once(sender):
    body = event()
    answers = together(lambda: sender.send(body).status_code, 20)
    assert answers == [200] * 20
    assert len(kept()) == len(work_of("handle_webhook")) == 1


def test_a5_events_of_two_accounts_may_share_an_id(sender):
    for account in ("acct_1", "acct_2", None):
        assert sender.send(event(id="evt_1", account=account)).status_code == 200
    assert [row.account for row in kept()] == ["acct_1", "acct_2", ""]


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_both_secrets_are_good_while_one_is_replaced(sender, secret):
    assert sender.send(event(), secret=secret).status_code == 200
    assert len(kept()) == 1


@pytest.mark.parametrize("seconds_apart", [-290, 290])
def test_a_signature_of_these_minutes_is_good(sender, seconds_apart):
    assert sender.send(event(), seconds_apart=seconds_apart).status_code == 200


def refused(answer):
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "webhook_refused"
    assert kept() == work_of("handle_webhook") == []
    return True


@pytest.mark.parametrize("seconds_apart", [-310, 310, -86_400, 86_400])
def test_a5_an_older_or_a_future_signature_is_refused(sender, seconds_apart):
    assert refused(sender.send(event(), seconds_apart=seconds_apart))


def test_the_clock_that_counts_is_ours(sender, clock):
    body = event()
    early = sender.signature(body)
    clock.advance(hours=72)
    assert refused(sender.post(body, early))
    assert sender.post(body, sender.signature(body)).status_code == 200


@pytest.mark.parametrize("signature", [None, "", "t=1,v1=0", "nonsense", "t=1795348800,v1=" + "0" * 64])
def test_what_is_not_signed_is_refused(sender, signature):
    assert refused(sender.post(event(), signature))


def test_a5_a_signature_by_somebody_else_is_refused(sender):
    assert refused(sender.send(event(), secret="whsec_other"))


def test_a5_one_changed_byte_is_refused(sender):
    body = event()
    assert refused(sender.post(body.replace("pi_1", "pi_2"), sender.signature(body)))


def test_a5_an_event_of_the_other_mode_is_refused(sender):
    assert refused(sender.send(event(livemode=True)))


def changed(path, value):
    values = json.loads(event(id="evt_1"))
    at = values
    *way, last = path
    for step in way:
        at = at[step]
    at[last] = value
    return json.dumps(values)


def thin(**changes):
    said = {"id": "evt_1", "type": "t", "created": "2026-11-25T00:00:00Z", "livemode": False}
    return json.dumps({"object": "v2.core.event"} | said | changes)


NOT_UNDERSTOOD = {
    "nothing": "",
    "a list": "[]",
    "an empty object": "{}",
    "no JSON": "not json",
    "an event of nothing": '{"object": "event"}',
    "another kind of thing": '{"object": []}',
    "not a number": '{"object": NaN}',
    "depth without end": "[" * 50_000,
    "a date beyond all dates": changed(["created"], 1e20),
    "a date before all dates": changed(["created"], -(10**12)),
    "a date that a database does not take": changed(["created"], -(10**10)),
    "an id that is no text": changed(["id"], ["evt_1"]),
    "an id that is too long": changed(["id"], "evt_" + "x" * 200),
    "an id beyond ASCII": changed(["id"], "evt_ü"),
    "an id with a zero": changed(["id"], "evt_\0"),
    "half a letter": event(id="evt_1").replace("evt_1", "evt_\\ud800"),
    "a type beyond ASCII": changed(["type"], "ü"),
    "a type that is too long": changed(["type"], "a" * 200),
    "an account that is a number": changed(["account"], 5),
    "an account that is an object": changed(["account"], {"id": "acct_1"}),
    "an account that is too long": changed(["account"], "acct_" + "x" * 100),
    "an object's id that is a number": changed(["data", "object", "id"], 5),
    "an object's id that is an object": changed(["data", "object", "id"], {}),
    "an object's id that is too long": changed(["data", "object", "id"], "pi_" + "x" * 200),
    "an object's id that is an address": changed(["data", "object", "id"], "../balance"),
    "an object that is a list": changed(["data", "object"], []),
    "an object that is nothing": changed(["data", "object"], None),
    "an object of an odd kind": changed(["data", "object", "object"], {}),
    "a mode that is a word": changed(["livemode"], "false"),
    "no mode": changed(["livemode"], None),
    "a thin event about a word": thin(related_object="x"),
    "a thin event about an odd kind": thin(related_object={"type": []}),
    "a thin event of no time zone": thin(created="2026-11-25T00:00:00"),
    "a thin event of an odd account": thin(context=5),
}


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_the_gateway_signed_and_we_do_not_understand_is_kept_once_and_left_to_staff(sender, clock, name):
    body = NOT_UNDERSTOOD[name]
    answers = [sender.send(body) for _ in range(2)]
    assert [(answer.status_code, answer.json) for answer in answers] == [(200, {"received": True})] * 2
    (row,) = kept()
    assert (row.gateway, row.type, row.object_id, row.payload) == ("stripe", "unread", None, body.encode())
    (work,) = work_of("handle_webhook")
    for _ in range(12):
        perform(work.id)
    (work,) = work_of("handle_webhook")
    assert work.state == "parked"
    assert work.last_error.startswith("AnswerNotUnderstood: The bytes are not an event of Stripe's")
    assert kept()[0].state == "parked"


def test_an_object_whose_id_is_long_is_asked_for(sender):
    object_id = "pi_" + "x" * 125
    assert sender.send(event({"id": object_id, "object": "payment_intent"})).status_code == 200
    (work,) = work_of("handle_webhook")
    perform(work.id)
    (asking,) = work_of("refresh_payment")
    assert asking.subject == object_id


def test_an_object_of_peoples_own_naming_that_nothing_depends_on_is_ignored(sender):
    assert sender.send(event({"id": "25% off, ü", "object": "coupon"})).status_code == 200
    (work,) = work_of("handle_webhook")
    perform(work.id)
    assert kept()[0].state == "ignored"


def test_a_gateway_we_do_not_know_is_not_found(sender):
    body = event()
    answer = sender.post(body, sender.signature(body), gateway="paypal")
    assert (answer.status_code, answer.json["code"]) == (404, "gateway_unknown")
    assert kept() == []


def padded(to_bytes):
    body = event(padding="")
    return json.dumps(json.loads(body) | {"padding": "x" * (to_bytes - len(body))})


def test_half_a_mebibyte_is_taken_and_no_more(sender):
    assert sender.send(padded(512 * 1024)).status_code == 200
    too_large = sender.send(padded(512 * 1024 + 1))
    assert (too_large.status_code, too_large.json["code"]) == (413, "body_too_large")
    assert len(kept()) == 1


def test_bytes_that_look_like_a_card_are_kept_but_not_logged(capfd, sender):
    assert (
        sender.send(
            event({"id": "pi_1", "object": "payment_intent", "trace": "4242424242424242"})
        ).status_code
        == 200
    )
    written = capfd.readouterr()
    assert "webhook_received" in written.out + written.err
    assert "4242424242424242" not in written.out + written.err


def test_nobody_signs_in_to_deliver_a_webhook_and_no_key_is_needed(application):
    (rule,) = [rule for rule in application.url_map.iter_rules() if rule.rule.startswith("/v1/webhooks/")]
    view = application.view_functions[rule.endpoint]
    assert view.public_because == "signed by the gateway"
    assert application.test_client().get("/v1/webhooks/stripe").status_code == 405
