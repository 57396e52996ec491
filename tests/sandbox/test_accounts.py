"""How a worker gets an account that can be paid."""

import http.client
from urllib.parse import urlsplit

import pytest
import stripe

from tests.sandbox.playing import WORKER


@pytest.fixture
def newcomer(api):
    return api.accounts.create(WORKER)


@pytest.fixture
def link(api, newcomer):
    return api.account_links.create(
        {
            "account": newcomer.id,
            "type": "account_onboarding",
            "refresh_url": "https://app.example/again",
            "return_url": "https://app.example/done",
            "collection_options": {"fields": "eventually_due"},
        }
    ).url


def test_a_new_account_can_do_nothing_and_says_what_it_owes(newcomer):
    assert (newcomer.charges_enabled, newcomer.payouts_enabled, newcomer.details_submitted) == (
        False,
        False,
        False,
    )
    assert newcomer.capabilities.transfers == "inactive"
    assert "external_account" in newcomer.requirements.currently_due
    assert newcomer.settings.payouts.schedule.interval == "manual"
    assert newcomer.controller.losses.payments == "application"


def test_the_hosted_form_completes_the_account(api, newcomer, link):
    assert visit("GET", link)[0] == 200
    assert not api.accounts.retrieve(newcomer.id).details_submitted
    status, page, _ = visit("POST", f"{link}/complete")
    assert (status, b"https://app.example/done" in page) == (200, True)
    account = api.accounts.retrieve(newcomer.id)
    assert (account.payouts_enabled, account.capabilities.transfers) == (True, "active")
    assert account.requirements.currently_due == []
    assert account.external_accounts.data[0].last4 == "6789"


def test_a_link_is_good_once_and_for_five_minutes(api, peer, newcomer, link):
    visit("POST", f"{link}/complete")
    assert visit("GET", link)[2] == "https://app.example/again"
    late = api.account_links.create(
        {
            "account": newcomer.id,
            "type": "account_onboarding",
            "refresh_url": "https://app.example/late",
            "return_url": "https://app.example/done",
        }
    ).url
    peer.advance(301)
    assert visit("GET", late)[2] == "https://app.example/late"


def test_onboarding_is_told_to_the_platform(api, peer, newcomer):
    peer.complete_onboarding(newcomer.id)
    events = api.events.list({"limit": 100}, {"stripe_account": newcomer.id}).data
    told = [event.type for event in reversed(events)]
    assert told == [
        "account.updated",
        "account.external_account.created",
        "capability.updated",
        "account.updated",
    ]
    assert {event.account for event in events} == {newcomer.id}
    assert api.events.list({"type": "account.updated"}).data == []


def test_the_capability_follows_the_requirements(api, peer, newcomer):
    assert api.accounts.capabilities.retrieve(newcomer.id, "transfers").status == "inactive"
    peer.complete_onboarding(newcomer.id)
    assert api.accounts.capabilities.retrieve(newcomer.id, "transfers").status == "active"
    peer.restrict(newcomer.id, "individual.id_number")
    restricted = api.accounts.capabilities.retrieve(newcomer.id, "transfers")
    assert (restricted.status, restricted.requirements.past_due) == ("inactive", ["individual.id_number"])


def test_an_account_can_be_given_a_bank_account_by_the_platform(api, newcomer):
    bank = api.accounts.external_accounts.create(newcomer.id, {"external_account": "btok_us_verified"})
    assert (bank.last4, bank.default_for_currency) == ("6789", True)
    other = api.accounts.external_accounts.create(
        newcomer.id,
        {
            "external_account": {
                "object": "bank_account",
                "account_number": "000999999991",
                "country": "US",
                "currency": "usd",
                "routing_number": "110000000",
            }
        },
    )
    banks = api.accounts.external_accounts.list(newcomer.id).data
    assert [(found.id, found.default_for_currency) for found in banks] == [(other.id, True), (bank.id, False)]
    api.accounts.external_accounts.delete(newcomer.id, bank.id)
    assert [found.id for found in api.accounts.external_accounts.list(newcomer.id).data] == [other.id]


def test_an_account_nobody_knows_may_not_be_acted_for(api):
    with pytest.raises(stripe.PermissionError, match="does not have access"):
        api.balance.retrieve(None, {"stripe_account": "acct_unknown"})


def test_the_app_gets_an_account_session(api, newcomer):
    session = api.account_sessions.create(
        {"account": newcomer.id, "components": {"payouts": {"enabled": True}}}
    )
    assert session.client_secret.startswith("accs_secret_")
    assert session.components.payouts.enabled
    assert not session.components.balances.enabled


def visit(method, url):
    """(status, body, where it leads) of a page, as a browser that follows nothing sees it."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.netloc, timeout=10)
    try:
        connection.request(method, target.path)
        response = connection.getresponse()
        return response.status, response.read(), response.headers.get("Location")
    finally:
        connection.close()
