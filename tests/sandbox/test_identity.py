"""A person shows a document."""

import pytest
import stripe

from tests.sandbox.playing import DAY


@pytest.fixture
def session(api):
    return api.identity.verification_sessions.create(
        {
            "type": "document",
            "options": {"document": {"require_matching_selfie": True}},
            "client_reference_id": "us_1",
            "metadata": {"user": "us_1"},
        }
    )


def told(api):
    events = api.events.list({"types": ["identity.verification_session.*"]}).data
    return [event.type.rpartition(".")[2] for event in reversed(events)]


def test_a_document_that_is_refused_can_be_shown_again_and_verified(api, peer, session):
    assert (session.status, session.options.document.require_matching_selfie) == ("requires_input", True)
    peer.decide_identity(session.id, error="document_expired")
    asked = api.identity.verification_sessions.retrieve(session.id)
    assert (asked.status, asked.last_error.code) == ("requires_input", "document_expired")
    peer.decide_identity(session.id)
    verified = api.identity.verification_sessions.retrieve(session.id)
    assert (verified.status, verified.last_error, verified.client_secret) == ("verified", None, None)
    assert told(api) == ["created", "processing", "requires_input", "processing", "verified"]


def test_the_app_gets_a_key_for_the_session(api, session):
    key = api.ephemeral_keys.create({"verification_session": session.id}, {"stripe_version": "2024-06-20"})
    assert key.secret.startswith("ek_test_")


def test_what_is_verified_is_not_cancelled_but_can_be_erased(api, peer, session):
    peer.decide_identity(session.id)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        api.identity.verification_sessions.cancel(session.id)
    assert api.identity.verification_sessions.redact(session.id).redaction.status == "processing"
    peer.advance(4 * DAY)
    erased = api.identity.verification_sessions.retrieve(session.id)
    assert (erased.redaction.status, erased.metadata.to_dict()) == ("redacted", {})
    assert told(api)[-1] == "redacted"


def test_a_session_nobody_needs_is_cancelled(api, session):
    assert api.identity.verification_sessions.cancel(session.id).status == "canceled"
    found = api.identity.verification_sessions.list({"client_reference_id": "us_1"}).data
    assert [each.status for each in found] == ["canceled"]
