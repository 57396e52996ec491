"""A worker's account leaves us: what is theirs goes to the next one, once, and what cannot be had is said to be so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from jobs.schedule import plan
from ledger import chart
from ledger.balances import balance
from payouts.tables import PayoutAccount, Reversal, Transfer
from persistence.unit_of_work import atomically, reading
from tests.books import seal_everything
from tests.escrow.story import FINANCE, WORKER, told
from tests.story.agreement import check_places

if TYPE_CHECKING:
    from tests.payouts.world import World

_LOST = {"kind": "cut_after_effect", "method": "POST", "path": "/v1/transfers", "count": 1}
_NEVER_CAME = {"kind": "cut_before_effect", "method": "POST", "path": "/v1/transfers", "count": 1}


@dataclass
class Worker:
    """Walt, whose account leaves, and what he then sees."""

    world: World
    account: str

    def leave(self, **how: bool) -> None:
        """His account is closed, and everything that follows from the news is done."""
        self.world.peer.leave(self.account, **how)
        self.world.settle()

    def notices(self) -> list[str]:
        """What stands in the way of a withdrawal."""
        shown = self.world.get("/v1/payouts/balance").json["balances"][0]
        return [notice["code"] for notice in shown["notices"]]

    def at(self, account: str) -> int:
        """What lies at an account by the gateway's word, in cents."""
        purse = self.world.peer.state()["balances"].get(f"{account}/usd", {"available": 0, "pending": 0})
        return int(purse["available"] + purse["pending"])

    def reversals(self) -> list[str]:
        """How far what is brought back is."""
        return reading(lambda session: list(session.scalars(select(Reversal.state).order_by(Reversal.id))))

    def transfers(self) -> list[tuple[str, str]]:
        """Each transfer and how far it is, with what the gateway calls the account it goes to."""
        query = (
            select(Transfer.state, PayoutAccount.gateway_id)
            .join(PayoutAccount, PayoutAccount.id == Transfer.account_id)
            .order_by(Transfer.id)
        )
        return reading(lambda session: [tuple(row) for row in session.execute(query)])

    def left_there(self) -> str:
        """What is owed to him at accounts that left."""
        return reading(balance, chart.left_with(WORKER.id, "USD")).posted.decimal

    def agrees(self) -> None:
        """The books are right, and at the gateway every cent lies where they say."""
        self.world.settle()
        seal_everything()
        check_places(self.world.peer)


@pytest.fixture
def walt(world):
    return Worker(world, world.onboard())


def _earned_and_settled(walt, clock, price="100.00"):
    milestone = walt.world.earn(price)
    walt.world.settle()
    clock.advance(days=3)
    walt.world.settle()
    return milestone


def test_g7_the_wallet_says_that_the_account_was_closed_and_what_to_do(walt):
    walt.leave()
    walt.world.earn()
    walt.world.settle()
    seen = walt.world.get("/v1/payouts/account").json
    assert (seen["state"], seen["gateway_id"]) == ("left", walt.account)
    assert seen["disabled_reason"] == "Your payout account was closed, or is no longer connected to Holdfast."
    assert seen["next_step"] == {
        "action": "open_onboarding",
        "text": "Your payout account was closed. Set up a new one to be paid.",
    }
    shown = walt.world.get("/v1/payouts/balance").json["balances"][0]
    (notice,) = shown["notices"]
    assert notice["text"] == (
        "Your payout account was closed. Set up a new one to be paid."
        " $90.00 is safe with us until then, and goes there."
    )
    assert walt.world.withdraw("50.00").json["code"] == "payout_account_not_ready"
    walt.agrees()


def test_g7_what_waited_for_an_account_that_leaves_goes_to_the_new_one_once(walt):
    walt.world.peer.restrict(walt.account)
    walt.world.settle()
    walt.world.earn()
    walt.world.settle()
    assert walt.transfers() == [("waiting", walt.account)]
    walt.leave()
    assert walt.transfers() == [("waiting", walt.account)]
    new = walt.world.onboard()
    assert new != walt.account
    assert walt.transfers() == [("sent", new)]
    assert (walt.at(walt.account), walt.at(new)) == (0, 9_000)
    assert walt.notices() == []
    walt.agrees()


def test_g7_what_lay_at_an_account_that_leaves_comes_back_and_goes_to_the_new_one(walt, clock):
    _earned_and_settled(walt, clock)
    assert walt.world.balance()["available"] == "90.00"
    walt.leave()
    assert (walt.reversals(), walt.at(walt.account)) == (["reversed"], 0)
    assert walt.world.balance() == {
        "available": "0.00", "pending": "90.00", "reserved": "0.00", "in_transit": "0.00"
    }  # fmt: skip
    walt.agrees()
    new = walt.world.onboard()
    assert walt.transfers() == [("sent", walt.account), ("sent", new)]
    assert walt.at(new) == 9_000
    walt.agrees()
    clock.advance(days=3)
    assert walt.world.withdraw("90.00").status_code == 201
    walt.agrees()


def test_g7_what_has_not_settled_comes_back_too_and_goes_when_it_has(walt, clock):
    walt.world.earn()
    walt.world.settle()
    walt.leave()
    new = walt.world.onboard()
    # What it comes out of is not there before the client's payment has settled.
    assert walt.transfers() == [("sent", walt.account), ("ordered", new)]
    walt.agrees()
    clock.advance(days=3)
    walt.world.settle()
    assert walt.transfers() == [("sent", walt.account), ("sent", new)]
    walt.agrees()


def test_g7_what_the_gateway_does_not_give_back_is_said_to_lie_there(walt, clock):
    milestone = _earned_and_settled(walt, clock)
    walt.leave(gives_back=False)
    assert (walt.reversals(), walt.left_there()) == (["refused"], "90.00")
    assert walt.world.balance()["pending"] == "0.00"
    shown = walt.world.get("/v1/payouts/balance").json["balances"][0]
    (notice,) = shown["notices"]
    assert notice["text"] == (
        "$90.00 stayed at your closed payout account, and we cannot take it back from there. It is yours: ask the"
        " payment provider to pay it out to you, or write to support."
    )
    line = walt.world.get("/v1/payouts/history").json["data"][0]
    assert (line["kind"], line["milestone_id"]) == ("left_with_account", milestone)
    trail = walt.world.get(f"/v1/milestones/{milestone}/money").json
    assert {place["place"]: place["amount"]["amount"] for place in trail["now"]} == {
        "worker_fee": "10.00",
        "left_there": "90.00",
    }
    walt.agrees()
    walt.world.onboard()
    assert walt.left_there() == "90.00"
    walt.agrees()


@pytest.mark.parametrize("fault", [_LOST, _NEVER_CAME], ids=["arrived", "never came"])
def test_g7_a_transfer_whose_answer_is_lost_when_the_account_leaves_is_asked_for_and_moves_once(
    walt, clock, fault
):
    walt.world.peer.webhooks(drop=1.0)
    walt.world.peer.fault(**fault)
    walt.world.earn()
    walt.world.settle()
    assert walt.transfers() == [("unknown", walt.account)]
    walt.world.peer.webhooks(drop=0.0)
    walt.leave()
    new = walt.world.onboard()
    # As long as it may be out, it goes to no other.
    assert walt.at(new) == 0
    clock.advance(hours=23, minutes=30)
    walt.world.settle()
    clock.advance(hours=2)
    walt.world.settle()
    clock.advance(days=3)
    walt.world.settle()
    assert (walt.at(walt.account), walt.at(new)) == (0, 9_000)
    assert len(walt.world.made("transfer")) == (2 if fault is _LOST else 1)
    walt.agrees()


def test_g7_a_transfer_refused_because_the_account_has_left_goes_to_the_new_one(walt):
    walt.world.peer.webhooks(drop=1.0)
    walt.world.peer.leave(walt.account)
    # Nobody has told us.
    walt.world.earn()
    walt.world.settle()
    assert walt.transfers() == [("waiting", walt.account)]
    assert walt.world.get("/v1/payouts/account").json["state"] == "left"
    walt.world.peer.webhooks(drop=0.0)
    new = walt.world.onboard()
    assert walt.transfers() == [("sent", new)]
    walt.agrees()


def test_g7_a_worker_who_is_sent_to_an_account_that_left_gets_a_new_one_the_next_time(walt):
    walt.world.peer.webhooks(drop=1.0)
    walt.world.peer.leave(walt.account)
    assert walt.world.post("/v1/payouts/onboarding-link").json["code"] == "gateway_refused"
    walt.world.settle()
    assert walt.world.post("/v1/payouts/onboarding-link").status_code == 200
    assert walt.world.get("/v1/payouts/account").json["gateway_id"] != walt.account
    walt.agrees()


def test_g7_a_payout_that_was_sent_stays_sent_and_is_asked_for_when_the_account_is_back(walt, clock):
    _earned_and_settled(walt, clock)
    payout = walt.world.withdraw("50.00").json["id"]
    walt.world.settle()
    walt.leave()
    assert walt.reversals() == ["reversed"]
    clock.advance(days=4)
    walt.world.settle()
    assert walt.world.payout(payout)["state"] == "sent"
    assert walt.world.balance()["in_transit"] == "50.00"
    walt.world.peer.come_back(walt.account)
    walt.world.settle()
    assert walt.world.payout(payout)["state"] == "paid"
    walt.agrees()


def test_g7_a_payout_that_comes_back_to_an_account_that_left_is_brought_back_from_there(walt, clock):
    _earned_and_settled(walt, clock)
    payout = walt.world.withdraw("50.00").json["id"]
    walt.world.settle()
    walt.leave()
    new = walt.world.onboard()
    walt.world.peer.fail_payout(walt.world.payout(payout)["gateway_id"])
    clock.advance(days=1)
    walt.world.settle()
    # Nobody told us. The gateway speaks of the account again while another is in use: it is back, and stays retired.
    walt.world.peer.come_back(walt.account)
    walt.world.settle()
    assert walt.world.payout(payout)["state"] == "failed"
    assert walt.world.get("/v1/payouts/account").json["gateway_id"] == new
    clock.advance(days=1)
    walt.world.settle()
    assert (walt.at(walt.account), walt.at(new)) == (0, 9_000)
    walt.agrees()


def test_g7_a_payout_that_was_not_sent_fails_and_its_money_goes_to_the_new_account(walt, clock):
    _earned_and_settled(walt, clock)
    payout = walt.world.withdraw("50.00").json["id"]
    walt.leave()
    assert walt.world.payout(payout)["state"] == "failed"
    new = walt.world.onboard()
    assert (walt.at(walt.account), walt.at(new)) == (0, 9_000)
    walt.agrees()


def test_g7_the_same_news_again_and_late_retires_nothing_more(walt, clock):
    _earned_and_settled(walt, clock)
    walt.leave()
    new = walt.world.onboard()
    before = (walt.transfers(), walt.reversals())
    walt.world.peer.redeliver()
    walt.world.settle()
    assert walt.world.get("/v1/payouts/account").json["gateway_id"] == new
    assert walt.world.get("/v1/payouts/account").json["state"] == "ready"
    assert (walt.transfers(), walt.reversals()) == before
    walt.agrees()


def test_g7_an_account_that_returns_before_another_is_set_up_is_in_use_again(walt, clock):
    _earned_and_settled(walt, clock)
    walt.leave(gives_back=False)
    walt.world.earn("50.00")
    walt.world.settle()
    assert walt.world.balance()["pending"] == "45.00"
    walt.world.peer.come_back(walt.account)
    walt.world.settle()
    assert walt.world.get("/v1/payouts/account").json["state"] == "ready"
    assert (walt.left_there(), walt.at(walt.account)) == ("0.00", 13_500)
    walt.agrees()
    assert len(_live()) == 1


def test_g7_what_was_left_at_an_account_is_had_back_when_it_returns_beside_another(walt, clock):
    _earned_and_settled(walt, clock)
    walt.leave(gives_back=False)
    new = walt.world.onboard()
    for _ in range(2):
        walt.world.peer.come_back(walt.account)
        walt.world.settle()
    assert walt.world.get("/v1/payouts/account").json["gateway_id"] == new
    assert (walt.left_there(), walt.at(walt.account), walt.at(new)) == ("0.00", 0, 9_000)
    walt.agrees()
    assert len(_live()) == 1


def test_g7_the_second_account_may_leave_as_well(walt, clock):
    _earned_and_settled(walt, clock)
    for _ in range(3):
        walt.leave()
        walt.account = walt.world.onboard()
    assert walt.at(walt.account) == 9_000
    assert walt.world.balance()["pending"] == "0.00" or walt.world.balance()["available"] == "0.00"
    walt.agrees()


def test_g7_staff_sees_what_is_unclaimed_and_takes_it_along(walt, clock):
    _earned_and_settled(walt, clock)
    walt.leave(gives_back=False)
    walt.world.earn("50.00")
    walt.world.settle()
    assert walt.world.get("/v1/staff/unclaimed").status_code == 403
    (shown,) = walt.world.get("/v1/staff/unclaimed", by=FINANCE).json["data"]
    assert (shown["worker_id"], shown["gateway"]) == (WORKER.id, "stripe")
    assert [{name: owed[name]["amount"] for name in owed} for owed in shown["owed"]] == [
        {"in_wallet": "45.00", "left_there": "90.00", "total": "135.00"}
    ]
    assert shown["last_contact_at"] is not None
    lines = walt.world.get("/v1/staff/unclaimed/csv", by=FINANCE).text.splitlines()
    assert lines[-1].startswith(f"{WORKER.id},stripe,")
    assert lines[-1].endswith(",USD,45.00,90.00,135.00")


def test_g7_the_daily_look_sends_on_what_was_overlooked_and_tells_of_what_waits(walt, clock):
    walt.leave()
    walt.world.earn()
    walt.world.settle()
    clock.advance(days=8)
    atomically(plan, {"remind_of_unclaimed": timedelta(days=1)})
    walt.world.settle()
    assert told()["payout_account.money_waits"] == 1
    new = walt.world.onboard()
    assert walt.transfers() == [("sent", new)]
    clock.advance(days=40)
    atomically(plan, {"remind_of_unclaimed": timedelta(days=1)})
    walt.world.settle()
    assert told()["payout_account.money_waits"] == 1
    assert walt.world.get("/v1/staff/unclaimed", by=FINANCE).json["data"] == []


def _live():
    query = select(PayoutAccount.id).where(PayoutAccount.live_for == WORKER.id)
    return reading(lambda session: session.scalars(query).all())
