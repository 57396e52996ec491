"""A client's record or a worker's account whose answer was lost is found again, however late its person comes back."""

from __future__ import annotations

import pytest

from sandbox.people import Refused
from tests.story.agreement import check_agreement
from tests.story.plot import cast

# Within the time for which Stripe knows an order by its key, at the end of it, and long after.
RETURNS = pytest.mark.parametrize("hours", [0.1, 22.9, 25, 400])
CUTS = pytest.mark.parametrize("cut", ["cut_before_effect", "cut_after_effect"])


@CUTS
@RETURNS
def test_a_client_has_one_record_at_stripe(house, cut, hours):
    people = cast(house)
    (milestone,) = people.agree("100.00")
    checkout = f"/v1/milestones/{milestone}/checkout"
    is_refused_after(house, cut, "/v1/customers", people.client, checkout)
    house.pass_time(hours=hours)
    people.client.sign_in(), people.finance.sign_in()
    people.fund(milestone)
    assert len(all_of(house, "customer")) == 1
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    check_agreement(house.peer)


@CUTS
@RETURNS
def test_a_worker_has_one_account_at_stripe(house, cut, hours):
    people = cast(house)
    link = "/v1/payouts/onboarding-link"
    is_refused_after(house, cut, "/v1/accounts", people.worker, link)
    house.pass_time(hours=hours)
    people.worker.sign_in()
    people.set_up_payouts()
    assert [account["metadata"]["user"] for account in workers_accounts(house)] == [
        people.worker.get("/v1/me")["id"]
    ]
    check_agreement(house.peer)


def test_a_record_that_stripe_will_not_look_for_is_not_made_again(house):
    people = cast(house)
    (milestone,) = people.agree("100.00")
    checkout = f"/v1/milestones/{milestone}/checkout"
    is_refused_after(house, "cut_after_effect", "/v1/customers", people.client, checkout)
    house.pass_time(hours=25)
    people.client.sign_in(), people.finance.sign_in()
    house.peer.fault("status", method="GET", path="/v1/customers", status=400, count=2)
    for _ in range(2):
        with pytest.raises(Refused, match="gateway_unavailable"):
            people.client.post(checkout)
    assert len(all_of(house, "customer")) == 1
    assert people.books() == {}
    people.fund(milestone)
    check_agreement(house.peer)


def is_refused_after(house, cut, path, who, act):
    house.peer.fault(cut, method="POST", path=path)
    with pytest.raises(Refused, match="gateway_unavailable"):
        who.post(act)


def all_of(house, kind):
    return [thing for thing in house.peer.state()["objects"].values() if thing["object"] == kind]


def workers_accounts(house):
    ours = house.peer.state()["platform"]
    return [account for account in all_of(house, "account") if account["id"] != ours]
