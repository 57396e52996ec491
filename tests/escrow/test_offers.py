from __future__ import annotations

import pytest

from escrow import contracts, prices, queries
from escrow.acts import ActNotPossible, ContractNotFound, NotYourAct
from escrow.contracts import (
    ContractChanged,
    MilestonesMissing,
    MilestoneTerms,
    MoneyStillHeld,
    OwnContract,
    WorkerNotAvailable,
)
from escrow.fees import FeeSchedule
from escrow.prices import PriceOutOfRange
from gateways.contract import RefundState
from identity.actors import Actor
from identity.permissions import Role
from kernel.ids import new_id
from kernel.money import EXPONENTS, AmountNotMovable, Money
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal
from tests.escrow.story import (
    CLIENT,
    FEES,
    MEDIATOR,
    OTHER_CLIENT,
    OTHER_WORKER,
    SUPPORT,
    WORKER,
    accept,
    accepted,
    checkout,
    disputed,
    draft,
    fund,
    funded,
    give_back,
    look_at_contract,
    money,
    offered,
    record_refund,
    refund_answer,
    submitted,
    told,
    usd,
)
from tests.threads import at_once, succeeded


def test_an_offer_binds_nobody_and_moves_no_money():
    contract = offered("100.00", "250.00")
    assert (contract.state, contract.version, contract.accepted_at, contract.ended_at) == (
        "offered",
        1,
        None,
        None,
    )
    assert (contract.client_basis_points, contract.worker_basis_points) == (None, None)
    assert [(part.position, part.state, part.price, part.held) for part in contract.milestones] == [
        (1, "draft", usd("100.00"), usd("0.00")),
        (2, "draft", usd("250.00"), usd("0.00")),
    ]
    assert money() == {}
    assert told() == {"contract.offered": 1}


def test_accepting_freezes_the_fees_of_the_day():
    contract = offered("100.00", "19.99")
    atomically(
        contracts.accept_contract,
        contract_id=contract.id,
        version=None,
        fees=FeeSchedule(500, 1_000),
        country="US",
        by=WORKER,
    )
    with expect_refusal(ActNotPossible):
        atomically(
            contracts.accept_contract,
            contract_id=contract.id,
            version=None,
            fees=FeeSchedule(9_000, 9_000),
            country="US",
            by=WORKER,
        )
    seen = reading(queries.contract, contract_id=contract.id, by=CLIENT)
    assert (seen.client_basis_points, seen.worker_basis_points) == (500, 1_000)
    assert [part.client_fee for part in seen.milestones] == [usd("5.00"), usd("1.00")]
    assert seen.accepted_at is not None


def test_ten_workers_clicks_accept_a_contract_once():
    contract = offered("100.00")
    results = at_once(
        *[
            lambda: atomically(
                contracts.accept_contract,
                contract_id=contract.id,
                version=None,
                fees=FEES,
                country="US",
                by=WORKER,
            )
            for _ in range(10)
        ]
    )
    assert len(succeeded(results)) == 1
    assert told()["contract.accepted"] == 1


@pytest.mark.parametrize("price", ["0.00", "0.99", "-5.00", "800000.00", "1000000000.00"])
def test_a_price_no_card_can_pay_is_refused(price):
    with expect_refusal(PriceOutOfRange) as caught:
        offered("100.00", price)
    assert caught.value.field == "milestones.1.price"


@pytest.mark.parametrize("price", ["1.00", "799999.99"])
def test_the_smallest_and_the_largest_price_are_taken(price):
    assert offered(price).milestones[0].price == usd(price)


def test_every_currency_has_a_smallest_price_and_one_step_less_is_refused():
    assert set(prices.SMALLEST_MINOR) == set(EXPONENTS)
    for currency, minor in prices.SMALLEST_MINOR.items():
        least = Money(minor, currency)
        assert offered(least.decimal, currency=currency).milestones[0].price == least
        with expect_refusal(PriceOutOfRange):
            offered(Money(minor - least.step, currency).decimal, currency=currency)


def test_a_price_finer_than_it_can_be_charged_is_refused():
    with expect_refusal(AmountNotMovable) as caught:
        offered("10.010", "10.011", currency="KWD")
    assert caught.value.field == "milestones.1.price"


def test_the_largest_price_with_the_dearest_fee_fits_into_one_charge():
    price = Money(prices.LARGEST_MINOR, "USD")
    dearest = FeeSchedule(2_500, 0).client_fee(price)
    assert (price + dearest).amount_minor <= 99_999_999


def test_prices_in_another_currency_than_the_contract_are_refused():
    with expect_refusal(PriceOutOfRange) as caught:
        _offer(milestones=[MilestoneTerms("One", usd("100.00")), MilestoneTerms("Two", Money(10_000, "EUR"))])
    assert caught.value.field == "milestones.1.price"


@pytest.mark.parametrize("count", [0, 51])
def test_a_contract_without_milestones_or_with_too_many_is_refused(count):
    with expect_refusal(MilestonesMissing):
        _offer(milestones=[MilestoneTerms("One", usd("100.00"))] * count)


def test_fifty_milestones_are_taken_in_their_order():
    contract = offered(*[f"{number}.00" for number in range(1, 51)])
    assert [part.price.decimal for part in contract.milestones] == [f"{number}.00" for number in range(1, 51)]
    assert [part.position for part in contract.milestones] == list(range(1, 51))


def test_nobody_hires_themselves():
    both = Actor(CLIENT.id, frozenset({Role.CLIENT, Role.WORKER}))
    with expect_refusal(OwnContract):
        offered("100.00", by=both, to=both)


@pytest.mark.parametrize("person", [OTHER_CLIENT, MEDIATOR, SUPPORT])
def test_only_workers_are_hired(person):
    with expect_refusal(WorkerNotAvailable) as caught:
        offered("100.00", to=person)
    assert caught.value.field == "worker_id"


def test_a_worker_who_is_not_there_is_refused_like_one_who_is_no_worker():
    with expect_refusal(WorkerNotAvailable):
        offered("100.00", to=Actor(new_id("us"), frozenset({Role.WORKER})))


def test_an_offer_is_edited_while_nobody_has_answered():
    contract = offered("100.00")
    edited = _edit(contract, version=1, title="A shop")
    assert (edited.title, edited.description, edited.version) == ("A shop", "With a shop.", 2)
    assert _edit(edited, version=2, description="").description == ""


def test_an_edit_of_what_was_changed_meanwhile_is_refused():
    contract = offered("100.00")
    _edit(contract, version=1, title="A shop")
    with expect_refusal(ContractChanged):
        _edit(contract, version=1, title="A blog")
    assert reading(queries.contract, contract_id=contract.id, by=CLIENT).title == "A shop"


def test_two_edits_at_once_of_the_same_version_are_one_edit():
    contract = offered("100.00")
    results = at_once(
        lambda: _edit(contract, version=1, title="A shop"), lambda: _edit(contract, version=1, title="A blog")
    )
    (kept,) = succeeded(results)
    assert reading(queries.contract, contract_id=contract.id, by=CLIENT).title == kept.title


def test_an_answered_offer_is_not_edited():
    contract = accepted("100.00")
    with expect_refusal(ActNotPossible):
        _edit(contract, version=contract.version, title="A shop")


def test_only_the_client_edits_an_offer():
    contract = offered("100.00")
    for other in (WORKER, MEDIATOR, SUPPORT):
        with expect_refusal(NotYourAct):
            _edit(contract, version=1, title="A shop", by=other)
    for stranger in (OTHER_CLIENT, OTHER_WORKER):
        with expect_refusal(ContractNotFound):
            _edit(contract, version=1, title="A shop", by=stranger)


@pytest.mark.parametrize("milestone", [funded, submitted, disputed])
def test_a_contract_is_not_ended_while_money_is_held(milestone):
    held = milestone()
    for side in (CLIENT, WORKER):
        with expect_refusal(MoneyStillHeld) as caught:
            _cancel(held, by=side)
        assert caught.value.details == {"milestones": [held.id]}


def test_a_contract_is_not_ended_while_money_is_on_its_way_in():
    milestone = draft()
    checkout(milestone.id)
    with expect_refusal(MoneyStillHeld):
        _cancel(milestone, by=CLIENT)


def test_a_contract_is_ended_once_its_money_has_left():
    contract = accepted("100.00", "50.00")
    first = contract.milestones[0]
    fund(first.id)
    accept(first)
    ended = _cancel(first, by=WORKER)
    assert (ended.state, [part.state for part in ended.milestones]) == ("cancelled", ["released", "draft"])
    assert ended.ended_at is not None
    assert money() == {
        "pending": "101.65",
        "wallet": "90.00",
        "client fees": "5.00",
        "worker fees": "10.00",
        "gateway fees": "3.35",
    }


def test_a_contract_ends_with_its_last_milestone():
    contract = accepted("100.00", "50.00")
    first, second = contract.milestones
    fund(first.id)
    accept(first)
    assert look_at_contract(first).state == "active"
    fund(second.id)
    give_back(second)
    ended = look_at_contract(first)
    assert (ended.state, ended.ended_at is not None) == ("completed", True)


@pytest.mark.parametrize("end", ["completed", "cancelled"])
def test_a_contract_stays_ended_when_a_refund_comes_back(end):
    contract = accepted("100.00", "50.00") if end == "cancelled" else accepted("100.00")
    first = contract.milestones[0]
    fund(first.id)
    refund = give_back(first)
    if end == "cancelled":
        _cancel(first, by=CLIENT)
    ended = look_at_contract(first)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    again = look_at_contract(first)
    assert (again.state, again.ended_at, again.milestones[0].state) == (end, ended.ended_at, "refunded")
    assert money()["owed"] == "105.00"


@pytest.mark.parametrize("version", [1, 3])
def test_a_worker_does_not_accept_words_they_have_not_read(version):
    contract = offered("100.00")
    atomically(
        contracts.edit_offer,
        contract_id=contract.id,
        version=1,
        title=None,
        description="With a shop, an app, and ten years of support.",
        by=CLIENT,
    )
    with expect_refusal(ContractChanged):
        atomically(
            contracts.accept_contract,
            contract_id=contract.id,
            version=version,
            fees=FEES,
            country="US",
            by=WORKER,
        )
    taken = atomically(
        contracts.accept_contract, contract_id=contract.id, version=2, fees=FEES, country="US", by=WORKER
    )
    assert (taken.state, taken.description[-19:]) == ("active", "ten years of support."[-19:])


def test_everybody_sees_their_own_contracts_newest_first():
    mine = [offered("100.00").id for _ in range(3)]
    offered("100.00", by=OTHER_CLIENT, to=OTHER_WORKER)
    seen = [one.id for one in reading(queries.contracts, by=WORKER, after=None, limit=10)]
    assert sorted(seen) == sorted(mine)
    assert seen == sorted(seen, reverse=True)
    assert [one.id for one in reading(queries.contracts, by=WORKER, after=seen[0], limit=1)] == seen[1:2]
    assert len(reading(queries.contracts, by=SUPPORT, after=None, limit=10)) == 4


def test_strangers_see_nothing_and_staff_see_all():
    contract = accepted("100.00")
    part = contract.milestones[0]
    for stranger in (OTHER_CLIENT, OTHER_WORKER):
        with pytest.raises(ContractNotFound):
            reading(queries.contract, contract_id=contract.id, by=stranger)
        with pytest.raises(Exception, match="There is no milestone"):
            reading(queries.milestone, milestone_id=part.id, by=stranger)
    for seer in (CLIENT, WORKER, SUPPORT, MEDIATOR):
        assert reading(queries.contract, contract_id=contract.id, by=seer).id == contract.id
        assert reading(queries.milestone, milestone_id=part.id, by=seer).price == usd("100.00")


def _offer(*, milestones):
    return atomically(
        contracts.offer_contract,
        contract_id=new_id("ct"),
        worker_id=WORKER.id,
        title="A website",
        description="",
        currency="USD",
        milestones=milestones,
        by=CLIENT,
    )


def _edit(contract, *, version, title=None, description=None, by=CLIENT):
    return atomically(
        contracts.edit_offer,
        contract_id=contract.id,
        version=version,
        title=title,
        description=description,
        by=by,
    )


def _cancel(milestone, *, by):
    return atomically(contracts.cancel_contract, contract_id=milestone.contract_id, by=by)
