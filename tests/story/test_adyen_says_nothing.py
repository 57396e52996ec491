"""No news of Adyen's arrives, and it has no list of them: what moved money is found in its transfers all the same."""

from __future__ import annotations

import pytest

from sandbox.place import more_gateways
from tests.story import always
from tests.story.house import open_house
from tests.story.plot import cast


@pytest.fixture
def people(database_url, redis_url, stripe_peer, clock, _impatient_sdk, monkeypatch):
    monkeypatch.setenv("CLIENT_FEE_BASIS_POINTS", "500")
    more = more_gateways(stripe_peer.base_url) | {"GATEWAY_ROUTES": "adyen card"}
    with open_house(database_url, redis_url, stripe_peer, clock, **more) as house:
        house.peer.adyen.webhooks(drop=1.0)
        yield cast(house)


def paid_at_adyen(people):
    (milestone,) = people.agree("100.00")
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout", {"method": "card"})
    people.house.peer.adyen.pay(sheet["session"]["id"])
    after(people, hours=26)
    assert people.state(milestone) == "funded"
    return milestone


def after(people, **span):
    people.house.pass_time(**span)
    for who in (people.client, people.worker, people.finance):
        who.sign_in()


def it_ends_well(people, milestone):
    for _ in range(3):
        after(people, hours=100)
    always.check(people, {milestone: people.client})
    always.check_the_end(people, {milestone: people.client})


def test_a_payment_its_refund_and_the_refunds_return(people):
    milestone = paid_at_adyen(people)
    people.refund(milestone)
    after(people, hours=30)
    (refund,) = people.client.get(f"/v1/milestones/{milestone}")["refunds"]
    assert (refund["state"], people.where(milestone)) == ("succeeded", {"refunded": "105.00"})
    people.house.peer.adyen.fail_refund(refund["id"])
    it_ends_well(people, milestone)
    assert people.where(milestone) == {"owed": "105.00"}


def test_a_chargeback_that_is_reversed_and_made_a_second_time(people):
    milestone = paid_at_adyen(people)
    (paid,) = people.house.peer.adyen.state()["shelves"]["payment"]
    dispute = people.house.peer.adyen.dispute(paid)["id"]
    after(people, hours=30)
    assert people.where(milestone) == {"charged_back": "105.00"}
    people.house.peer.adyen.move_dispute(dispute, "CHARGEBACK_REVERSED")
    after(people, hours=30)
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    people.house.peer.adyen.move_dispute(dispute, "SECOND_CHARGEBACK")
    it_ends_well(people, milestone)
    assert people.where(milestone) == {"charged_back": "105.00"}
