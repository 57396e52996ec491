"""The state tables walked: every act in every state by everybody either works as the table says, or nothing moves."""

from __future__ import annotations

from collections import Counter

import pytest

from escrow import contracts, funding, states
from escrow.acts import ActNotPossible, ContractNotFound, MilestoneNotFound, NotYourAct
from escrow.refunds import RefundRequestNotFound
from escrow.release import NotDueYet
from gateways.contract import ChargebackState, PaymentState, RefundState
from identity.actors import SYSTEM
from persistence.unit_of_work import atomically
from tests.books import everything, expect_refusal, nothing_moves
from tests.escrow import story
from tests.escrow.story import (
    ADMIN,
    CLIENT,
    FEES,
    FINANCE,
    MEDIATOR,
    OTHER_CLIENT,
    OTHER_WORKER,
    SUPPORT,
    WORKER,
    look,
    look_at_contract,
    payment_of,
    told,
)

_PARTIES = {
    states.CLIENT: CLIENT,
    states.WORKER: WORKER,
    states.MEDIATOR: MEDIATOR,
    states.STAFF: FINANCE,
    states.SYSTEM: SYSTEM,
}
_STRANGERS = (OTHER_CLIENT, OTHER_WORKER)
_OTHER_STAFF = (SUPPORT, FINANCE, ADMIN)

# --- milestones -------------------------------------------------------------------------------------------------------


def _collecting():
    milestone = story.draft()
    story.checkout(milestone.id)
    return milestone


def _funded():
    # A part was given back, so that in every later state there is a refund that can fail.
    milestone = story.funded("110.00")
    story.give_back(milestone, "10.00")
    return look(milestone)


def _submitted():
    milestone = _funded()
    story.submit(milestone)
    return look(milestone)


def _disputed():
    milestone = _submitted()
    story.dispute(milestone)
    return look(milestone)


def _released():
    milestone = _funded()
    story.accept(milestone)
    return look(milestone)


def _refunded():
    # And a part was released before.
    milestone = story.funded("120.00")
    story.give_back(milestone, "10.00")
    story.accept(milestone, "10.00")
    story.give_back(milestone)
    return look(milestone)


def _split():
    milestone = _disputed()
    story.settle(milestone, "40.00")
    return look(milestone)


def _frozen():
    milestone = _submitted()
    story.charge_back(milestone, ChargebackState.INQUIRY)
    return look(milestone)


def _charged_back():
    milestone = _funded()
    story.charge_back(milestone, ChargebackState.LOST, "105.00")
    return look(milestone)


# In every state that holds money it is 100.00.
_MILESTONES = {
    "draft": story.draft,
    "funding": _collecting,
    "funded": _funded,
    "submitted": _submitted,
    "disputed": _disputed,
    "released": _released,
    "refunded": _refunded,
    "split": _split,
    "frozen": _frozen,
    "charged_back": _charged_back,
}

# What a person asks for, by the name of the act. A settlement is for whom its amounts say it is.
_ACTS = {
    "begin_funding": lambda on, by: story.checkout(on.id, by=by),
    "give_up_funding": lambda on, by: atomically(funding.payment_to_cancel, milestone_id=on.id, by=by),
    "submit": lambda on, by: story.submit(on, by=by),
    "request_changes": lambda on, by: story.request_changes(on, by=by),
    "release": lambda on, by: story.accept(on, by=by),
    "release_part": lambda on, by: story.accept(on, "10.00", by=by),
    "refund": lambda on, by: story.give_back(on, by=by),
    "refund_part": lambda on, by: story.give_back(on, "10.00", by=by),
    "give_back": lambda on, by: story.give_back_after_release(on, "5.00", by=by),
    "dispute": lambda on, by: story.dispute(on, by=by),
    "settle_for_worker": lambda on, by: story.settle(on, "100.00", by=by),
    "settle_for_client": lambda on, by: story.settle(on, "0.00", by=by),
    "settle_by_split": lambda on, by: story.settle(on, "40.00", by=by),
}
# Asked again, the client gets the payment there is; stopping it is the gateway's answer, not the question.
_ONLY_ANSWERED = {("funding", "begin_funding"), ("funding", "give_up_funding")}
_STAFFS = {"give_back"}
_NOT_BY_PEOPLE = {
    "refund_by_limit",
    "confirm_funding",
    "release_by_time",
    "freeze",
    "thaw_to_funded",
    "thaw_to_submitted",
    "thaw_to_disputed",
    "charge_back",
}
_ALSO_TOLD = {
    "give_back": ["clawback.ordered"],
    "settle_for_worker": ["milestone.released", "dispute.settled"],
    "settle_for_client": ["dispute.settled"],
    "settle_by_split": ["milestone.released", "dispute.settled"],
}


def test_every_state_and_every_act_of_the_table_is_walked_here():
    assert {act for _, act in states.MILESTONE.table} == set(_ACTS) | _NOT_BY_PEOPLE
    assert set(_MILESTONES) == set(states.MILESTONE.states)


@pytest.mark.parametrize("state", _MILESTONES)
def test_whoever_may_not_do_it_in_this_state_is_refused_and_nothing_moves(state):
    milestone = _MILESTONES[state]()
    before = everything()
    for act, do in _ACTS.items():
        for party, actor in _PARTIES.items():
            asked_again = (state, act) in _ONLY_ANSWERED and party == states.CLIENT
            if not asked_again and not _allowed(states.MILESTONE, state, act, party):
                with pytest.raises(_refusal(states.MILESTONE, act, party)):
                    do(milestone, actor)
    assert everything() == before


@pytest.mark.parametrize("state", _MILESTONES)
def test_to_a_stranger_the_milestone_is_not_there_and_other_staff_is_told_that_it_is_not_theirs(state):
    milestone = _MILESTONES[state]()
    before = everything()
    for act, do in _ACTS.items():
        for stranger in _STRANGERS:
            with pytest.raises(MilestoneNotFound):
                do(milestone, stranger)
        for staff in _OTHER_STAFF if act not in _STAFFS else ():
            with pytest.raises(NotYourAct):
                do(milestone, staff)
    assert everything() == before


@pytest.mark.parametrize(
    ("state", "act", "party"),
    [
        (state, act, party)
        for (state, act), step in states.MILESTONE.table.items()
        for party in step.by
        if act in _ACTS and party in _PARTIES and (state, act) not in _ONLY_ANSWERED
    ],
)
def test_whoever_may_do_it_comes_where_the_table_leads_and_it_is_told_once(state, act, party):
    milestone = _MILESTONES[state]()
    before = told()
    _ACTS[act](milestone, _PARTIES[party])
    step = states.MILESTONE.table[(state, act)]
    assert look(milestone).state == step.to
    assert told() - before == Counter(
        [
            step.event,
            *_ALSO_TOLD.get(act, []),
            *["contract.completed"] * (step.to in states.MILESTONE.terminal - {state}),
        ]
    )


def test_asked_again_the_client_gets_the_same_payment_and_nothing_moves():
    milestone = _collecting()
    with nothing_moves():
        assert _ACTS["begin_funding"](milestone, CLIENT).id == payment_of(milestone).id
        assert _ACTS["give_up_funding"](milestone, CLIENT).id == payment_of(milestone).id


@pytest.mark.parametrize("state", [state for state in _MILESTONES if state not in {"draft", "funding"}])
@pytest.mark.parametrize("said", [PaymentState.SUCCEEDED, PaymentState.CANCELED, PaymentState.PROCESSING])
def test_whatever_the_gateway_says_of_a_payment_again_moves_nothing_once_it_succeeded(state, said):
    milestone = _MILESTONES[state]()
    before, payment = (look(milestone), told(), story.money()), payment_of(milestone)
    story.record(payment, story.answer(payment, said))
    assert (look(milestone), told(), story.money()) == before


@pytest.mark.parametrize(
    ("said", "becomes", "events"),
    [
        (PaymentState.SUCCEEDED, "funded", ["payment.succeeded", "milestone.funded"]),
        (PaymentState.CANCELED, "draft", ["payment.canceled", "milestone.funding_given_up"]),
        (PaymentState.NEEDS_ACTION, "funding", ["payment.opened"]),
    ],
)
def test_the_gateway_makes_the_hold_or_frees_the_milestone(said, becomes, events):
    milestone = _collecting()
    before, payment = told(), payment_of(milestone)
    for _ in range(3):
        story.record(payment, story.answer(payment, said))
    assert look(milestone).state == becomes
    assert told() - before == Counter(events)


@pytest.mark.parametrize("state", [state for state in _MILESTONES if state not in {"draft", "funding"}])
def test_a_refund_that_fails_is_owed_to_the_client_and_changes_nothing_else_in_any_state(state):
    milestone = _MILESTONES[state]()
    before = told()
    (refund,) = [refund for refund in story.refunds_of(milestone) if refund.held == story.usd("10.00")]
    for _ in range(3):
        story.record_refund(refund, story.refund_answer(refund, RefundState.FAILED))
    seen = look(milestone)
    assert (seen.state, seen.held, seen.refunded) == (milestone.state, milestone.held, milestone.refunded)
    assert (seen.owed, story.money()["owed"]) == (story.usd("10.50"), "10.50")
    assert told() - before == Counter(["refund.failed", "milestone.refund_failed"])


@pytest.mark.parametrize(
    "state", ["funded", "submitted", "disputed", "released", "refunded", "split", "frozen"]
)
def test_the_clock_pays_for_submitted_work_alone(state, clock):
    milestone = story.funded()
    submission = story.submit(milestone)
    if state == "submitted":
        with expect_refusal(NotDueYet):
            story.time_is_up(submission.id)
    else:
        _lead_on(milestone, state)
    clock.advance(hours=73)
    before = told()
    if state != "submitted":
        with nothing_moves():
            assert story.time_is_up(submission.id) is None
        return
    assert story.time_is_up(submission.id).state == "released"
    assert told() - before == Counter(["milestone.released", "contract.completed"])


def _lead_on(milestone, state):
    if state in {"disputed", "split"}:
        story.dispute(milestone)
    if state == "split":
        story.settle(milestone, "40.00")
    if state == "frozen":
        story.charge_back(milestone, ChargebackState.NEEDS_RESPONSE, "105.00")
    if state in {"funded", "refunded"}:
        story.request_changes(milestone)
    if state == "refunded":
        story.give_back(milestone)
    if state == "released":
        story.accept(milestone)
    assert look(milestone).state == state


# --- contracts --------------------------------------------------------------------------------------------------------


def _cancelled():
    contract = story.accepted("100.00")
    return atomically(contracts.cancel_contract, contract_id=contract.id, by=CLIENT)


def _completed():
    return look_at_contract(_released())


_CONTRACTS = {
    "offered": lambda: story.offered("100.00"),
    "active": lambda: story.accepted("100.00"),
    "cancelled": _cancelled,
    "completed": _completed,
}
_CONTRACT_ACTS = {
    "accept": lambda on, by: atomically(
        contracts.accept_contract, contract_id=on.id, version=None, fees=FEES, country="US", by=by
    ),
    "decline": lambda on, by: atomically(contracts.decline_contract, contract_id=on.id, by=by),
    "cancel": lambda on, by: atomically(contracts.cancel_contract, contract_id=on.id, by=by),
}


def test_every_state_and_every_act_of_contracts_is_walked_here():
    # The other one follows from what happens to milestones.
    assert {act for _, act in states.CONTRACT.table} == set(_CONTRACT_ACTS) | {"complete"}
    assert set(_CONTRACTS) == set(states.CONTRACT.states)


@pytest.mark.parametrize("state", _CONTRACTS)
def test_whoever_may_not_answer_or_end_a_contract_is_refused_and_nothing_moves(state):
    contract = _CONTRACTS[state]()
    before = everything()
    for act, do in _CONTRACT_ACTS.items():
        for party, actor in _PARTIES.items():
            if not _allowed(states.CONTRACT, state, act, party):
                with pytest.raises(_refusal(states.CONTRACT, act, party)):
                    do(contract, actor)
        for stranger in _STRANGERS:
            with pytest.raises(ContractNotFound):
                do(contract, stranger)
        for staff in _OTHER_STAFF:
            with pytest.raises(NotYourAct):
                do(contract, staff)
    assert everything() == before


@pytest.mark.parametrize(
    ("state", "act", "party"),
    [
        (state, act, party)
        for (state, act), step in states.CONTRACT.table.items()
        for party in step.by
        if act in _CONTRACT_ACTS
    ],
)
def test_a_contract_is_answered_and_ended_as_the_table_says_and_it_is_told_once(state, act, party):
    contract = _CONTRACTS[state]()
    before = told()
    ended = _CONTRACT_ACTS[act](contract, _PARTIES[party])
    step = states.CONTRACT.table[(state, act)]
    assert (ended.state, ended.version) == (step.to, contract.version + 1)
    assert told() - before == Counter([step.event])


# --- refund requests --------------------------------------------------------------------------------------------------

_ANSWERS = {
    "agree": lambda request, by: story.agree(request, by=by),
    "decline": lambda request, by: story.close(request, "decline", by=by),
    "withdraw": lambda request, by: story.close(request, "withdraw", by=by),
}


def _asked():
    milestone = story.funded()
    return milestone, story.ask_back(milestone, "30.00")


@pytest.mark.parametrize("state", states.REFUND_REQUEST.states)
def test_whoever_may_not_answer_a_refund_request_is_refused_and_nothing_moves(state):
    _, request = _asked()
    for act, step in (
        (act, step) for (_, act), step in states.REFUND_REQUEST.table.items() if step.to == state
    ):
        _ANSWERS[act](request, _PARTIES[step.by[0]])
    before = everything()
    for act, do in _ANSWERS.items():
        for party, actor in _PARTIES.items():
            if not _allowed(states.REFUND_REQUEST, state, act, party):
                with pytest.raises(_refusal(states.REFUND_REQUEST, act, party)):
                    do(request, actor)
    assert everything() == before


def test_to_a_stranger_a_refund_request_is_not_there():
    _, request = _asked()
    for do in _ANSWERS.values():
        for stranger in _STRANGERS:
            with expect_refusal(RefundRequestNotFound):
                do(request, stranger)


@pytest.mark.parametrize(("act", "party"), [("agree", WORKER), ("decline", WORKER), ("withdraw", CLIENT)])
def test_a_refund_request_is_answered_as_the_table_says_and_it_is_told_once(act, party):
    milestone, request = _asked()
    before = told()
    _ANSWERS[act](request, party)
    step = states.REFUND_REQUEST.table[("open", act)]
    assert [one.state for one in story.requests_of(milestone)] == [step.to]
    assert told() - before == Counter([step.event, *["milestone.refunded"] * (act == "agree")])


def _allowed(process, state, act, party):
    step = process.step(state, act)
    return step is not None and party in step.by


def _refusal(process, act, party):
    anybody = {side for (_, name), step in process.table.items() if name == act for side in step.by}
    return ActNotPossible if party in anybody else NotYourAct
