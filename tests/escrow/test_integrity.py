"""What does not fit is found: every planted difference, by name, and nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from escrow import integrity
from escrow.tables import Milestone, Release
from gateways.contract import RefundState
from payments.tables import Refund
from persistence.unit_of_work import rehearse
from tests.escrow.story import (
    accept,
    accepted,
    fund,
    funded,
    give_back,
    money,
    order_again,
    record_refund,
    refund_answer,
)


@pytest.fixture
def milestone():
    """A milestone of 100.00 of which 30.00 were paid and 20.00 given back, beside another that is whole."""
    first, second = accepted("100.00", "50.00").milestones
    fund(first.id)
    fund(second.id)
    accept(first, "30.00")
    give_back(first, "20.00")
    failed = give_back(first, "10.00")
    record_refund(failed, refund_answer(failed, RefundState.FAILED))
    repeated = give_back(first, "1.00")
    record_refund(repeated, refund_answer(repeated, RefundState.FAILED))
    order_again(repeated)
    return first


def test_what_fits_is_no_breach(milestone):
    assert rehearse(integrity.verify) == []
    assert (money()["held"], money()["owed"]) == ("89.00", "10.50")


@pytest.mark.parametrize("state", ["draft", "funding", "released", "refunded", "split"])
def test_money_held_in_a_state_that_holds_none_is_found(milestone, state):
    assert _after(milestone, state=state) == [
        ("escrow_hold", f"is {state} and should hold 0, the ledger holds 3900")
    ]


@pytest.mark.parametrize(
    ("column", "rules"),
    [
        ("price_minor", ["escrow_hold"]),
        ("released_minor", ["escrow_hold", "milestone_released"]),
        ("worker_fee_minor", ["milestone_released"]),
        ("refunded_minor", ["escrow_hold", "milestone_refunded"]),
        ("client_fee_returned_minor", ["milestone_refunded"]),
        ("owed_minor", ["owed_to_client"]),
    ],
)
def test_a_cent_too_many_is_found(milestone, column, rules):
    assert [rule for rule, _ in _after(milestone, **{column: getattr(Milestone, column) + 1})] == rules


def test_a_release_that_is_missing_is_found(milestone):
    def lose(session):
        session.execute(delete(Release).where(Release.milestone_id == milestone.id))
        return integrity.verify(session)

    assert [(breach.rule, breach.detail) for breach in rehearse(lose)] == [
        ("milestone_released", "counts 3000 and 300, its parts are 0 and 0")
    ]


def test_a_refund_that_failed_and_is_owed_to_nobody_is_found(milestone):
    def revive(session):
        session.execute(update(Refund).where(Refund.state == "failed").values(state="pending"))
        return integrity.verify(session)

    assert [(breach.rule, breach.subject, breach.detail) for breach in rehearse(revive)] == [
        ("owed_to_client", milestone.id, "counts 1050, 0 came back, the ledger owes 1050")
    ]


def test_a_hold_nobody_knows_is_found_among_many():
    milestones = [funded("1.00") for _ in range(3)]
    assert _after(milestones[1], state="draft") == [
        ("escrow_hold", "is draft and should hold 0, the ledger holds 100")
    ]


def _after(milestone, **values):
    def plant(session):
        session.execute(update(Milestone).where(Milestone.id == milestone.id).values(**values))
        return integrity.verify(session)

    found = rehearse(plant)
    assert {breach.subject for breach in found} <= {milestone.id}
    return [(breach.rule, breach.detail) for breach in found]
