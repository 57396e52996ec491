"""What a client's bank takes back, folded from what Adyen told and from the money that moved."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateways.contract import ChargebackLine, ChargebackState, EvidenceOrder, Unknown
from kernel.ids import new_id
from kernel.money import Money

NONE = Money(0, "USD")
USD_100 = Money(10_000, "USD")
FIELDS = {"product_description": "A logo, delivered & accepted.", "customer_name": "Ana <Client>"}


@pytest.fixture
def dispute(adyen_peer, payment, payment_order):
    """The bank takes all of the payment back."""
    return adyen_peer.dispute(payment_order.payment_id)


@pytest.fixture
def called(dispute, payment_order):
    """What the chargeback is called here."""
    return f"ay_{payment_order.payment_id}.{dispute['id']}"


def amounts(found):
    return [(line.amount, line.fee) for line in found.lines]


def test_a_chargeback_is_told_with_what_it_took_and_until_when_it_can_be_answered(
    adyen, inbox, called, dispute, payment
):
    events = inbox.hear(adyen)
    assert called in {event.object_id for event in events}
    found = adyen.chargeback(called)
    assert (found.kind, found.gateway_id, found.payment) == ("chargeback", called, payment.gateway_id)
    assert (found.state, found.word, found.amount, found.answers) == (
        ChargebackState.NEEDS_RESPONSE,
        "CHARGEBACK",
        USD_100,
        0,
    )
    assert found.reason == "Other Fraud-Card Absent Environment"
    assert found.respond_by == datetime.fromisoformat(dispute["ends"])
    assert amounts(found) == [(USD_100, NONE), (NONE, Money(1_500, "USD"))]


def test_without_what_was_told_the_money_says_how_it_stands(adyen, adyen_peer, called, dispute):
    found = adyen.chargeback(called)
    assert (found.state, found.word, found.respond_by) == (
        ChargebackState.NEEDS_RESPONSE,
        "chargeback",
        None,
    )
    adyen_peer.move_dispute(dispute["id"], "CHARGEBACK_REVERSED")
    assert adyen.chargeback(called).state is ChargebackState.WON
    adyen_peer.move_dispute(dispute["id"], "SECOND_CHARGEBACK")
    lost = adyen.chargeback(called)
    assert lost.state is ChargebackState.LOST
    assert sum(line.amount.amount_minor for line in lost.lines) == 10_000


class Talk:
    """A dispute that begins with a question of the bank's, and goes on word by word, each two days later."""

    def __init__(self, adyen, peer, inbox, payment_order, clock):
        self.adyen, self.peer, self.inbox, self.clock = adyen, peer, inbox, clock
        self.dispute = peer.dispute(payment_order.payment_id, inquiry=True)["id"]
        self.called = f"ay_{payment_order.payment_id}.{self.dispute}"
        inbox.hear(adyen)

    def go_on(self, *codes):
        for code in codes:
            self.clock.advance(days=2)
            self.peer.move_dispute(self.dispute, code)

    def hear(self, *codes):
        self.go_on(*codes)
        self.inbox.hear(self.adyen)

    def order(self, **about):
        return EvidenceOrder(new_id("ce"), self.called, FIELDS, **about)

    def replay(self, code, *, hours_ago):
        """Whoever has an old notification sends it again under a date of their own."""
        news, headers = next(each for each in self.peer.news(code) if f'"{code}"'.encode() in each[0])
        told = json.loads(news)
        (item,) = [each["NotificationRequestItem"] for each in told["notificationItems"]]
        assert item["eventCode"] == code
        item["eventDate"] = (self.clock.now() - timedelta(hours=hours_ago)).isoformat()
        self.inbox.take_in(self.adyen, [(json.dumps(told).encode(), headers)])

    def miss(self, *codes):
        self.go_on(*codes)
        self.inbox.miss()


@pytest.fixture
def talk(adyen, adyen_peer, inbox, payment, payment_order, clock) -> Talk:  # noqa: PLR0917 - all that it is about
    return Talk(adyen, adyen_peer, inbox, payment_order, clock)


WAYS = {
    "INFORMATION_SUPPLIED": ChargebackState.UNDER_REVIEW,
    "CHARGEBACK_REVERSED": ChargebackState.WON,
    "SECOND_CHARGEBACK": ChargebackState.LOST,
    "DISPUTE_DEFENSE_PERIOD_ENDED": ChargebackState.LOST,
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": ChargebackState.WON,
    "PREARBITRATION_OPEN": ChargebackState.APPEAL_NEEDS_RESPONSE,
    "PREARBITRATION_DECLINED": ChargebackState.APPEAL_UNDER_REVIEW,
    "PREARBITRATION_ACCEPTED": ChargebackState.LOST,
    "PREARBITRATION_WON": ChargebackState.WON,
    "PREARBITRATION_LOST": ChargebackState.LOST,
    "PREARBITRATION_ISSUER_WITHDRAWN": ChargebackState.WON,
    "SCHEME_ARBITRATION": ChargebackState.APPEAL_UNDER_REVIEW,
    "SCHEME_ARBITRATION_WON": ChargebackState.WON,
    "SCHEME_ARBITRATION_LOST": ChargebackState.LOST,
}


@pytest.mark.parametrize("code", WAYS)
def test_every_word_of_adyens_has_its_state(adyen, adyen_peer, inbox, called, dispute, clock, code):  # noqa: PLR0917 - all that it is about
    clock.advance(hours=1)
    adyen_peer.move_dispute(dispute["id"], code)
    events = inbox.hear(adyen)
    assert (events[-1].type, events[-1].object_id) == (code, called)
    found = adyen.chargeback(called)
    assert (found.state, found.word) == (WAYS[code], code)


def test_news_in_any_order_end_in_the_same_place(adyen, adyen_peer, inbox, called, dispute, clock):  # noqa: PLR0917 - all that it is about
    for code in ("INFORMATION_SUPPLIED", "CHARGEBACK_REVERSED", "SECOND_CHARGEBACK", "PREARBITRATION_WON"):
        clock.advance(days=2)
        adyen_peer.move_dispute(dispute["id"], code)
    inbox.hear(adyen)
    inbox.kept[called].reverse()
    found = adyen.chargeback(called)
    assert (found.state, found.answers) == (ChargebackState.WON, 1)
    assert sum(line.amount.amount_minor for line in found.lines) == 0


def test_money_that_came_back_is_won_though_its_word_was_lost(talk):
    talk.hear("CHARGEBACK", "INFORMATION_SUPPLIED")
    talk.miss("CHARGEBACK_REVERSED")
    found = talk.adyen.chargeback(talk.called)
    assert (found.state, found.word) == (ChargebackState.WON, "chargebackReversal")
    assert sum(line.amount.amount_minor for line in found.lines) == 0


def test_money_that_was_taken_again_is_lost_though_its_word_was_lost(talk):
    talk.hear("CHARGEBACK", "INFORMATION_SUPPLIED", "CHARGEBACK_REVERSED")
    talk.miss("SECOND_CHARGEBACK")
    found = talk.adyen.chargeback(talk.called)
    assert (found.state, found.word) == (ChargebackState.LOST, "secondChargeback")
    assert sum(line.amount.amount_minor for line in found.lines) == 10_000


def test_money_that_was_taken_after_a_question_needs_an_answer_though_its_word_was_lost(talk):
    talk.hear("INFORMATION_SUPPLIED")
    talk.miss("CHARGEBACK")
    assert talk.adyen.chargeback(talk.called).state is ChargebackState.NEEDS_RESPONSE


def test_money_that_moved_before_the_last_word_does_not_speak_against_it(talk):
    talk.hear("CHARGEBACK", "CHARGEBACK_REVERSED", "PREARBITRATION_OPEN")
    assert talk.adyen.chargeback(talk.called).state is ChargebackState.APPEAL_NEEDS_RESPONSE


def test_what_was_accepted_when_it_was_noticed_stays_lost_when_it_is_taken(talk):
    talk.hear("NOTIFICATION_OF_CHARGEBACK", "DISPUTE_DEFENSE_PERIOD_ENDED")
    talk.miss("CHARGEBACK")
    assert talk.adyen.chargeback(talk.called).state is ChargebackState.LOST


def test_a_word_that_comes_again_in_a_later_stage_is_heard(talk):
    talk.hear("DISPUTE_DEFENSE_PERIOD_ENDED")
    assert talk.adyen.chargeback(talk.called).state is ChargebackState.INQUIRY_CLOSED
    talk.hear("NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK")
    assert talk.adyen.chargeback(talk.called).state is ChargebackState.NEEDS_RESPONSE
    talk.hear("DISPUTE_DEFENSE_PERIOD_ENDED")
    assert talk.adyen.chargeback(talk.called).state is ChargebackState.LOST


@pytest.mark.parametrize("hours_ago", [0, 30, 100, 180])
@pytest.mark.parametrize("code", ["CHARGEBACK", "INFORMATION_SUPPLIED", "CHARGEBACK_REVERSED"])
def test_an_old_word_under_another_date_changes_nothing(talk, clock, code, hours_ago):
    talk.hear("CHARGEBACK", "INFORMATION_SUPPLIED", "CHARGEBACK_REVERSED", "SECOND_CHARGEBACK")
    clock.advance(days=2)
    before = talk.adyen.chargeback(talk.called)
    talk.replay(code, hours_ago=hours_ago)
    assert talk.adyen.chargeback(talk.called) == before
    assert before.state is ChargebackState.LOST


def test_an_old_question_under_another_date_asks_nothing_anew(talk):
    talk.hear("CHARGEBACK", "INFORMATION_SUPPLIED")
    talk.clock.advance(days=3)
    for code in ("REQUEST_FOR_INFORMATION", "CHARGEBACK"):
        talk.replay(code, hours_ago=1)
    found = talk.adyen.find_evidence(talk.order())
    assert (found.state, found.answers) == (ChargebackState.UNDER_REVIEW, 1)


def test_a_question_takes_nothing_and_may_become_a_chargeback(  # noqa: PLR0917 - all that it is about
    adyen, adyen_peer, inbox, payment, payment_order, clock
):
    asked = adyen_peer.dispute(payment_order.payment_id, inquiry=True)
    called = f"ay_{payment_order.payment_id}.{asked['id']}"
    inbox.hear(adyen)
    found = adyen.chargeback(called)
    assert (found.state, found.lines, found.amount) == (ChargebackState.INQUIRY, (), USD_100)
    clock.advance(days=1)
    adyen_peer.move_dispute(asked["id"], "CHARGEBACK")
    inbox.hear(adyen)
    assert adyen.chargeback(called).state is ChargebackState.NEEDS_RESPONSE


def test_a_question_that_was_not_answered_is_closed(adyen, adyen_peer, inbox, payment, payment_order, clock):  # noqa: PLR0917 - all that it is about
    asked = adyen_peer.dispute(payment_order.payment_id, inquiry=True)
    clock.advance(days=1)
    adyen_peer.move_dispute(asked["id"], "DISPUTE_DEFENSE_PERIOD_ENDED")
    inbox.hear(adyen)
    found = adyen.chargeback(f"ay_{payment_order.payment_id}.{asked['id']}")
    assert found.state is ChargebackState.INQUIRY_CLOSED


def test_a_warning_of_fraud_moves_nothing(adyen, adyen_peer, inbox, payment, payment_order):
    warned = adyen_peer.warn(payment_order.payment_id)
    inbox.hear(adyen)
    found = adyen.fraud_warning(f"ay_{payment_order.payment_id}.{warned['id']}")
    assert (found.kind, found.state, found.lines) == ("fraud_warning", ChargebackState.WARNED, ())
    assert found.payment == payment.gateway_id


def test_a_chargeback_of_a_part_says_so(adyen, adyen_peer, inbox, payment, payment_order):
    dispute = adyen_peer.dispute(payment_order.payment_id, amount=2_500)
    inbox.hear(adyen)
    found = adyen.chargeback(f"ay_{payment_order.payment_id}.{dispute['id']}")
    assert (found.amount, amounts(found)[0]) == (Money(2_500, "USD"), (Money(2_500, "USD"), NONE))


def test_a_chargeback_months_later_is_found(adyen, adyen_peer, inbox, payment, payment_order, clock):  # noqa: PLR0917 - all that it is about
    clock.advance(days=400)
    dispute = adyen_peer.dispute(payment_order.payment_id)
    found = adyen.chargeback(f"ay_{payment_order.payment_id}.{dispute['id']}")
    assert [line.amount for line in found.lines] == [USD_100, NONE]


def test_its_lines_are_those_of_our_balance(adyen, called):
    found = adyen.chargeback(called)
    on_our_balance = {
        line.line_id: line.net_minor for line in adyen.balance_lines(since=None, after=None).lines
    }
    for line in found.lines:
        assert on_our_balance[line.line_id] == -(line.amount + line.fee).amount_minor
    assert isinstance(found.lines[0], ChargebackLine)


def test_a_dispute_nobody_knows_is_refused(adyen, payment, payment_order):
    assert adyen.chargeback(f"ay_{payment_order.payment_id}.{'X' * 16}").code == "resource_missing"
    assert adyen.chargeback("dp_1").code == "resource_missing"


# -- answering


@pytest.fixture
def order(called) -> EvidenceOrder:
    """What is said against it."""
    return EvidenceOrder(new_id("ce"), called, FIELDS)


def test_the_bank_is_answered_once_with_a_document(adyen, adyen_peer, inbox, called, dispute, order):  # noqa: PLR0917 - all that it is about
    assert adyen.find_evidence(order) is None
    answered = adyen.submit_evidence(order)
    assert (answered.state, answered.answers) == (ChargebackState.UNDER_REVIEW, 1)
    (paper,) = adyen_peer.state()["objects"][dispute["id"]]["documents"]
    assert base64.b64decode(paper["content"]).startswith(b"%PDF")
    inbox.hear(adyen)
    assert adyen.submit_evidence(order) == adyen.chargeback(called)
    assert adyen.find_evidence(order).state is ChargebackState.UNDER_REVIEW
    assert len(adyen_peer.news("INFORMATION_SUPPLIED")) == 1


@pytest.mark.parametrize("path", [".*supplyDefenseDocument", ".*defendDispute"])
@pytest.mark.parametrize("kind", ["cut_before_effect", "cut_after_effect"])
def test_an_answer_that_was_cut_off_is_handed_in_once(adyen, adyen_peer, inbox, order, called, path, kind):  # noqa: PLR0917 - all that it is about
    inbox.hear(adyen)
    adyen_peer.fault(kind, path=path)
    assert isinstance(adyen.submit_evidence(order), Unknown)
    inbox.hear(adyen)
    again = adyen.find_evidence(order) or adyen.submit_evidence(order)
    assert (again.state, again.answers) == (ChargebackState.UNDER_REVIEW, 1)
    inbox.hear(adyen)
    assert adyen.chargeback(called).answers == 1


def test_handed_in_twice_before_adyen_has_told_is_not_called_a_refusal(adyen, adyen_peer, order):
    adyen_peer.fault("cut_after_effect", path=".*defendDispute")
    assert isinstance(adyen.submit_evidence(order), Unknown)
    again = adyen.submit_evidence(order)
    assert isinstance(again, Unknown)
    assert "told by notification" in again.reason


def test_an_answer_to_the_banks_question_is_none_to_the_chargeback_that_follows(talk):
    talk.hear("INFORMATION_SUPPLIED", "NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK")
    assert talk.adyen.chargeback(talk.called).state is ChargebackState.NEEDS_RESPONSE
    against_it = talk.order()
    assert talk.adyen.find_evidence(against_it) is None
    answered = talk.adyen.submit_evidence(against_it)
    assert (answered.state, answered.answers) == (ChargebackState.UNDER_REVIEW, 2)
    assert len(talk.peer.news("INFORMATION_SUPPLIED")) == 2


def test_a_chargeback_that_was_answered_when_it_was_noticed_is_not_open_again_when_it_is_taken(talk):
    talk.hear("NOTIFICATION_OF_CHARGEBACK", "INFORMATION_SUPPLIED", "CHARGEBACK")
    found = talk.adyen.find_evidence(talk.order())
    assert (found.state, found.word) == (ChargebackState.UNDER_REVIEW, "INFORMATION_SUPPLIED")


def test_a_chargeback_without_a_notice_is_opened_by_a_word_of_its_own_and_is_one(talk):
    talk.hear("INFORMATION_SUPPLIED", "DISPUTE_OPENED_WITH_CHARGEBACK")
    found = talk.adyen.chargeback(talk.called)
    assert (found.state, found.word) == (ChargebackState.NEEDS_RESPONSE, "DISPUTE_OPENED_WITH_CHARGEBACK")
    talk.hear("INFORMATION_SUPPLIED", "CHARGEBACK")
    found = talk.adyen.chargeback(talk.called)
    assert (found.state, found.answers) == (ChargebackState.UNDER_REVIEW, 2)


def test_what_is_said_in_an_appeal_is_judged_by_the_appeal(talk):
    talk.hear("CHARGEBACK", "CHARGEBACK_REVERSED", "PREARBITRATION_OPEN", "INFORMATION_SUPPLIED")
    assert talk.adyen.chargeback(talk.called).state is ChargebackState.APPEAL_UNDER_REVIEW


def test_an_answer_to_the_question_is_none_to_a_chargeback_of_which_no_word_has_come(talk):
    talk.hear("INFORMATION_SUPPLIED")
    talk.miss("CHARGEBACK")
    assert talk.adyen.find_evidence(talk.order()) is None
    assert talk.adyen.submit_evidence(talk.order()).state is ChargebackState.UNDER_REVIEW


def test_what_was_meant_for_a_question_is_not_said_against_the_chargeback_that_followed(talk, clock):
    meant = talk.order(handed_in_at=clock.now())
    talk.hear("CHARGEBACK")
    refused = talk.adyen.submit_evidence(meant)
    assert (refused.code, refused.at_the_door) == ("asked_anew", True)
    assert talk.peer.news("INFORMATION_SUPPLIED") == []
    now = replace(meant, handed_in_at=clock.now())
    assert talk.adyen.submit_evidence(now).state is ChargebackState.UNDER_REVIEW


def test_an_answer_is_found_after_the_bank_has_asked_something_else(talk, clock):
    meant = talk.order(handed_in_at=clock.now())
    talk.hear("INFORMATION_SUPPLIED", "CHARGEBACK")
    assert talk.adyen.find_evidence(meant).answers == 1
    assert talk.adyen.find_evidence(replace(meant, handed_in_at=clock.now())) is None


def test_what_adyen_answered_by_itself_is_no_answer_of_ours(adyen, adyen_peer, inbox, payment_order, payment):
    dispute = adyen_peer.dispute(payment_order.payment_id, auto_defended=True)
    called = f"ay_{payment_order.payment_id}.{dispute['id']}"
    inbox.hear(adyen)
    found = adyen.chargeback(called)
    assert (found.state, found.answers) == (ChargebackState.UNDER_REVIEW, 0)
    assert adyen.find_evidence(EvidenceOrder(new_id("ce"), called, FIELDS)) is None


def test_what_is_over_cannot_be_answered(adyen, adyen_peer, inbox, order, dispute):
    adyen_peer.move_dispute(dispute["id"], "DISPUTE_DEFENSE_PERIOD_ENDED")
    refused = adyen.submit_evidence(order)
    assert (refused.code, refused.at_the_door) == ("not_defendable", True)


@pytest.mark.parametrize(
    ("papers", "handed_over"),
    [
        ({"A": "Required"}, {"A"}),
        ({"A": "Optional", "B": "Required", "C": "Required"}, {"B", "C"}),
        ({"A": "OneOrMore", "B": "OneOrMore"}, {"A"}),
        ({"A": "Required", "B": "OneOrMore", "C": "OneOrMore", "D": "AlternativeRequired"}, {"A", "B"}),
        ({"A": "Optional", "B": "AlternativeRequired"}, {"B"}),
        ({"A": "Optional", "B": "Optional"}, {"A"}),
    ],
)
def test_one_paper_goes_in_under_every_name_that_adyen_demands(  # noqa: PLR0917 - all that it is about
    adyen, adyen_peer, payment, payment_order, papers, handed_over
):
    dispute = adyen_peer.dispute(payment_order.payment_id, reasons={"Nothing": {}, "Something": papers})
    called = f"ay_{payment_order.payment_id}.{dispute['id']}"
    answered = adyen.submit_evidence(EvidenceOrder(new_id("ce"), called, FIELDS))
    assert answered.state is ChargebackState.UNDER_REVIEW
    supplied = adyen_peer.state()["objects"][dispute["id"]]["documents"]
    assert {each["defenseDocumentTypeCode"] for each in supplied} == handed_over
    assert len({each["content"] for each in supplied}) == 1
