"""The adapter against the peer, over HTTP: every call, and what each answer becomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateways.contract import (
    AccountOrder,
    AccountState,
    CustomerFound,
    CustomerOrder,
    PaymentState,
    PayoutOrder,
    PayoutState,
    RefundOrder,
    RefundState,
    Rejected,
)
from gateways.stripe import words
from kernel.ids import new_id
from kernel.money import Money

MOBILE_VERSION = "2020-08-27"


def usd(amount):
    return Money.parse(amount, "USD")


def test_the_app_is_told_how_to_speak_to_stripe(stripe, peer):
    assert stripe.client_settings() == {
        "publishable_key": peer.publishable_key,
        "api_version": "2026-10-28.endive",
    }
    assert (stripe.name, stripe.livemode) == ("stripe", False)


def test_a_client_is_recorded_once(stripe):
    order = CustomerOrder(new_id("cu"), new_id("us"), "client@example.com")
    assert stripe.create_customer(order) == stripe.create_customer(order)


def test_a_client_is_found_by_the_order_among_others_with_the_same_address(stripe):
    order = CustomerOrder(new_id("cu"), new_id("us"), "client@example.com")
    made = stripe.create_customer(order)
    others = [replace(order, customer_id=new_id("cu")) for _ in range(101)]
    for other in others:
        stripe.create_customer(other)
    assert stripe.find_customer(order) == made
    assert stripe.find_customer(replace(order, customer_id=new_id("cu"))) is None
    assert stripe.find_customer(replace(order, email="other@example.com")) is None


def test_a_workers_account_is_found_by_its_order(stripe, peer):
    order = AccountOrder(new_id("ac"), new_id("us"), "worker@example.com", "US")
    sent_at = datetime.fromtimestamp(peer.now(), UTC)
    opened = stripe.create_account(order)
    assert stripe.find_account(order, since=sent_at) == opened
    assert stripe.find_account(order, since=datetime(1970, 1, 1, tzinfo=UTC)) == opened
    assert stripe.find_account(replace(order, account_id=new_id("ac")), since=sent_at) is None
    # Older accounts are not looked through.
    assert stripe.find_account(order, since=sent_at + timedelta(days=1)) is None


def test_a_payment_begins_without_a_card(stripe, payment_order):
    made = stripe.create_payment(payment_order)
    assert (made.state, made.amount, made.charge) == (PaymentState.NEEDS_METHOD, usd("100.00"), None)
    assert made.payment_id == payment_order.payment_id
    assert made.client_secret.startswith(f"{made.gateway_id}_secret_")
    assert not made.livemode
    assert stripe.create_payment(payment_order) == made


def test_a_paid_payment_brings_what_stripe_kept_and_when_the_rest_settles(stripe, peer, payment):
    assert payment.state is PaymentState.SUCCEEDED
    charge = payment.charge
    assert (charge.amount, charge.fee, charge.settled) == (usd("100.00"), usd("3.20"), False)
    assert (charge.card_brand, charge.card_last4) == ("visa", "4242")
    settles = datetime.fromtimestamp(peer.now(), UTC) + timedelta(days=2)
    assert abs(charge.available_on - settles) < timedelta(minutes=1)
    peer.advance(2 * 86_400 + 60)
    assert stripe.payment(payment.gateway_id).charge.settled


def test_a_payment_is_found_by_its_order(stripe, payment_order, payment):
    assert stripe.find_payment(payment_order) == payment
    assert stripe.find_payment(replace(payment_order, payment_id=new_id("py"))) is None


def test_a_payment_is_found_behind_more_than_a_page_of_others(stripe, payment_order):
    made = stripe.create_payment(payment_order)
    for _ in range(101):
        stripe.create_payment(replace(payment_order, payment_id=new_id("py")))
    assert stripe.find_payment(payment_order).gateway_id == made.gateway_id


def test_a_declined_card_leaves_a_payment_that_waits_for_another(stripe, peer, payment_order):
    made = stripe.create_payment(payment_order)
    peer.pay(made.client_secret, "pm_card_chargeDeclinedInsufficientFunds")
    declined = stripe.payment(made.gateway_id)
    assert (declined.state, declined.decline_code) == (PaymentState.NEEDS_METHOD, "insufficient_funds")
    assert declined.decline_message


def test_a_payment_is_paid_with_a_token_once_however_often_it_is_said(stripe, peer, payment_order):
    made, token = stripe.create_payment(payment_order), peer.confirmation_token()
    paid = [stripe.confirm_payment(made.gateway_id, token=token, key="py_1.token") for _ in range(2)]
    assert [(each.state, each.charge.amount) for each in paid] == [
        (PaymentState.SUCCEEDED, usd("100.00")),
        (PaymentState.SUCCEEDED, usd("100.00")),
    ]


def test_a_payment_whose_token_was_declined_is_paid_with_another(stripe, peer, payment_order):
    made, bad = stripe.create_payment(payment_order), peer.confirmation_token("pm_card_chargeDeclined")
    declined = stripe.confirm_payment(made.gateway_id, token=bad, key="py_1.bad")
    assert (declined.state, declined.decline_code) == (PaymentState.NEEDS_METHOD, "generic_decline")
    paid = stripe.confirm_payment(made.gateway_id, token=peer.confirmation_token(), key="py_1.good")
    assert (paid.gateway_id, paid.state) == (made.gateway_id, PaymentState.SUCCEEDED)


def test_a_token_nobody_made_and_a_payment_that_is_over_are_refused(stripe, peer, payment_order, payment):
    made = stripe.create_payment(replace(payment_order, payment_id=new_id("py")))
    made_up = stripe.confirm_payment(made.gateway_id, token="ctoken_nope", key="py_1.nope")
    assert (type(made_up), made_up.temporary) == (Rejected, False)
    again = stripe.confirm_payment(payment.gateway_id, token=peer.confirmation_token(), key="py_1.again")
    assert again.code == "payment_intent_unexpected_state"


def test_a_card_is_kept_or_not_as_was_said_last(stripe, peer, payment_order, customer):
    made = stripe.create_payment(replace(payment_order, save_card=True))
    assert made.saves_card
    assert not stripe.save_card_of(made.gateway_id, save=False).saves_card
    assert stripe.save_card_of(made.gateway_id, save=True).saves_card
    stripe.save_card_of(made.gateway_id, save=False)
    peer.pay(made.client_secret)
    assert stripe.cards(customer) == ()


def test_a_second_attempt_is_an_order_of_its_own(stripe, payment_order):
    first = stripe.create_payment(payment_order)
    second = stripe.create_payment(replace(payment_order, attempt=2))
    assert (second.gateway_id != first.gateway_id, second.payment_id) == (True, first.payment_id)


def test_a_challenged_payment_needs_its_payer(stripe, peer, payment_order):
    made = stripe.create_payment(payment_order)
    peer.pay(made.client_secret, "pm_card_threeDSecure2Required")
    assert stripe.payment(made.gateway_id).state is PaymentState.NEEDS_ACTION
    peer.authenticate(made.gateway_id)
    assert stripe.payment(made.gateway_id).state is PaymentState.SUCCEEDED


def test_an_unpaid_payment_is_cancelled_and_a_paid_one_stays(stripe, peer, payment_order, payment):
    other = stripe.create_payment(replace(payment_order, payment_id=new_id("py")))
    assert stripe.cancel_payment(other.gateway_id).state is PaymentState.CANCELED
    assert stripe.cancel_payment(other.gateway_id).state is PaymentState.CANCELED
    assert stripe.cancel_payment(payment.gateway_id) == payment


def test_a_card_is_saved_while_paying(stripe, peer, payment_order, customer):
    made = stripe.create_payment(replace(payment_order, save_card=True))
    peer.pay(made.client_secret)
    (card,) = stripe.cards(customer)
    assert (card.brand, card.last4, card.customer) == ("visa", "4242", customer)


def test_cards_are_saved_preferred_and_forgotten(stripe, peer, customer):
    setup = stripe.create_setup(customer, key=new_id("pm"))
    peer.save_card(setup.client_secret.value, "pm_card_mastercard")
    (card,) = stripe.cards(customer)
    assert (card.brand, card.customer) == ("mastercard", customer)
    assert card == stripe.card(card.gateway_id)
    assert stripe.set_default_card(customer, card.gateway_id) == CustomerFound(customer)
    assert stripe.detach_card(card.gateway_id) == replace(card, customer=None)
    assert stripe.detach_card(card.gateway_id) == replace(card, customer=None)
    assert stripe.cards(customer) == ()


@pytest.mark.parametrize("component", ["payment_sheet", "customer_sheet"])
def test_the_app_is_given_a_secret_that_ends(stripe, peer, customer, component):
    secret = stripe.customer_session(customer, component=component)
    assert secret.value
    assert secret.expires_at > datetime.fromtimestamp(peer.now(), UTC)


def test_an_older_app_is_given_a_key_of_its_own_version(stripe, peer, customer):
    secret = stripe.ephemeral_key(customer, api_version=MOBILE_VERSION)
    assert secret.value.startswith("ek_")
    assert secret.expires_at > datetime.fromtimestamp(peer.now(), UTC)


def test_held_money_is_given_back_once(stripe, payment):
    order = RefundOrder(new_id("rf"), payment.gateway_id, usd("40.00"))
    refund = stripe.create_refund(order)
    assert (refund.amount, refund.refund_id) == (usd("40.00"), order.refund_id)
    assert refund.state in {RefundState.PENDING, RefundState.SUCCEEDED}
    assert stripe.create_refund(order).gateway_id == refund.gateway_id
    assert stripe.find_refund(order).gateway_id == refund.gateway_id
    assert stripe.find_refund(replace(order, refund_id=new_id("rf"))) is None


def test_more_than_was_paid_is_not_given_back(stripe, payment):
    refused = stripe.create_refund(RefundOrder(new_id("rf"), payment.gateway_id, usd("100.01")))
    assert isinstance(refused, Rejected)
    assert not refused.temporary
    assert stripe.create_refund(RefundOrder(new_id("rf"), payment.gateway_id, usd("100.00"))).amount == usd(
        "100.00"
    )


def test_a_refund_that_fails_later_says_why(stripe, peer, payment):
    refund = stripe.create_refund(RefundOrder(new_id("rf"), payment.gateway_id, usd("40.00")))
    peer.fail_refund(refund.gateway_id)
    failed = stripe.refund(refund.gateway_id)
    assert (failed.state, failed.failure_reason) == (RefundState.FAILED, "expired_or_canceled_card")


def test_a_worker_becomes_payable_by_telling_stripe_who_they_are(stripe, peer):
    order = AccountOrder(new_id("ac"), new_id("us"), "worker@example.com", "US")
    opened = stripe.create_account(order)
    assert opened == stripe.create_account(order)
    assert (opened.state, opened.account_id) == (AccountState.INCOMPLETE, order.account_id)
    assert (opened.can_receive_transfers, opened.can_be_paid_out) == (False, False)
    assert "external_account" in opened.missing
    link = stripe.onboarding_link(
        opened.gateway_id, return_url="https://example.com/back", refresh_url="https://example.com/again"
    )
    assert link.expires_at > datetime.fromtimestamp(peer.now(), UTC)
    peer.complete_onboarding(opened.gateway_id)
    ready = stripe.account(opened.gateway_id)
    assert (ready.state, ready.missing) == (AccountState.READY, ())
    assert (ready.can_receive_transfers, ready.can_be_paid_out) == (True, True)
    assert (ready.bank_last4, ready.bank_name) == ("6789", "STRIPE TEST BANK")


def test_a_worker_of_whom_stripe_asks_more_is_restricted(stripe, peer, account):
    peer.restrict(account)
    restricted = stripe.account(account)
    assert restricted.state is AccountState.RESTRICTED
    assert not restricted.can_be_paid_out
    assert restricted.missing


def test_a_worker_is_given_the_accounts_own_components(stripe, peer, account):
    assert stripe.account_session(account).expires_at > datetime.fromtimestamp(peer.now(), UTC)


def test_only_we_pay_out_of_a_workers_account(peer, account):
    opened = peer.state()["objects"][account]
    assert opened["settings"]["payouts"]["schedule"]["interval"] == "manual"


def test_released_money_moves_once_and_is_usable_when_its_charge_has_settled(stripe, charge, transfer_order):
    moved = stripe.create_transfer(transfer_order)
    assert (moved.amount, moved.transfer_id) == (usd("90.00"), transfer_order.transfer_id)
    assert moved.available_on == charge.available_on
    assert stripe.create_transfer(transfer_order) == moved
    assert stripe.find_transfer(transfer_order) == moved
    assert stripe.find_transfer(replace(transfer_order, transfer_id=new_id("tr"))) is None
    assert stripe.balance("USD", account=transfer_order.destination).pending == usd("90.00")


def test_a_worker_who_is_not_ready_is_paid_later(stripe, transfer_order):
    opened = stripe.create_account(AccountOrder(new_id("ac"), new_id("us"), "new@example.com", "US"))
    refused = stripe.create_transfer(replace(transfer_order, destination=opened.gateway_id))
    assert (refused.code, refused.temporary) == ("insufficient_capabilities_for_transfer", True)
    assert refused.message == "The payout account cannot take money yet."


def test_what_stripe_says_itself_is_for_our_logs_alone(stripe, transfer_order, caplog):
    with caplog.at_level("INFO", logger="gateways.stripe.outcomes"):
        refused = stripe.create_transfer(replace(transfer_order, destination="acct_nobody"))
    assert isinstance(refused, Rejected)
    assert refused.message in {words.refusal(refused.code), "The payment provider refused."}
    (said,) = [record.getMessage() for record in caplog.records if record.name == "gateways.stripe.outcomes"]
    assert "acct_nobody" in said
    assert "acct_nobody" not in refused.message


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (("insufficient_funds", "card_declined"), "There is not enough money on the card. Use another card."),
        (("never_heard_of", "card_declined"), "The card was declined. Ask your bank, or use another card."),
        # Who holds a stolen card is told no more than that it was declined.
        (("stolen_card", "card_declined"), "The card was declined. Ask your bank, or use another card."),
        ((None, "parameter_unknown"), "The payment provider refused."),
        ((None, None), "The payment provider refused."),
    ],
)
def test_a_refusal_is_said_in_our_own_words(codes, says):
    assert words.refusal(*codes) == says


def test_stripe_repeats_its_refusal_to_the_same_attempt_and_looks_again_at_the_next(
    stripe, peer, transfer_order
):
    opened = stripe.create_account(AccountOrder(new_id("ac"), new_id("us"), "new@example.com", "US"))
    order = replace(transfer_order, destination=opened.gateway_id)
    refused = stripe.create_transfer(order)
    peer.complete_onboarding(opened.gateway_id)
    assert stripe.create_transfer(order) == refused
    moved = stripe.create_transfer(replace(order, attempt=2))
    assert moved == stripe.find_transfer(order)


def test_a_payout_is_refused_until_the_money_has_settled_and_sent_at_the_next_attempt(
    stripe, peer, transfer_order
):
    stripe.create_transfer(transfer_order)
    order = PayoutOrder(new_id("po"), transfer_order.destination, usd("90.00"))
    refused = stripe.create_payout(order)
    assert (refused.code, refused.temporary) == ("balance_insufficient", True)
    peer.advance(3 * 86_400)
    sent = stripe.create_payout(replace(order, attempt=2))
    assert (sent.payout_id, sent.state) == (order.payout_id, PayoutState.PENDING)


def test_a_payout_reaches_the_bank_under_a_reference(stripe, peer, funded_account):
    order = PayoutOrder(new_id("po"), funded_account, usd("90.00"))
    sent = stripe.create_payout(order)
    assert (sent.state, sent.amount, sent.payout_id) == (PayoutState.PENDING, usd("90.00"), order.payout_id)
    assert stripe.create_payout(order).gateway_id == sent.gateway_id
    assert stripe.find_payout(order).gateway_id == sent.gateway_id
    assert stripe.find_payout(replace(order, payout_id=new_id("po"))) is None
    peer.advance(5 * 86_400)
    paid = stripe.payout(funded_account, sent.gateway_id)
    assert paid.state is PayoutState.PAID
    assert paid.trace_id.isdigit()
    assert stripe.balance("USD", account=funded_account).available == usd("0.00")


def test_a_payout_that_comes_back_says_why(stripe, peer, funded_account):
    sent = stripe.create_payout(PayoutOrder(new_id("po"), funded_account, usd("90.00")))
    peer.advance(5 * 86_400)
    peer.fail_payout(sent.gateway_id)
    failed = stripe.payout(funded_account, sent.gateway_id)
    assert (failed.state, failed.failure_code) == (PayoutState.FAILED, "account_closed")
    assert failed.failure_message


def test_our_own_balance_is_what_stripe_left_of_the_charge(stripe, payment):
    balance = stripe.balance("USD")
    assert (balance.available, balance.pending) == (usd("0.00"), usd("96.80"))
    assert stripe.balance("EUR").pending == Money(0, "EUR")


def test_of_three_decimals_stripe_moves_two(stripe, payment_order):
    refused = stripe.create_payment(replace(payment_order, amount=Money(1_001, "KWD")))
    assert (refused.code, refused.temporary) == ("amount_not_representable", False)
    made = stripe.create_payment(replace(payment_order, amount=Money(1_010, "KWD")))
    assert made.amount == Money.parse("1.010", "KWD")


def test_a_currency_without_decimals_is_not_multiplied(stripe, payment_order):
    made = stripe.create_payment(replace(payment_order, amount=Money(5_000, "JPY")))
    assert made.amount == Money.parse("5000", "JPY")
