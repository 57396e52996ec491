"""A client's bank is answered once whenever it asks, and what was meant for one question answers no other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateways.contract import ChargebackState, Rejected, Unknown
from kernel.ids import new_id
from payments import evidence
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal
from tests.escrow.story import FINANCE, charge_back, chargeback, funded

ASKED, TAKEN = ChargebackState.INQUIRY, ChargebackState.NEEDS_RESPONSE


@pytest.fixture
def milestone():
    """105.00 USD, paid, and about to be asked for."""
    return funded()


def draft(found, text):
    return atomically(
        evidence.draft,
        chargeback_id=found.id,
        evidence_id=new_id("ce"),
        fields={"uncategorized_text": text},
        by=FINANCE.id,
    )


def hand_in(found, text):
    draft(found, text)
    return atomically(evidence.hand_in, chargeback_id=found.id, by=FINANCE.id)


def send(handed_in):
    return atomically(evidence.to_send, evidence_id=handed_in.id)


def record(intent, outcome):
    return atomically(evidence.record, intent=intent, outcome=outcome)


def arrive(handed_in, milestone, state):
    record(send(handed_in), chargeback(milestone, state))


def last(found):
    return reading(evidence.evidence_of, chargeback_id=found.id)


def test_the_banks_question_and_its_chargeback_are_answered_each_by_itself(milestone):
    asked = charge_back(milestone, ASKED)
    first = hand_in(asked, "It was delivered.")
    arrive(first, milestone, ASKED)
    with expect_refusal(evidence.EvidenceHandedIn):
        draft(asked, "More of it.")
    taken = charge_back(milestone, TAKEN, "105.00")
    with expect_refusal(evidence.EvidenceMissing):
        atomically(evidence.hand_in, chargeback_id=taken.id, by=FINANCE.id)
    second = hand_in(taken, "It was delivered and accepted.")
    assert second.id != first.id
    order = send(second).order
    assert (order.evidence_id, order.fields) == (
        second.id,
        {"uncategorized_text": "It was delivered and accepted."},
    )
    assert order.handed_in_at == second.submitted_at
    arrive(second, milestone, TAKEN)
    assert (last(taken).id, last(taken).state) == (second.id, "submitted")
    with expect_refusal(evidence.EvidenceHandedIn):
        draft(taken, "And more.")


def test_what_was_drafted_for_the_question_can_be_handed_in_against_the_chargeback(milestone):
    drafted = draft(charge_back(milestone, ASKED), "It was delivered.")
    taken = charge_back(milestone, TAKEN, "105.00")
    handed_in = atomically(evidence.hand_in, chargeback_id=taken.id, by=FINANCE.id)
    assert handed_in.id == drafted.id
    arrive(handed_in, milestone, ChargebackState.UNDER_REVIEW)
    with expect_refusal(evidence.EvidenceHandedIn):
        draft(taken, "More.")


def test_an_answer_that_was_never_sent_is_not_sent_once_the_bank_asks_something_else(milestone):
    handed_in = hand_in(charge_back(milestone, ASKED), "It was delivered.")
    taken = charge_back(milestone, TAKEN, "105.00")
    intent = send(handed_in)
    assert (intent.late, intent.call.may_send) == (True, False)
    assert record(intent, None) is None
    assert (last(taken).state, last(taken).failure_code) == ("drafted", "asked_anew")
    again = hand_in(taken, "It was delivered and accepted.")
    assert send(again).call.may_send


def test_an_answer_that_may_be_out_is_waited_for_after_the_bank_asks_something_else(milestone, clock):
    handed_in = hand_in(charge_back(milestone, ASKED), "It was delivered.")
    record(send(handed_in), Unknown("no answer"))
    taken = charge_back(milestone, TAKEN, "105.00")
    # The call may still be under way, and is asked about a little later.
    assert record(send(handed_in), None) > clock.now()
    # The chargeback need not wait for it.
    second = hand_in(taken, "It was delivered and accepted.")
    arrive(second, milestone, TAKEN)
    clock.advance(minutes=11)
    assert record(send(handed_in), None) is None
    assert (last(taken).id, last(taken).state) == (second.id, "submitted")


def test_a_question_of_ours_that_was_turned_away_leaves_open_what_may_be_out(milestone, clock):
    handed_in = hand_in(charge_back(milestone, ASKED), "It was delivered.")
    record(send(handed_in), Unknown("no answer"))
    clock.advance(minutes=11)
    turned_away = Rejected("not_defendable", "The bank cannot be answered any more.", at_the_door=True)
    assert record(send(handed_in), turned_away) - clock.now() <= timedelta(hours=1)
    assert send(handed_in).call.ask_first
