"""F1 to F4, F6 and E7: the client's bank takes the payment back, before and after the worker was paid."""

from __future__ import annotations

import pytest

from gateways.charging_back import EVIDENCE
from identity.permissions import Role
from persistence import due
from persistence.unit_of_work import reading
from sandbox.people import Refused
from tests.escrow.story import told
from tests.story.agreement import check_agreement
from tests.story.plot import cast, hired


@pytest.fixture
def milestone(people):
    (agreed,) = people.agree("100.00")
    people.fund(agreed)
    return agreed


def disputed(people, milestone, **about):
    """The client's bank takes the payment back; returns what Stripe calls it."""
    opened = people.house.peer.dispute(charge_of(people, milestone), **about)
    people.house.settle()
    return opened["id"]


def charge_of(people, milestone):
    (charged, *_) = people.finance.get(f"/v1/milestones/{milestone}/money")["steps"]
    return charged["gateway_object"]


def decide(people, dispute, *, won):
    people.house.peer.close_dispute(dispute, won=won)
    people.house.settle()


def test_f1_a_chargeback_before_the_release_takes_the_hold_and_stops_everything(people, milestone):
    people.submit(milestone)
    disputed(people, milestone)
    assert people.state(milestone) == "frozen"
    assert people.where(milestone) == {"charged_back": "105.00"}
    assert people.where(milestone, people.worker) == {"charged_back": "100.00"}
    for who, act, body in (
        (people.client, "release", {"amount": {"amount": "100.00", "currency": "USD"}}),
        (people.worker, "refund", {"amount": {"amount": "100.00", "currency": "USD"}, "reason": "No."}),
        (people.client, "dispute", {"reason": "No."}),
    ):
        with pytest.raises(Refused) as refused:
            who.post(f"/v1/milestones/{milestone}/{act}", body)
        assert refused.value.problem["code"] == "act_not_possible"
    people.house.pass_time(hours=100)
    assert people.state(milestone) == "frozen"
    assert people.wallet() == {}
    books = people.books()
    assert (books["expenses:chargeback_fees"], books.get("income:fees:client")) == ("15.00", None)
    check_agreement(people.house.peer)


def test_f1_a_chargeback_that_is_lost_ends_the_milestone(people, milestone):
    dispute = disputed(people, milestone)
    decide(people, dispute, won=False)
    assert people.state(milestone) == "charged_back"
    assert people.where(milestone, people.client) == {"charged_back": "105.00"}
    check_agreement(people.house.peer)


def test_f3_a_chargeback_that_is_won_is_held_again_and_the_72_hours_begin_anew(people, milestone):
    people.submit(milestone)
    people.house.pass_time(hours=71)
    dispute = disputed(people, milestone)
    people.house.pass_time(hours=200)
    decide(people, dispute, won=True)
    assert people.state(milestone) == "submitted"
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    people.house.pass_time(hours=71)
    assert people.state(milestone) == "submitted"
    people.house.pass_time(hours=1)
    assert people.state(milestone) == "released"
    assert people.books()["expenses:chargeback_fees"] == "15.00"
    check_agreement(people.house.peer)


def test_f2_what_the_worker_was_paid_is_taken_out_of_the_wallet_and_back_from_stripe(people, milestone):
    people.release(milestone)
    assert people.wallet() == {"pending": "90.00"}
    disputed(people, milestone)
    assert people.state(milestone) == "released"
    assert people.where(milestone) == {"charged_back": "105.00"}
    assert people.where(milestone, people.client) == {"charged_back": "105.00"}
    assert people.where(milestone, people.worker) == {"charged_back": "100.00"}
    assert people.wallet() == {}
    books = people.books()
    assert "assets:receivable" not in books
    assert "assets:gateway:stripe:connected" not in books
    assert (books["expenses:chargeback_fees"], books.get("expenses:chargebacks")) == ("15.00", None)
    check_agreement(people.house.peer)


def test_f2_what_has_left_for_the_bank_is_owed_by_the_worker(people, milestone):
    people.release(milestone)
    people.house.pass_time(hours=49)
    people.withdraw("60.00")
    people.house.pass_time(hours=100)
    disputed(people, milestone)
    assert people.books()["assets:receivable"] == "60.00"
    (chargeback,) = people.finance.get("/v1/staff/chargebacks")["data"]
    amounts = {name: chargeback[name]["amount"] for name in ("taken", "recovered", "outstanding", "fees")}
    assert amounts == {"taken": "105.00", "recovered": "30.00", "outstanding": "60.00", "fees": "15.00"}
    steps = people.worker.get(f"/v1/milestones/{milestone}/money")["steps"]
    assert {
        step["step"]: step["amount"]["amount"]
        for step in steps
        if step["step"] in {"owed_by_worker", "recovered"}
    } == {
        "recovered": "30.00",
        "owed_by_worker": "60.00",
    }
    assert people.where(milestone) == {"charged_back": "105.00"}
    check_agreement(people.house.peer)


def test_f2_money_of_other_milestones_stays_the_workers(people, milestone):
    other, _ = people.agree("40.00", "1.00")
    people.fund(other)
    people.release(milestone)
    people.release(other)
    people.house.pass_time(hours=49)
    people.withdraw("90.00")
    disputed(people, milestone)
    assert people.wallet() == {"available": "36.00", "in_transit": "90.00"}
    assert people.books()["assets:receivable"] == "90.00"
    check_agreement(people.house.peer)


def test_f2_a_withdrawal_that_the_bank_returns_is_taken_back_then(people, milestone):
    people.release(milestone)
    people.house.pass_time(hours=49)
    payout = people.withdraw("90.00")
    people.house.pass_time(hours=24)
    disputed(people, milestone)
    assert people.books()["assets:receivable"] == "90.00"
    people.house.peer.fail_payout(people.payout(payout)["gateway_id"])
    people.house.settle()
    assert people.wallet() == {}
    assert "assets:receivable" not in people.books()
    check_agreement(people.house.peer)


def test_f2_a_worker_without_an_account_is_not_sent_what_was_taken_back(house):
    people = cast(house)
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    people.release(milestone)
    disputed(people, milestone, amount=5_250)
    assert people.wallet() == {"pending": "45.00"}
    people.set_up_payouts()
    people.house.pass_time(hours=49)
    assert people.wallet() == {"available": "45.00"}
    check_agreement(people.house.peer)


def test_f3_what_was_recovered_is_paid_back_when_the_bank_decides_for_the_worker(people, milestone):
    people.release(milestone)
    people.house.pass_time(hours=49)
    people.withdraw("60.00")
    people.house.pass_time(hours=100)
    dispute = disputed(people, milestone)
    decide(people, dispute, won=True)
    assert people.wallet() == {"pending": "30.00"}
    # It comes out of what is available to us, which another client's payment makes up for.
    (other,) = people.agree("500.00")
    people.fund(other)
    people.house.pass_time(hours=49)
    people.worker.sign_in()
    people.client.sign_in()
    people.finance.sign_in()
    assert people.wallet() == {"available": "30.00"}
    people.withdraw("30.00")
    people.house.pass_time(hours=100)
    people.finance.sign_in()
    assert people.where(milestone) == {"bank": "90.00", "worker_fee": "10.00", "client_fee": "5.00"}
    books = people.books()
    assert "assets:receivable" not in books
    assert (books["income:fees:worker"], books["income:fees:client"]) == ("-10.00", "-30.00")
    check_agreement(people.house.peer)


def test_f4_an_inquiry_takes_nothing_and_holds_everything_until_it_is_closed(people, milestone):
    people.submit(milestone)
    dispute = disputed(people, milestone, inquiry=True)
    people.house.pass_time(hours=100)
    assert people.state(milestone) == "frozen"
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    decide(people, dispute, won=False)
    assert people.state(milestone) == "submitted"
    people.house.pass_time(hours=72)
    assert people.state(milestone) == "released"
    check_agreement(people.house.peer)


def test_f4_an_inquiry_may_become_a_chargeback_and_be_appealed(people, milestone):
    dispute = disputed(people, milestone, inquiry=True)
    move(people, dispute, "needs_response")
    assert people.where(milestone) == {"charged_back": "105.00"}
    for status in ("under_review", "appeal_needs_response", "appeal_under_review"):
        move(people, dispute, status)
        assert people.state(milestone) == "frozen"
    decide(people, dispute, won=True)
    assert people.state(milestone) == "funded"
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    check_agreement(people.house.peer)


def test_f4_a_state_that_nobody_knows_is_parked_and_moves_nothing(people, milestone):
    dispute = disputed(people, milestone)
    move(people, dispute, "reconsidered_by_the_moon")
    assert people.state(milestone) == "frozen"
    for _ in range(12):
        people.house.pass_time(hours=24)
    (parked, *_) = reading(due.parked)
    assert parked.kind == "refresh_chargeback"
    assert "reconsidered_by_the_moon" in parked.reason
    people.client.sign_in()
    decide_from_anywhere(people, dispute)
    assert people.state(milestone) == "charged_back"


def test_f6_an_open_dispute_is_settled_by_the_bank_when_it_takes_everything(people, milestone):
    people.client.post(f"/v1/milestones/{milestone}/dispute", {"reason": "This is not it."})
    dispute = disputed(people, milestone)
    assert people.state(milestone) == "frozen"
    decide(people, dispute, won=False)
    assert people.state(milestone) == "charged_back"
    (ours,) = people.client.get(f"/v1/milestones/{milestone}")["disputes"]
    assert (ours["state"], ours["to_client"]) == ("overridden", None)
    check_agreement(people.house.peer)


def test_f6_what_the_bank_left_is_decided_by_the_mediator(people, milestone):
    people.client.post(f"/v1/milestones/{milestone}/dispute", {"reason": "This is not it."})
    dispute = disputed(people, milestone, amount=4_200)
    decide(people, dispute, won=False)
    assert people.state(milestone) == "disputed"
    assert people.where(milestone) == {"held": "60.00", "charged_back": "42.00", "client_fee": "3.00"}
    mediator = hired(people.house, Role.MEDIATOR)
    split = {"to_worker": "20.00", "to_client": "40.00"}
    body = {side: {"amount": amount, "currency": "USD"} for side, amount in split.items()}
    mediator.post(f"/v1/milestones/{milestone}/settle", body | {"decision": "So be it."})
    people.house.settle()
    assert people.state(milestone) == "split"
    people.house.pass_time(hours=1)


def test_e7_a_refund_on_its_way_when_the_bank_takes_the_payment_back_is_not_paid_twice(people, milestone):
    people.refund(milestone, "40.00")
    assert people.where(milestone)["refunding"] == "42.00"
    disputed(people, milestone)
    assert people.where(milestone) == {"charged_back": "105.00"}
    seen = people.client.get(f"/v1/milestones/{milestone}")
    (refund,) = seen["refunds"]
    assert (refund["state"], seen["owed"]["amount"]) == ("failed", "0.00")
    with pytest.raises(Refused) as refused:
        people.client.post(f"/v1/refunds/{refund['id']}/order-again")
    assert refused.value.problem["code"] in {"refund_too_large", "chargeback_undecided"}
    assert "expenses:chargebacks" not in people.books()
    check_agreement(people.house.peer)


def move(people, dispute, status):
    people.house.peer.move_dispute(dispute, status=status)
    people.house.settle()


def decide_from_anywhere(people, dispute):
    people.house.peer.move_dispute(dispute, status="lost")
    people.house.settle()


def test_f7_a_warning_of_the_network_holds_the_release_until_somebody_has_looked(people, milestone):
    people.submit(milestone)
    people.house.peer.warn(charge_of(people, milestone))
    people.house.settle()
    people.house.pass_time(hours=100)
    assert people.state(milestone) == "frozen"
    people.finance.sign_in()
    (warning,) = people.finance.get("/v1/staff/chargebacks", state="warned")["data"]
    assert (warning["kind"], warning["taken"]["amount"]) == ("fraud_warning", "0.00")
    looked_at = {"reason": "The client was called and knows of it."}
    people.finance.post(f"/v1/staff/chargebacks/{warning['id']}/dismiss", looked_at)
    assert people.state(milestone) == "submitted"
    people.house.pass_time(hours=72)
    assert people.state(milestone) == "released"
    check_agreement(people.house.peer)


def test_f7_a_warning_that_becomes_a_chargeback_is_over_with_it(people, milestone):
    people.house.peer.warn(charge_of(people, milestone))
    people.house.settle()
    dispute = disputed(people, milestone)
    assert people.state(milestone) == "frozen"
    decide(people, dispute, won=False)
    # News of the warning that came before the chargeback is looked at once more after a minute.
    people.house.pass_time(minutes=2)
    assert people.state(milestone) == "charged_back"
    assert [each["state"] for each in people.finance.get("/v1/staff/chargebacks")["data"]] == [
        "lost",
        "dismissed",
    ]
    check_agreement(people.house.peer)


def test_a_debt_that_is_forgiven_is_our_loss(people, milestone):
    people.release(milestone)
    people.house.pass_time(hours=49)
    people.withdraw("90.00")
    people.house.pass_time(hours=100)
    decide(people, disputed(people, milestone), won=False)
    (chargeback,) = people.finance.get("/v1/staff/chargebacks")["data"]
    order = {"amount": chargeback["outstanding"], "reason": "The client was a fraud."}
    people.finance.post(f"/v1/staff/debts/{chargeback['id']}/forgive", order)
    assert people.books()["expenses:chargebacks"] == "90.00"
    assert "assets:receivable" not in people.books()
    check_agreement(people.house.peer)


def answer(people, dispute, **fields):
    (chargeback,) = people.finance.get("/v1/staff/chargebacks")["data"]
    path = f"/v1/staff/chargebacks/{chargeback['id']}/evidence"
    people.finance.put(path, {"texts": fields})
    return path


def test_f5_evidence_is_drafted_as_often_as_needed_and_handed_in_once(people, milestone):
    dispute = disputed(people, milestone)
    answer(people, dispute, uncategorized_text="A first thought.")
    path = answer(
        people, dispute, product_description="A logo.", uncategorized_text="The client accepted it."
    )
    assert people.house.peer.state()["objects"][dispute]["evidence_details"]["submission_count"] == 0
    people.finance.post(f"{path}/hand-in")
    people.house.settle()
    (at_stripe,) = [people.house.peer.state()["objects"][dispute]]
    assert at_stripe["evidence"]["uncategorized_text"] == "The client accepted it."
    assert (at_stripe["status"], at_stripe["evidence_details"]["submission_count"]) == ("under_review", 1)
    assert people.finance.get(path)["state"] == "submitted"
    for again in (
        lambda: people.finance.post(f"{path}/hand-in"),
        lambda: people.finance.put(path, {"texts": {"uncategorized_text": "More."}}),
    ):
        with pytest.raises(Refused) as refused:
            again()
        assert refused.value.problem["code"] == "evidence_handed_in"


def test_f5_a_question_and_the_chargeback_that_follows_it_are_answered_each_by_itself(people, milestone):
    dispute = disputed(people, milestone, inquiry=True)
    path = answer(people, dispute, uncategorized_text="It was delivered.")
    people.finance.post(f"{path}/hand-in")
    people.house.settle()
    assert people.finance.get(path)["state"] == "submitted"
    move(people, dispute, "needs_response")
    answer(people, dispute, uncategorized_text="It was delivered and accepted.")
    # The answer that was heard is not taken for the one that is lost.
    people.house.peer.fault("cut_before_effect", method="POST", path="/v1/disputes/.*", count=1)
    people.finance.post(f"{path}/hand-in")
    people.house.settle()
    people.house.pass_time(hours=1)
    people.finance.sign_in()
    assert people.finance.get(path)["state"] == "submitted"
    at_stripe = people.house.peer.state()["objects"][dispute]
    assert at_stripe["evidence"]["uncategorized_text"] == "It was delivered and accepted."
    assert (at_stripe["status"], at_stripe["evidence_details"]["submission_count"]) == ("under_review", 2)


def test_f5_an_answer_that_is_lost_is_not_handed_in_twice(people, milestone):
    dispute = disputed(people, milestone)
    path = answer(people, dispute, uncategorized_text="Here.")
    people.house.peer.fault("cut_after_effect", path="/v1/disputes/.*", count=1)
    people.finance.post(f"{path}/hand-in")
    people.house.settle()
    people.house.pass_time(hours=1)
    assert people.finance.get(path)["state"] == "submitted"
    count = people.house.peer.state()["objects"][dispute]["evidence_details"]["submission_count"]
    assert count == 1


def test_f5_what_the_gateway_refuses_is_a_draft_again_and_handed_in_anew(people, milestone):
    dispute = disputed(people, milestone)
    path = answer(people, dispute, uncategorized_text="Here.")
    people.house.peer.fault("status", status=400, method="POST", path="/v1/disputes/.*", count=1)
    people.finance.post(f"{path}/hand-in")
    people.house.settle()
    assert people.finance.get(path)["state"] == "drafted"
    answer(people, dispute, uncategorized_text="Here, in other words.")
    people.finance.post(f"{path}/hand-in")
    people.house.settle()
    assert people.finance.get(path)["state"] == "submitted"


def test_f5_what_the_bank_would_not_read_is_refused_before_it_is_kept(people, milestone):
    dispute = disputed(people, milestone)
    for fields in (
        {"uncategorized_text": "x" * 20_001},
        {"a_field_of_ours": "x"},
        dict.fromkeys(EVIDENCE[:8], "x" * 20_000),
    ):
        with pytest.raises(Refused) as refused:
            answer(people, dispute, **fields)
        assert refused.value.status == 422
    (chargeback,) = people.finance.get("/v1/staff/chargebacks")["data"]
    with pytest.raises(Refused) as refused:
        people.finance.post(f"/v1/staff/chargebacks/{chargeback['id']}/evidence/hand-in")
    assert refused.value.problem["code"] == "evidence_missing"


def test_f5_staff_is_reminded_before_the_time_is_over_and_refused_after_it(people, milestone):
    dispute = disputed(people, milestone)
    path = answer(people, dispute, uncategorized_text="Here.")
    people.house.pass_time(days=8)
    assert told()["chargeback.answer_due"] == 1
    people.house.pass_time(days=1)
    assert told()["chargeback.answer_due"] == 2
    people.house.pass_time(days=2)
    people.finance.sign_in()
    with pytest.raises(Refused) as refused:
        people.finance.post(f"{path}/hand-in")
    assert refused.value.problem["code"] == "chargeback_not_to_be_answered"
