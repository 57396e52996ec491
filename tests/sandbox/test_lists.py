"""Lists, filters and expansion."""

import pytest
import stripe

from tests.sandbox.playing import connected, paid


@pytest.fixture
def five(api):
    """The ids of five customers, newest first."""
    made = [api.customers.create({"name": str(number)}).id for number in range(5)]
    return made[::-1]


def ids(page):
    return [thing.id for thing in page.data]


def test_pages_follow_each_other_without_gap_or_repetition(api, five):
    first = api.customers.list({"limit": 2})
    assert (ids(first), first.has_more) == (five[:2], True)
    second = api.customers.list({"limit": 2, "starting_after": five[1]})
    assert (ids(second), second.has_more) == (five[2:4], True)
    third = api.customers.list({"limit": 2, "starting_after": five[3]})
    assert (ids(third), third.has_more) == (five[4:], False)
    back = api.customers.list({"limit": 2, "ending_before": five[3]})
    assert (ids(back), back.has_more) == (five[1:3], True)


def test_the_sdk_pages_by_itself(api, five):
    assert [found.id for found in api.customers.list({"limit": 2}).auto_paging_iter()] == five


def test_new_objects_do_not_disturb_a_page_that_was_begun(api, five):
    api.customers.create({"name": "late"})
    assert ids(api.customers.list({"limit": 2, "starting_after": five[0]})) == five[1:3]


def test_a_list_can_be_limited_in_time(api, peer, five):
    peer.advance(100)
    late = api.customers.create({"name": "late"})
    assert ids(api.customers.list({"created": {"gte": late.created - 50}})) == [late.id]
    assert ids(api.customers.list({"created": {"lt": late.created - 50}})) == five


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_has_between_one_and_a_hundred_things(api, limit):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.customers.list({"limit": limit})
    assert refused.value.param == "limit"


def test_references_are_expanded_at_any_depth(api, peer, customer):
    charge = paid(api, peer, 5_000, customer=customer.id)
    found = api.payment_intents.list(
        {"customer": customer.id, "expand": ["data.latest_charge.balance_transaction", "data.customer"]}
    ).data[0]
    assert found.customer.email == "client@example.com"
    assert found.latest_charge.balance_transaction.source == charge.id


def test_what_cannot_be_expanded_is_refused_and_noted(unchecked_peer, http):
    api = connected(unchecked_peer, http).v1
    customer = api.customers.create({"email": "a@example.com"})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        api.customers.retrieve(customer.id, {"expand": ["wallet"]})
    assert unchecked_peer.violations()[0]["param"] == "expand"


def test_metadata_is_merged_and_unset(api):
    customer = api.customers.create({"metadata": {"a": "1", "b": "2"}})
    assert api.customers.update(customer.id, {"metadata": {"b": "", "c": "3"}}).metadata.to_dict() == {
        "a": "1",
        "c": "3",
    }
    assert api.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


def test_a_deleted_customer_leaves_only_its_name(api, customer):
    assert api.customers.delete(customer.id).deleted
    assert api.customers.retrieve(customer.id).to_dict() == {
        "id": customer.id,
        "object": "customer",
        "deleted": True,
    }
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.customers.update(customer.id, {"name": "A"})
    assert refused.value.code == "resource_missing"
