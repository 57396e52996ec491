"""Cards that are declined, that ask for authentication, that belong to somebody."""

import pytest
import stripe

from tests.sandbox.playing import funds, paid

AUTOMATIC = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


def intended(api, amount=5_000, **params):
    return api.payment_intents.create({"amount": amount, "currency": "usd", **AUTOMATIC, **params})


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
def test_a_declined_card_leaves_a_failed_charge_and_no_money(api, method, code, decline_code):
    intent = intended(api)
    with pytest.raises(stripe.CardError) as refused:
        api.payment_intents.confirm(intent.id, {"payment_method": method})
    error = refused.value.error
    assert (refused.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    after = api.payment_intents.retrieve(intent.id)
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert after.last_payment_error.code == code
    failed = api.charges.retrieve(after.latest_charge)
    assert (failed.id, failed.status, failed.paid, failed.balance_transaction) == (
        error.charge,
        "failed",
        False,
        None,
    )
    assert funds(api) == (0, 0)


def test_after_a_decline_the_same_intent_can_be_paid_with_another_card(api, peer):
    intent = intended(api)
    assert peer.pay(intent.client_secret, "pm_card_chargeDeclined")["error"]["code"] == "card_declined"
    assert peer.pay(intent.client_secret, "pm_card_mastercard")["status"] == "succeeded"
    assert funds(api) == (0, 5_000 - 175)


@pytest.mark.parametrize("method", ["pm_card_authenticationRequired", "pm_card_threeDSecure2Required"])
def test_a_card_that_asks_for_authentication_is_charged_only_after_it(api, peer, method):
    intent = intended(api)
    asked = peer.pay(intent.client_secret, method, return_url="https://app.example/back")
    assert asked["status"] == "requires_action"
    assert asked["next_action"]["type"] == "redirect_to_url"
    assert funds(api) == (0, 0)
    assert peer.authenticate(intent.id)["status"] == "succeeded"
    assert funds(api) == (0, 5_000 - 175)


def test_a_failed_authentication_charges_nothing(api, peer):
    intent = intended(api)
    peer.pay(intent.client_secret, "pm_card_authenticationRequired")
    peer.authenticate(intent.id, succeeds=False)
    after = api.payment_intents.retrieve(intent.id)
    assert (after.status, after.last_payment_error.code) == (
        "requires_payment_method",
        "payment_intent_authentication_failure",
    )
    assert funds(api) == (0, 0)


def test_off_session_a_card_that_asks_for_authentication_is_declined(api, customer):
    card = api.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer.id})
    with pytest.raises(stripe.CardError) as refused:
        intended(api, customer=customer.id, payment_method=card.id, confirm=True, off_session=True)
    assert refused.value.code == "authentication_required"


def test_a_card_authenticated_when_it_was_saved_is_charged_off_session(api, peer, customer):
    saving = api.setup_intents.create(
        {"customer": customer.id, "usage": "off_session", "automatic_payment_methods": {"enabled": True}}
    )
    asked = peer.save_card(saving.client_secret, "pm_card_authenticationRequiredOnSetup")
    assert asked["status"] == "requires_action"
    assert peer.authenticate(saving.id)["status"] == "succeeded"
    card = api.customers.payment_methods.list(customer.id).data[0]
    charged = intended(api, customer=customer.id, payment_method=card.id, confirm=True, off_session=True)
    assert charged.status == "succeeded"


def test_a_card_that_cannot_be_saved_is_not_saved(api, peer, customer):
    saving = api.setup_intents.create(
        {"customer": customer.id, "automatic_payment_methods": {"enabled": True}}
    )
    assert peer.save_card(saving.client_secret, "pm_card_chargeDeclined")["error"]["code"] == "card_declined"
    assert api.setup_intents.retrieve(saving.id).last_setup_error.code == "card_declined"
    assert api.customers.payment_methods.list(customer.id).data == []


def test_a_card_is_saved_with_the_payment_when_that_was_asked_for(api, peer, customer):
    intent = intended(api, customer=customer.id, setup_future_usage="off_session")
    peer.pay(intent.client_secret)
    saved = api.payment_methods.list({"customer": customer.id, "type": "card"}).data
    assert [card.card.last4 for card in saved] == ["4242"]


def test_a_card_used_without_a_customer_cannot_be_used_again(api, peer):
    intent = intended(api)
    peer.pay(intent.client_secret)
    used = api.payment_intents.retrieve(intent.id).payment_method
    with pytest.raises(stripe.InvalidRequestError, match="previously used"):
        intended(api, payment_method=used, confirm=True)


def test_a_detached_card_is_gone_and_no_longer_the_default(api, customer):
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    api.payment_methods.detach(card.id)
    assert api.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        api.payment_methods.attach(card.id, {"customer": customer.id})


def test_somebody_elses_card_is_refused(api, customer):
    other = api.customers.create({"email": "other@example.com"})
    card = api.payment_methods.attach("pm_card_visa", {"customer": other.id})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        intended(api, customer=customer.id, payment_method=card.id, confirm=True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    assert refused.value.code == "resource_missing"


def test_a_paid_intent_can_be_neither_paid_nor_cancelled_again(api, charge):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_intents.confirm(charge.payment_intent, {"payment_method": "pm_card_visa"})
    assert refused.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_intents.cancel(charge.payment_intent)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert funds(api) == (0, 9_680)


def test_a_cancelled_intent_cannot_be_paid(api, peer):
    intent = intended(api)
    cancelled = api.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    assert "error" in peer.pay(intent.client_secret)
    assert funds(api) == (0, 0)


def test_a_deferred_payment_is_confirmed_with_what_the_app_collected(api, peer, customer):
    token = peer.confirmation_token("pm_card_mastercard")
    charged = intended(api, customer=customer.id, confirmation_token=token, confirm=True)
    assert charged.status == "succeeded"
    assert api.charges.retrieve(charged.latest_charge).payment_method_details.card.brand == "mastercard"


def test_a_server_that_may_be_redirected_must_say_where_to(api):
    intent = api.payment_intents.create(
        {"amount": 500, "currency": "usd", "automatic_payment_methods": {"enabled": True}}
    )
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


def test_the_app_needs_the_right_client_secret(api, peer):
    intent = intended(api)
    answer = peer.pay(f"{intent.id}_secret_guessed")
    assert answer["error"]["code"] == "resource_missing"
    assert api.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_a_bank_debit_is_processed_for_days_before_it_succeeds(api, peer):
    intent = intended(api)
    assert peer.pay(intent.client_secret, "pm_usBankAccount_success")["status"] == "processing"
    assert funds(api) == (0, 0)
    peer.advance(4 * 86_400 + 1)
    assert api.payment_intents.retrieve(intent.id).status == "succeeded"
    assert funds(api)[1] > 0


def test_a_bank_debit_can_come_back_unpaid(api, peer):
    intent = intended(api)
    peer.pay(intent.client_secret, "pm_usBankAccount_insufficientFunds")
    peer.advance(4 * 86_400 + 1)
    assert api.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    assert funds(api) == (0, 0)


def test_an_authorisation_is_captured_in_part_or_dies_after_a_week(api, peer):
    held = intended(api, capture_method="manual", payment_method="pm_card_visa", confirm=True)
    assert (held.status, held.amount_capturable) == ("requires_capture", 5_000)
    taken = api.payment_intents.capture(held.id, {"amount_to_capture": 3_000})
    assert (taken.status, taken.amount_received) == ("succeeded", 3_000)
    forgotten = intended(api, capture_method="manual", payment_method="pm_card_visa", confirm=True)
    peer.advance(7 * 86_400 + 1)
    died = api.payment_intents.retrieve(forgotten.id)
    assert (died.status, died.cancellation_reason) == ("canceled", "automatic")


@pytest.mark.parametrize(
    ("amount", "code"), [(49, "amount_too_small"), (100_000_000, "amount_too_large"), (0, "amount_too_small")]
)
def test_amounts_that_cannot_be_charged_are_refused(api, amount, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        intended(api, amount)
    assert (refused.value.code, refused.value.param) == (code, "amount")


def test_the_balance_transaction_of_a_charge_comes_a_moment_after_the_charge(api, peer):
    paid(api, peer, 10_000)
    told = {event.type: event.data for event in api.events.list({"types": ["charge.*"]}).data}
    assert told["charge.succeeded"].object.balance_transaction is None
    assert told["charge.updated"].previous_attributes.balance_transaction is None
    assert told["charge.updated"].object.balance_transaction.startswith("txn_")
