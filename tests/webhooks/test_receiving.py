"""A webhook is verified, kept byte for byte, and answered; nothing else is let in, and nothing is kept twice."""

from __future__ import annotations

import json

import pytest

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


def test_the_same_event_again_changes_nothing(sender):
    body = event()
    answers = [sender.send(body).status_code for _ in range(3)]
    assert answers == [200, 200, 200]
    assert len(kept()) == len(work_of("handle_webhook")) == 1


def test_the_same_event_twenty_times_at_once_is_kept_once(sender):
    body = event()
    answers = together(lambda: sender.send(body).status_code, 20)
    assert answers == [200] * 20
    assert len(kept()) == len(work_of("handle_webhook")) == 1


def test_events_of_two_accounts_may_share_an_id(sender):
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
def test_an_older_or_a_future_signature_is_refused(sender, seconds_apart):
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


def test_a_signature_by_somebody_else_is_refused(sender):
    assert refused(sender.send(event(), secret="whsec_other"))


def test_one_changed_byte_is_refused(sender):
    body = event()
    assert refused(sender.post(body.replace("pi_1", "pi_2"), sender.signature(body)))


def test_an_event_of_the_other_mode_is_refused(sender):
    assert refused(sender.send(event(livemode=True)))


@pytest.mark.parametrize("body", ["", "[]", "{}", "not json", '{"object": "event"}'])
def test_signed_bytes_that_are_no_event_are_refused(sender, body):
    assert refused(sender.send(body))


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
