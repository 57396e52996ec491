"""A charge settles, and money leaves it for workers: before, after, and at the same moment."""

from __future__ import annotations

import pytest

from kernel.ids import new_id
from ledger import movements
from ledger.posting import post
from payments import charges
from payments.collecting import PaymentNotFound
from persistence.unit_of_work import atomically
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import (
    WORKER,
    accept,
    answer,
    checkout,
    draft,
    fund,
    funded,
    give_back,
    money,
    payment_of,
    record,
    record_refund,
    refund_answer,
    usd,
)
from tests.threads import at_once, together

_REST = {"held": "100.00", "client fees": "5.00", "gateway fees": "3.35"}


def test_a_charge_settles_less_what_the_gateway_kept():
    payment = payment_of(funded())
    atomically(charges.settle, payment_id=payment.id)
    assert money() == {"available": "101.65", **_REST}


def test_a_charge_settles_once():
    payment = payment_of(funded())
    atomically(charges.settle, payment_id=payment.id)
    with nothing_moves():
        atomically(charges.settle, payment_id=payment.id)


def test_a_charge_settled_by_ten_at_once_settles_once():
    payment = payment_of(funded())
    together(lambda: atomically(charges.settle, payment_id=payment.id), people=10)
    assert money() == {"available": "101.65", **_REST}


def test_a_payment_that_has_not_succeeded_settles_nothing():
    payment = checkout(draft().id)
    with nothing_moves():
        atomically(charges.settle, payment_id=payment.id)
    record(payment, answer(payment))
    atomically(charges.settle, payment_id=payment.id)
    assert money() == {"available": "101.65", **_REST}


def test_a_payment_that_is_not_there_is_refused():
    with expect_refusal(PaymentNotFound):
        atomically(charges.settle, payment_id=new_id("py"))
    with expect_refusal(PaymentNotFound):
        atomically(charges.draw, payment_id=new_id("py"), amount=usd("1.00"))


def test_what_left_a_pending_charge_never_settles_with_us():
    payment = _released()
    assert _transfer(payment, "36.00") is False
    assert _transfer(payment, "54.00") is False
    assert money()["pending"] == "11.65"
    atomically(charges.settle, payment_id=payment.id)
    assert (money().get("pending"), money()["available"], money()["connected"]) == (None, "11.65", "90.00")


def test_what_leaves_a_settled_charge_comes_out_of_what_is_available():
    payment = _released()
    atomically(charges.settle, payment_id=payment.id)
    assert _transfer(payment, "90.00") is True
    assert (money().get("pending"), money()["available"], money()["connected"]) == (None, "11.65", "90.00")


def test_half_before_and_half_after_it_settled():
    payment = _released()
    _transfer(payment, "45.00")
    atomically(charges.settle, payment_id=payment.id)
    _transfer(payment, "45.00")
    assert (money().get("pending"), money()["available"], money()["connected"]) == (None, "11.65", "90.00")


@pytest.mark.parametrize("round_", range(5))
def test_a_charge_that_settles_while_money_leaves_it_ends_the_same_way(round_):
    payment = _released()
    results = at_once(
        lambda: _transfer(payment, "30.00"),
        lambda: atomically(charges.settle, payment_id=payment.id),
        lambda: _transfer(payment, "60.00"),
    )
    assert [result for result in results if isinstance(result, Exception)] == []
    assert (money().get("pending"), money()["available"], money()["connected"]) == (None, "11.65", "90.00")


def test_a_charge_all_of_which_had_left_settles_nothing():
    milestone = draft()
    fund(milestone.id, fee="15.00")
    accept(milestone)
    payment = payment_of(milestone)
    _transfer(payment, "90.00")
    atomically(charges.settle, payment_id=payment.id)
    assert money() == {
        "connected": "90.00",
        "wallet": "90.00",
        "client fees": "5.00",
        "worker fees": "10.00",
        "gateway fees": "15.00",
    }


def test_a_charge_that_brought_less_than_had_left_is_made_up_for_when_it_settles():
    milestone = draft("1.00")
    fund(milestone.id, fee="0.33")
    accept(milestone)
    payment = payment_of(milestone)
    _transfer(payment, "0.90")
    assert money()["pending"] == "-0.18"
    atomically(charges.settle, payment_id=payment.id)
    assert money() == {
        "available": "-0.18",
        "connected": "0.90",
        "wallet": "0.90",
        "client fees": "0.05",
        "worker fees": "0.10",
        "gateway fees": "0.33",
    }
    with nothing_moves():
        atomically(charges.settle, payment_id=payment.id)


def test_a_refund_of_a_charge_that_is_pending_is_made_up_for_when_it_settles():
    milestone = funded()
    refund = give_back(milestone)
    record_refund(refund, refund_answer(refund))
    assert money() == {"pending": "101.65", "available": "-105.00", "gateway fees": "3.35"}
    atomically(charges.settle, payment_id=payment_of(milestone).id)
    # What the gateway kept is gone.
    assert money() == {"available": "-3.35", "gateway fees": "3.35"}


def _released():
    milestone = funded()
    accept(milestone)
    return payment_of(milestone)


def _transfer(payment, amount):
    def move(session):
        settled = charges.draw(session, payment_id=payment.id, amount=usd(amount))
        post(
            session,
            movements.transferred_to_worker("stripe", WORKER.id, amount=usd(amount), settled=settled),
            key=f"{payment.id}:{amount}:{settled}:{new_id('tr')}",
            reference=payment.milestone_id,
            actor="stripe",
        )
        return settled

    return atomically(move)
