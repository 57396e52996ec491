"""An account leaves at the very moment at which something else happens, or while its worker has one elsewhere."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from gateways.contract import AccountState, ChargebackState, Rejected, ReversalFound, Unknown
from jobs.payouts_jobs import rail_of
from kernel.ids import new_id
from ledger import chart
from ledger.balances import balance as ledger_balance
from payouts import account_news, accounts, leaving, recovery, transfers, unclaimed
from payouts.states import REVERSAL
from payouts.tables import Reversal, Transfer
from persistence.unit_of_work import atomically, reading
from tests.books import nothing_moves
from tests.escrow.story import WORKER, charge_back, told, usd
from tests.payouts.story import (
    GATEWAY,
    about_to_send,
    account,
    account_answer,
    balance,
    look_at_account,
    look_at_transfer,
    ordered,
    ours,
    places,
    sent,
    transfer_answer,
    usable,
)
from tests.payouts.test_recovery import _Milestone, recover
from tests.threads import at_once, succeeded

ELSEWHERE = "adyen"
_GONE = Rejected("account_invalid", "No such account.", at_the_door=True)
_NO = Rejected("account_invalid", "No.")
_NOT_NOW = Rejected("balance_insufficient", "Not now.", temporary=True)


def leave(gateway_id="acct_walt"):
    """The gateway speaks of the account no longer."""
    watched = reading(account_news.account_to_ask_for, subject=gateway_id, gateway=GATEWAY)
    while not atomically(account_news.record_news, intent=watched, outcome=_GONE):
        watched = reading(account_news.account_to_ask_for, subject=gateway_id, gateway=GATEWAY)


def come_back(gateway_id="acct_walt"):
    """The gateway speaks of it again."""
    watched = reading(account_news.account_to_ask_for, subject=gateway_id, gateway=GATEWAY)
    answer = account_answer(watched.account_id, gateway_id=gateway_id)
    assert atomically(account_news.record_news, intent=watched, outcome=answer)


def account_at(gateway, gateway_id="acct_anew", **changes):
    """The worker sets up another account, here or at another gateway."""
    order = atomically(accounts.order_account, user_id=WORKER.id, gateway=gateway)
    answer = account_answer(order.order.account_id, gateway_id=gateway_id, **changes)
    atomically(account_news.record_account, intent=order, outcome=answer)
    return order.order.account_id


def at(transfer):
    """How far a transfer is, and at which gateway."""
    seen = look_at_transfer(transfer)
    return seen.state, seen.gateway


def reversals():
    return reading(lambda session: session.scalars(select(Reversal).order_by(Reversal.id)).all())


def reverse(outcome=None):
    """The gateway is asked to give back what is to be given back, and answers."""
    row = reversals()[-1]
    intent = atomically(recovery.to_send, reversal_id=row.id)
    minor = row.amount_minor / 100
    found = outcome or ReversalFound(f"trr_{row.id}", usd(f"{minor:.2f}"), row.id)
    return atomically(recovery.record, intent=intent, outcome=found)


def test_g7_what_was_not_sent_goes_to_the_account_elsewhere_at_once():
    account()
    account_at(ELSEWHERE)
    transfer = ordered()
    leave()
    assert at(transfer) == ("ordered", ELSEWHERE)
    intent = about_to_send(transfer)
    # Of a charge at the other gateway nothing is known there.
    assert (intent.gateway, intent.order.destination, intent.order.source_charge) == (
        ELSEWHERE,
        "acct_anew",
        None,
    )
    atomically(transfers.record, intent=intent, outcome=transfer_answer(transfer))
    assert at(transfer) == ("sent", ELSEWHERE)
    assert ours(chart.gateway_pending) == "101.65"


def test_g7_it_waits_until_any_account_of_the_worker_can_take_it():
    account()
    transfer = ordered()
    leave()
    assert at(transfer) == ("waiting", GATEWAY)
    account_at(ELSEWHERE, can_receive_transfers=False, state=AccountState.INCOMPLETE)
    assert at(transfer) == ("waiting", GATEWAY)
    watched = reading(account_news.account_to_ask_for, subject="acct_anew", gateway=ELSEWHERE)
    answer = account_answer(watched.account_id, gateway_id="acct_anew")
    atomically(account_news.record_news, intent=watched, outcome=answer)
    assert at(transfer) == ("ordered", ELSEWHERE)


def test_g7_what_waits_for_an_account_that_can_still_be_finished_stays_there():
    account(can_receive_transfers=False, state=AccountState.INCOMPLETE)
    transfer = ordered()
    account_at(ELSEWHERE)
    assert at(transfer) == ("waiting", GATEWAY)


def test_g7_an_account_that_left_is_never_chosen():
    account()
    assert rail_of({"worker_id": WORKER.id, "gateway": GATEWAY}) == GATEWAY
    account_at(ELSEWHERE)
    leave()
    chosen = reading(accounts.rail, worker_id=WORKER.id, paid_through=GATEWAY, rails=(GATEWAY, ELSEWHERE))
    assert chosen == ELSEWHERE


def test_g7_what_is_brought_back_is_moved_once_however_often_it_is_ordered():
    account()
    usable()
    leave()
    reverse()
    for _ in range(2):
        atomically(
            transfers.order_anew,
            transfer_id=new_id("tr"),
            reversal_id=reversals()[0].id,
            worker_id=WORKER.id,
            gateway=GATEWAY,
        )
    (again,) = _anew()
    assert (again.state, again.amount_minor, again.source_charge) == ("waiting", 9_000, None)
    assert places() == {"wallet": "90.00"}
    assert balance().pending == usd("90.00")


def test_g7_what_a_client_has_back_is_taken_out_of_what_is_brought_back():
    account()
    transfer = usable()
    leave()
    seen = charge_back(_Milestone(transfer), ChargebackState.NEEDS_RESPONSE, "105.00")
    # It is neither there nor here.
    assert recover(seen).outstanding == usd("90.00")
    reverse()
    atomically(
        transfers.order_anew,
        transfer_id=new_id("tr"),
        reversal_id=reversals()[0].id,
        worker_id=WORKER.id,
        gateway=GATEWAY,
    )
    assert recover(seen).outstanding == usd("0.00")
    assert [row.state for row in _anew()] == ["taken_back"]
    assert places() == {}


@pytest.mark.parametrize("answer", ["refused", "lost, then refused", "short for a month"])
def test_g7_what_the_gateway_keeps_is_neither_paid_nor_in_the_wallet(clock, answer):
    account()
    usable()
    leave()
    if answer == "lost, then refused":
        reverse(Unknown("no answer"))
        clock.advance(minutes=11)
        reverse(_NO)
    elif answer == "short for a month":
        assert reverse(_NOT_NOW) is not None
        assert [row.state for row in reversals()] == ["ordered"]
        clock.advance(days=30)
        reverse(_NOT_NOW)
    else:
        reverse(_NO)
    assert [row.state for row in reversals()] == ["refused"]
    assert places() == {"connected": "90.00"}
    assert _left_there() == "90.00"


def test_g7_every_step_of_what_is_refused_is_taken():
    account()
    usable()
    leave()
    reverse(_NO)
    come_back()
    (row,) = reversals()
    assert (row.state, _left_there(), places()["wallet"]) == ("ordered", "0.00", "90.00")
    reverse(_NO)
    assert _left_there() == "90.00"
    intent = recovery.ReversalToSend(GATEWAY, recovery.ReversalOrder(row.id, "tr_1", usd("90.00")), None)
    late = ReversalFound("trr_late", usd("90.00"), row.id)
    assert ("refused", "reverse") in REVERSAL.table
    atomically(recovery.record, intent=intent, outcome=late)
    assert (_left_there(), places()) == ("0.00", {"wallet": "90.00"})
    with nothing_moves():
        atomically(recovery.record, intent=intent, outcome=late)


def test_g7_the_same_news_twice_at_once_is_written_down_once():
    account()
    usable()
    at_once(leave, leave, leave)
    assert told()["payout_account.left"] == 1
    assert len(reversals()) == 1


def test_g7_a_transfer_that_arrives_as_its_account_leaves_is_brought_back():
    account()
    transfer = ordered()
    intent = about_to_send(transfer)
    found = transfer_answer(transfer)
    succeeded(at_once(leave, lambda: atomically(transfers.record, intent=intent, outcome=found)))
    assert at(transfer) == ("sent", GATEWAY)
    atomically(leaving.bring_back, account_id=look_at_account().id)
    assert [row.amount_minor for row in reversals()] == [9_000]


def test_g7_a_transfer_that_is_turned_away_as_another_account_becomes_able_does_not_wait():
    account()
    account_at(ELSEWHERE, can_receive_transfers=False, state=AccountState.INCOMPLETE)
    transfer = ordered()
    watched = reading(account_news.account_to_ask_for, subject="acct_anew", gateway=ELSEWHERE)
    answer = account_answer(watched.account_id, gateway_id="acct_anew")
    succeeded(
        at_once(
            leave,
            lambda: atomically(account_news.record_news, intent=watched, outcome=answer),
            lambda: atomically(transfers.to_send, transfer_id=transfer.id),
        )
    )
    # Whoever was first: it goes to the one, unless it may be out to the other.
    state, gateway = at(transfer)
    assert (state, gateway) in {("ordered", ELSEWHERE), ("ordered", GATEWAY)}
    assert gateway == ELSEWHERE or _row(transfer).out_since is not None


def test_g7_an_account_that_was_made_while_the_old_one_came_back_is_the_one_in_use():
    account()
    leave()
    order = atomically(accounts.order_account, user_id=WORKER.id, gateway=GATEWAY)
    # Its answer is lost, and may come any moment.
    come_back()
    atomically(
        account_news.record_account,
        intent=order,
        outcome=account_answer(order.order.account_id, gateway_id="acct_anew"),
    )
    assert look_at_account().gateway_id == "acct_anew"
    assert told()["payout_account.returned"] == 1
    with nothing_moves():
        come_back()


def test_g7_an_account_that_nobody_was_asked_to_make_gives_way_to_the_one_that_is_back():
    account()
    leave()
    # The next release makes the row of an account that its worker has not come by to set up.
    transfer = ordered()
    assert at(transfer) == ("waiting", GATEWAY)
    come_back()
    assert (look_at_account().gateway_id, look_at_account().state) == ("acct_walt", "ready")
    assert at(transfer) == ("ordered", GATEWAY)


def test_g7_what_is_unclaimed_is_listed_and_its_worker_reminded(clock):
    account()
    sent()
    leave()
    reverse(_NO)
    ordered("50.00")
    (shown,) = reading(unclaimed.unclaimed, after=None, limit=5)
    (owed,) = shown.owed
    assert (shown.worker_id, shown.gateway, shown.reminded_at) == (WORKER.id, GATEWAY, None)
    assert (owed.in_wallet, owed.left_there, owed.total) == (usd("45.00"), usd("90.00"), usd("135.00"))
    assert reading(unclaimed.unclaimed, after=shown.worker_id, limit=5) == []
    for days, times in ((6, 0), (2, 1), (2, 1), (29, 2)):
        clock.advance(days=days)
        atomically(unclaimed.remind, worker_id=WORKER.id)
        assert told()["payout_account.money_waits"] == times
    account_at(ELSEWHERE)
    ((owed,),) = [each.owed for each in reading(unclaimed.unclaimed, after=None, limit=5)]
    assert (owed.in_wallet, owed.left_there) == (usd("0.00"), usd("90.00"))


def test_g7_who_lost_no_account_is_owed_nothing_that_is_unclaimed():
    account(can_receive_transfers=False, state=AccountState.INCOMPLETE)
    ordered()
    assert reading(unclaimed.unclaimed, after=None, limit=5) == []
    with nothing_moves():
        atomically(unclaimed.remind, worker_id=WORKER.id)


def _anew():
    query = select(Transfer).where(Transfer.replaces.is_not(None))
    return reading(lambda session: session.scalars(query).all())


def _row(transfer):
    return reading(lambda session: session.get_one(Transfer, transfer.id))


def _left_there():
    return reading(ledger_balance, chart.left_with(WORKER.id, "USD")).posted.decimal
