"""The acts as an app sends them: what was read is what is done, and what is only looked at changes nothing."""

from __future__ import annotations

import pytest

from gateways.contract import RefundState
from tests.escrow.story import (
    ADMIN,
    CLIENT,
    FINANCE,
    MEDIATOR,
    SUPPORT,
    WORKER,
    accepted,
    ask_back,
    checkout,
    disputed,
    draft,
    funded,
    give_back,
    look,
    look_at_contract,
    money,
    offered,
    record_refund,
    refund_answer,
    usd,
)
from tests.payouts.world import nothing_is_booked


@pytest.fixture
def world(world):
    """The same, with all that the gateway had to tell of its beginning heard."""
    world.settle()
    return world


def test_a_milestone_goes_out_with_its_etag(world):
    milestone = funded()
    assert world.get(f"/v1/milestones/{milestone.id}").headers["ETag"] == f'"{milestone.version}"'


def test_a_contract_is_accepted_as_it_was_read(world):
    contract = offered("100.00")
    path, read = f"/v1/contracts/{contract.id}", world.get(f"/v1/contracts/{contract.id}").headers["ETag"]
    with nothing_is_booked():
        unread = world.post(f"{path}/accept")
    assert (unread.status_code, unread.json["code"]) == (428, "if_match_required")
    words = {"description": "With a shop, an app, and ten years of support."}
    assert world.ask("PATCH", path, by=CLIENT, json=words, headers={"If-Match": read}).status_code == 200
    with nothing_is_booked():
        old = world.post(f"{path}/accept", headers={"If-Match": read})
    assert (old.status_code, old.json["code"]) == (412, "contract_changed")
    new = world.get(path).headers["ETag"]
    assert world.post(f"{path}/accept", headers={"If-Match": new}).json["state"] == "active"


@pytest.mark.parametrize("body", [{}, {"reason": "Not my trade."}])
@pytest.mark.parametrize(
    ("act", "by"), [("release", CLIENT), ("refund", WORKER), ("refund-requests", CLIENT)]
)
def test_without_an_amount_nothing_is_moved(world, act, by, body):
    milestone = funded()
    with nothing_is_booked():
        refused = world.post(f"/v1/milestones/{milestone.id}/{act}", body, by=by)
    assert refused.status_code == 422
    assert look(milestone).held == usd("100.00")


def test_a_settlement_names_both_parts(world):
    milestone = disputed()
    said = {"to_worker": {"amount": "60.00", "currency": "USD"}, "decision": "So be it."}
    with nothing_is_booked():
        refused = world.post(f"/v1/milestones/{milestone.id}/settle", said, by=MEDIATOR)
        wrong = said | {"to_client": {"amount": "0.00", "currency": "USD"}}
        second = world.post(f"/v1/milestones/{milestone.id}/settle", wrong, by=MEDIATOR)
    assert (refused.status_code, second.json["code"]) == (422, "split_does_not_add_up")


def test_what_was_looked_at_is_what_is_released_although_a_refund_comes_back_meanwhile(world):
    milestone = funded()
    back = give_back(milestone, "40.00")
    path, said = f"/v1/milestones/{milestone.id}/release", {"amount": {"amount": "60.00", "currency": "USD"}}
    foreseen = world.post(f"{path}?preview=true", said, by=CLIENT).json["result"]
    record_refund(back, refund_answer(back, RefundState.FAILED))
    done = world.post(path, said, by=CLIENT).json
    assert foreseen["release"]["gross"] == done["release"]["gross"] == {"amount": "60.00", "currency": "USD"}
    assert (money()["wallet"], money()["owed"]) == ("54.00", "42.00")


@pytest.mark.parametrize("by", [FINANCE, ADMIN])
def test_finance_is_told_that_giving_back_is_the_workers_and_orders_again_what_came_back(world, by):
    milestone = funded()
    said = {"amount": {"amount": "40.00", "currency": "USD"}, "reason": "Not my trade."}
    with nothing_is_booked():
        refused = world.post(f"/v1/milestones/{milestone.id}/refund", said, by=by)
    assert (refused.status_code, refused.json["code"]) == (403, "not_your_act")
    back = give_back(milestone, "40.00")
    record_refund(back, refund_answer(back, RefundState.FAILED))
    with nothing_is_booked():
        assert world.post(f"/v1/refunds/{back.id}/order-again", by=SUPPORT).json["code"] == "not_permitted"
    again = world.post(f"/v1/refunds/{back.id}/order-again", by=by)
    assert (again.status_code, again.json["milestone"]["owed"]["amount"]) == (200, "0.00")
    assert (money()["refunds"], money()["held"]) == ("42.00", "60.00")


def _asked():
    return f"refund-requests/{ask_back(funded(), '40.00').id}"


def _collecting():
    milestone = draft()
    checkout(milestone.id)
    return f"milestones/{milestone.id}"


_LOOKED_AT = {
    "accept": (lambda: f"contracts/{offered('100.00').id}", WORKER, {}, "active"),
    "decline": (lambda: f"contracts/{offered('100.00').id}", WORKER, {}, "cancelled"),
    "cancel": (lambda: f"contracts/{accepted('100.00').id}", CLIENT, {}, "cancelled"),
    "give-up-funding": (_collecting, CLIENT, {}, "canceled"),
    "refund-requests": (
        lambda: f"milestones/{funded().id}",
        CLIENT,
        {"amount": {"amount": "40.00", "currency": "USD"}, "reason": "Too late."},
        "open",
    ),
    "refund-request decline": (_asked, WORKER, {}, "declined"),
    "refund-request withdraw": (_asked, CLIENT, {}, "withdrawn"),
}


@pytest.mark.parametrize("act", _LOOKED_AT)
def test_an_act_is_looked_at_and_changes_nothing(world, act):
    thing, by, body, state = _LOOKED_AT[act]
    path = f"/v1/{thing()}/{act.split()[-1]}?preview=true"
    with nothing_is_booked():
        seen = world.post(path, body, by=by, headers={"If-Match": "*"})
    assert (seen.status_code, seen.json["preview"], seen.json["result"]["state"]) == (200, True, state)


def test_a_contract_that_was_only_looked_at_is_still_offered(world):
    contract = accepted("100.00")
    world.post(f"/v1/contracts/{contract.id}/cancel?preview=true", by=CLIENT)
    assert look_at_contract(contract.milestones[0]).state == "active"
