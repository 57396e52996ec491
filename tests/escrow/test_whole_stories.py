"""Whole contracts, in any order, with everything a gateway may say: each cent is where an independent count has it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from escrow import contracts
from escrow import integrity as escrow_integrity
from escrow.contracts import MilestoneTerms
from escrow.fees import FeeSchedule
from escrow.release import release_by_time
from gateways.contract import Busy, PaymentState, RefundState, Rejected, Unknown
from kernel.ids import new_id
from kernel.money import Money
from kernel.refusals import Refusal
from ledger import integrity as ledger_integrity
from ledger import movements
from ledger.posting import post
from payments import charges
from payments import integrity as payments_integrity
from payments.collecting import GatewayDisagrees
from persistence.unit_of_work import atomically, examining
from tests.books import expect_refusal
from tests.escrow import model, story
from tests.escrow.story import CLIENT, MEDIATOR, WORKER

_PICK = st.integers(0, 10_000)
_CENTS = st.integers(1, 20_000)
# Of what is held, in percent; all of it when nothing is said.
_PART = st.none() | st.integers(0, 105)
_PRICES = st.lists(st.integers(100, 15_000), min_size=1, max_size=3)
_CLIENT_RATES = st.sampled_from([0, 300, 500, 1_234])
_WORKER_RATES = st.sampled_from([0, 1_000, 333, 1_550])
_CLIENT = st.sampled_from([CLIENT, CLIENT, CLIENT, WORKER])
_WORKER = st.sampled_from([WORKER, WORKER, WORKER, CLIENT])
_GATEWAY_FEES = st.integers(0, 100)
_SIDE = st.sampled_from([CLIENT, WORKER])

_PAYMENT_SAYINGS = [
    "processing",
    "needs_action",
    "succeeded",
    "succeeded",
    "canceled",
    "unknown",
    "busy",
    "declined",
]
_REFUND_SAYINGS = ["pending", "succeeded", "succeeded", "failed", "failed", "unknown", "busy", "declined"]
_WITHOUT_OBJECT = {
    "unknown": Unknown("no answer"),
    "busy": Busy(2),
    "declined": Rejected("card_declined", "No."),
}


def _somewhere(*states):
    return precondition(lambda self: any(one.state in states for one in self._all()))


class Stories(RuleBasedStateMachine):
    """Acts on Holdfast and on the model alike; what the model does not allow has to be refused."""

    def __init__(self, empty, clock):
        super().__init__()
        empty()
        atomically(story.enrol)
        self.clock = clock
        self.hours = 0
        self.contracts = {}
        self.views = {}
        self.payments = []
        self.refunds = []
        self.silent = {}
        self.requests = []
        self.submissions = []

    # --- contracts

    @initialize(prices=_PRICES, client_rate=_CLIENT_RATES, worker_rate=_WORKER_RATES, fee=_GATEWAY_FEES)
    def begin_with_money_held(self, prices, client_rate, worker_rate, fee):
        # Otherwise most of a story would be told when there is no money to tell of.
        for milestone_id in self._agree(prices, client_rate, worker_rate):
            contract, one = self._model(milestone_id)
            one.end("funding")
            view, one.payment = story.checkout(milestone_id), model.Payment()
            self.payments.append((view, one.payment, contract, one))
            self._pay(len(self.payments) - 1, "succeeded", fee)

    @precondition(lambda self: not self._holding())
    @rule(prices=_PRICES, client_rate=_CLIENT_RATES, worker_rate=_WORKER_RATES, fee=_GATEWAY_FEES)
    def go_on_with_another_contract(self, prices, client_rate, worker_rate, fee):
        self.begin_with_money_held(prices, client_rate, worker_rate, fee)

    @precondition(lambda self: len(self.contracts) < 3)
    @rule(prices=_PRICES, client_rate=_CLIENT_RATES, worker_rate=_WORKER_RATES)
    def offer_and_accept(self, prices, client_rate, worker_rate):
        self._agree(prices, client_rate, worker_rate)

    def _agree(self, prices, client_rate, worker_rate):
        terms = [MilestoneTerms("Part", _usd(price)) for price in prices]
        offered = atomically(
            contracts.offer_contract,
            contract_id=new_id("ct"),
            worker_id=WORKER.id,
            title="A website",
            description="",
            currency="USD",
            milestones=terms,
            by=CLIENT,
        )
        fees = FeeSchedule(client_rate, worker_rate)
        accepted = atomically(
            contracts.accept_contract,
            contract_id=offered.id,
            version=None,
            fees=fees,
            country="US",
            by=WORKER,
        )
        milestones = {
            one.id: model.Milestone(one.price.amount_minor, client_rate, worker_rate)
            for one in accepted.milestones
        }
        self.contracts[accepted.id] = model.Contract(accepted.id, milestones, "active")
        self.views |= {one.id: one for one in accepted.milestones}
        return list(milestones)

    @rule(pick=_PICK, side=_SIDE)
    def cancel(self, pick, side):
        contract, _, _ = self._picked(pick, "draft", "released")
        unsettled = {"funding", "funded", "submitted", "disputed"}
        fine = contract.state == "active" and not unsettled & {
            one.state for one in contract.milestones.values()
        }
        if self._done(fine, atomically, contracts.cancel_contract, contract_id=contract.id, by=side):
            contract.state = "cancelled"

    # --- money in

    @_somewhere("draft", "funding")
    @rule(pick=_PICK)
    def begin_to_pay(self, pick):
        contract, view, one = self._picked(pick, "draft", "funding")
        fine = one.state == "funding" or (one.state == "draft" and contract.state == "active")
        payment = self._done(fine, story.checkout, view.id)
        if payment and one.state == "draft":
            one.end("funding")
            one.payment = model.Payment()
            self.payments.append((payment, one.payment, contract, one))

    @precondition(lambda self: self.payments)
    @rule(pick=_PICK, said=st.sampled_from(_PAYMENT_SAYINGS), fee=st.integers(0, 400))
    def gateway_speaks_of_a_payment(self, pick, said, fee):
        self._pay(pick, said, fee)

    def _pay(self, pick, said, fee):
        view, payment, contract, one = self.payments[pick % len(self.payments)]
        outcome = _WITHOUT_OBJECT.get(said)
        if outcome is None:
            fee = one.gateway_fee if payment.state == "succeeded" else min(fee, one.price)
            outcome = story.answer(view, PaymentState(said), fee=_usd(fee).decimal)
        story.record(view, outcome)
        if payment.state == "canceled" and said == "succeeded":
            of = self.views[view.milestone_id]
            (refund,) = [refund for refund in story.refunds_of(of) if refund.id not in one.refunds]
            one.pay_late(payment, fee, refund.id)
            self.refunds.append((refund, view.milestone_id))
        live = payment.state in {"ordered", "unknown", "open"}
        if said == "succeeded" and live:
            payment.state, one.gateway_fee = "succeeded", fee
            one.end("funded")
        elif live and (said == "canceled" or (said == "declined" and not payment.known_at_gateway)):
            payment.state = "canceled"
            one.end("draft")
        elif said in {"processing", "needs_action"} and live:
            payment.state = "open"
        elif said == "unknown" and payment.state == "ordered":
            payment.state = "unknown"
        payment.known_at_gateway |= said not in _WITHOUT_OBJECT
        contract.follow()

    @precondition(lambda self: self.payments)
    @rule(pick=_PICK)
    def settle_the_charge(self, pick):
        view, payment, _, one = self.payments[pick % len(self.payments)]
        atomically(charges.settle, payment_id=view.id)
        one.settled |= payment.state == "succeeded"
        payment.late_settled |= payment.state == "given_back"

    # --- work

    @_somewhere("funded")
    @rule(pick=_PICK, by=_WORKER)
    def hand_in(self, pick, by):
        _, view, one = self._picked(pick, "funded")
        submission = self._done(one.state == "funded" and by is WORKER, story.submit, view, by=by)
        if submission:
            one.end("submitted")
            one.submission, one.submitted_at_hours = submission.id, self.hours
            self.submissions.append((submission.id, view.id))

    @_somewhere("submitted")
    @rule(pick=_PICK, by=_CLIENT)
    def ask_for_changes(self, pick, by):
        _, view, one = self._picked(pick, "submitted")
        fine = one.state == "submitted" and by is CLIENT and not one.overdue(self.hours)
        if self._done(fine, story.request_changes, view, by=by):
            one.submission = None
            one.end("funded")

    # --- money to the worker

    @_somewhere("funded", "submitted")
    @rule(pick=_PICK, part=_PART, by=_CLIENT)
    def accept(self, pick, part, by):
        self._accept(pick, part, by)

    @_somewhere("funded", "submitted")
    @rule(pick=_PICK, part=st.integers(1, 60))
    def accept_a_part(self, pick, part):
        self._accept(pick, part, CLIENT)

    def _accept(self, pick, part, by):
        contract, view, one = self._picked(pick, "funded", "submitted")
        gross = _share(one, part)
        fine = one.state in {"funded", "submitted"} and by is CLIENT and gross <= one.held
        if self._done(fine, story.accept, view, _said(part, gross), by=by):
            one.release(gross)
            if not one.held:
                one.end("released")
            contract.follow()

    @rule(hours=st.sampled_from([24, 24, 48, 72]))
    def time_passes(self, hours):
        self.hours += hours
        self.clock.advance(hours=hours)

    @precondition(lambda self: self.submissions)
    @rule(pick=_PICK)
    def sweep(self, pick):
        submission, milestone_id = self.submissions[pick % len(self.submissions)]
        contract, one = self._model(milestone_id)
        current = one.state == "submitted" and one.submission == submission
        early = current and not one.overdue(self.hours)
        swept = self._done(
            not early, atomically, release_by_time, submission_id=submission, release_id=new_id("rl")
        )
        if current and not early:
            assert swept.state == "released"
            one.release(one.held)
            one.end("released")
            contract.follow()
        else:
            assert swept is None

    @precondition(lambda self: any(one.released for one in self._all()))
    @rule(pick=_PICK, cents=_CENTS)
    def move_to_the_workers_account(self, pick, cents):
        _, view, one = self._picked(pick, "released", "split", "funded", "submitted")
        cents = min(cents, one.released - one.worker_fee - one.moved_pending - one.moved_settled)
        if cents <= 0:
            return
        payment = story.payment_of(view)

        def move(session):
            settled = charges.draw(session, payment_id=payment.id, amount=_usd(cents))
            entry = movements.transferred_to_worker("stripe", WORKER.id, amount=_usd(cents), settled=settled)
            post(session, entry, key=new_id("tr"), reference=view.id, actor="stripe")
            return settled

        assert atomically(move) is one.settled
        if one.settled:
            one.moved_settled += cents
        else:
            one.moved_pending += cents

    # --- money back

    @_somewhere("funded")
    @rule(pick=_PICK, part=_PART, by=_WORKER)
    def give_back(self, pick, part, by):
        contract, view, one = self._picked(pick, "funded")
        held = _share(one, part)
        fine = one.state == "funded" and by is WORKER and held <= one.held
        refund = self._done(fine, story.give_back, view, _said(part, held), by=by)
        if refund:
            self._refunded(contract, view, one, refund, held)

    @_somewhere("funded")
    @rule(pick=_PICK, part=_PART, by=_CLIENT)
    def ask_back(self, pick, part, by):
        _, view, one = self._picked(pick, "funded")
        asked = _share(one, part)
        fine = one.state == "funded" and by is CLIENT and asked <= one.held and one.request is None
        request = self._done(fine, story.ask_back, view, _said(part, asked), by=by)
        if request:
            one.request, one.asked = request.id, asked
            self.requests.append((request, view))

    @precondition(lambda self: self.requests)
    @rule(pick=_PICK, act=st.sampled_from(["agree", "agree", "decline", "withdraw"]), by=_SIDE)
    def answer_the_request(self, pick, act, by):
        request, view = self.requests[pick % len(self.requests)]
        contract, one = self._model(view.id)
        right_side = by is (CLIENT if act == "withdraw" else WORKER)
        fine = one.request == request.id and right_side and (act != "agree" or one.state == "funded")
        if act != "agree":
            if self._done(fine, story.close, request, act, by=by):
                one.request = None
            return
        refund = self._done(fine, story.agree, request, by=by)
        if refund:
            self._refunded(contract, view, one, refund, min(one.asked, one.held))

    @precondition(lambda self: self.refunds)
    @rule(pick=_PICK, said=st.sampled_from(_REFUND_SAYINGS))
    def gateway_speaks_of_a_refund(self, pick, said):
        view, milestone_id = self.refunds[pick % len(self.refunds)]
        contract, one = self._model(milestone_id)
        refund = one.refunds[view.id]
        came_back = refund.state in {"failed", "repeated"}
        if came_back and not refund.known_at_gateway and said not in _WITHOUT_OBJECT:
            # It had refused it; that it now has it is for a person to look at.
            with expect_refusal(GatewayDisagrees):
                story.record_refund(view, story.refund_answer(view, RefundState(said)))
            return
        story.record_refund(view, _WITHOUT_OBJECT.get(said) or story.refund_answer(view, RefundState(said)))
        # What was not answered may still be carried out: for a while a refusal is not the last word on it. When the
        # gateway has forgotten the key it is only asked, and what it refuses then is the question.
        since, last = self.silent.get(view.id, (self.hours, None))
        only_asked = self.hours - since >= 24
        may_be_out = refund.state == "unknown" and (only_asked or last == self.hours)
        if said == "unknown":
            self.silent[view.id] = (since, last if only_asked else self.hours)
        if said == "failed" or (said == "declined" and not refund.known_at_gateway and not may_be_out):
            if refund.state != "repeated":
                refund.state = "failed"
        elif said == "succeeded" and refund.on_its_way:
            refund.state = "succeeded"
        elif (said == "pending" and refund.on_its_way) or (said == "unknown" and refund.state == "ordered"):
            refund.state = said
        refund.known_at_gateway |= said not in _WITHOUT_OBJECT
        contract.follow()

    @precondition(lambda self: any(refund.state == "failed" for refund in self._every_refund()))
    @rule(pick=_PICK, by=_CLIENT)
    def send_again_what_came_back(self, pick, by):
        view, milestone_id = self.refunds[pick % len(self.refunds)]
        _, one = self._model(milestone_id)
        fine = one.refunds[view.id].state == "failed" and by is CLIENT
        again = self._done(fine, story.order_again, view, by=by)
        if again:
            one.refund_again(view.id, again.id)
            self.refunds.append((again, milestone_id))

    # --- disagreement

    @_somewhere("funded", "submitted")
    @rule(pick=_PICK, by=_SIDE)
    def disagree(self, pick, by):
        _, view, one = self._picked(pick, "funded", "submitted")
        fine = one.state in {"funded", "submitted"} and not one.overdue(self.hours)
        if self._done(fine, story.dispute, view, by=by):
            one.end("disputed")

    @_somewhere("disputed")
    @rule(pick=_PICK, share=st.integers(0, 105), by=st.sampled_from([MEDIATOR] * 6 + [CLIENT, WORKER]))
    def decide(self, pick, share, by):
        contract, view, one = self._picked(pick, "disputed")
        to_worker = one.held * share // 100
        fine = one.state == "disputed" and by is MEDIATOR and to_worker <= one.held
        if not self._done(fine, story.settle, view, _usd(to_worker).decimal, by=by):
            return
        to_client = one.held - to_worker
        if to_worker:
            one.release(to_worker)
        if to_client:
            known = set(one.refunds)
            (refund,) = [refund for refund in story.refunds_of(view) if refund.id not in known]
            one.refund(refund.id, to_client)
            self.refunds.append((refund, view.id))
        one.end("split" if to_worker and to_client else "released" if to_worker else "refunded")
        contract.follow()

    # --- what has to be true after every step

    @invariant()
    def every_cent_is_where_the_count_has_it(self):
        counted = model.places(self._all())
        assert story.money() == {place: _usd(cents).decimal for place, cents in counted.items()}

    @invariant()
    def every_contract_is_where_the_count_has_it(self):
        for contract in self.contracts.values():
            view = story.look_at_contract(self.views[next(iter(contract.milestones))])
            assert view.state == contract.state
            for seen in view.milestones:
                one = contract.milestones[seen.id]
                assert (seen.state, seen.held.amount_minor) == (one.state, one.held)
                assert (seen.released.amount_minor, seen.worker_fee.amount_minor) == (
                    one.released,
                    one.worker_fee,
                )
                assert (seen.refunded.amount_minor, seen.client_fee_returned.amount_minor) == (
                    one.refunded,
                    one.fee_returned,
                )

    def teardown(self):
        assert examining(ledger_integrity.verify) == []
        assert examining(payments_integrity.verify) == []
        assert examining(escrow_integrity.verify) == []

    def _picked(self, pick, *states):
        every = [(contract, id_) for contract in self.contracts.values() for id_ in contract.milestones]
        # Mostly where it can be done, and sometimes where it cannot.
        if pick % 16:
            every = [(of, id_) for of, id_ in every if of.milestones[id_].state in states] or every
        contract, milestone_id = every[pick % len(every)]
        return contract, self.views[milestone_id], contract.milestones[milestone_id]

    def _holding(self):
        return [one for one in self._all() if one.held]

    def _all(self):
        return [one for contract in self.contracts.values() for one in contract.milestones.values()]

    def _every_refund(self):
        return [refund for one in self._all() for refund in one.refunds.values()]

    def _model(self, milestone_id):
        contract = next(one for one in self.contracts.values() if milestone_id in one.milestones)
        return contract, contract.milestones[milestone_id]

    def _refunded(self, contract, view, one, refund, held):
        one.refund(refund.id, held)
        self.refunds.append((refund, view.id))
        if one.request is not None and (held >= one.asked or not one.held):
            one.request = None
        if not one.held:
            one.end("refunded")
        contract.follow()

    def _done(self, fine, act, *arguments, **named):
        if fine:
            return act(*arguments, **named)
        with pytest.raises(Refusal):
            act(*arguments, **named)
        return None


def test_every_cent_of_every_story_is_accounted_for(database, empty_database, clock):
    run_state_machine_as_test(
        lambda: Stories(empty_database, clock),
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert examining(ledger_integrity.verify) == []


def _usd(cents):
    return Money(cents, "USD")


def _share(one, part):
    return one.held if part is None else max(1, one.held * part // 100)


def _said(part, cents):
    return None if part is None else _usd(cents).decimal
