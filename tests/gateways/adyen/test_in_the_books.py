"""What Adyen tells, as Holdfast's books take it: funded, given back, taken back by a bank, always balanced."""

from __future__ import annotations

import pytest

from escrow import chargebacks as escrow_chargebacks
from escrow import funding, refunds
from escrow import integrity as escrow_integrity
from gateways.contract import ObjectKind
from kernel.ids import new_id
from kernel.money import Money
from ledger import integrity as ledger_integrity
from ledger.balances import trial_balance
from payments import collecting
from payments import integrity as payments_integrity
from payments import refunds as payment_refunds
from payments.routing import Route
from payments.tables import Customer
from persistence.unit_of_work import atomically, examining, reading
from tests.escrow import story
from tests.escrow.story import CLIENT, usd

ROUTES = (Route("adyen", "card"),)


def enrol(session):
    story.enrol(session)
    session.add(
        Customer(
            id=new_id("cu"),
            user_id=CLIENT.id,
            gateway="adyen",
            gateway_id=new_id("cu"),
            attempt=1,
            calls=0,
            calls_over=0,
        )
    )


@pytest.fixture(autouse=True)
def books(database, clock):
    """Everybody has an account; and however it went, the books are right at its end."""
    atomically(enrol)
    yield
    assert examining(ledger_integrity.verify) == []
    assert examining(payments_integrity.verify) == []
    assert examining(escrow_integrity.verify) == []


class House:
    """What Holdfast's jobs do with Adyen's news: ask how the thing is now, and write it down."""

    def __init__(self, adyen, inbox):
        self.adyen = adyen
        self.inbox = inbox

    def hear(self):
        for event in self.inbox.hear(self.adyen):
            if event.kind is ObjectKind.PAYMENT:
                found = self.adyen.payment(event.object_id)
                atomically(funding.record_payment, payment_id=found.payment_id, outcome=found)
            elif event.kind is ObjectKind.REFUND:
                found = self.adyen.refund(event.object_id)
                atomically(refunds.record_refund, refund_id=found.refund_id, outcome=found, intent=None)
            elif event.kind is ObjectKind.CHARGEBACK:
                found = self.adyen.chargeback(event.object_id)
                payment = reading(
                    collecting.find_payment, payment_id=None, gateway_id=found.payment, gateway="adyen"
                )
                atomically(
                    escrow_chargebacks.record_chargeback,
                    chargeback_id=new_id("cb"),
                    payment=payment,
                    found=found,
                )

    def give_back(self, refund):
        intent = atomically(payment_refunds.refund_to_send, refund_id=refund.id)
        outcome = payment_refunds.send_refund(intent, through=self.adyen)
        return atomically(refunds.record_refund, refund_id=refund.id, outcome=outcome, intent=intent)


@pytest.fixture
def house(adyen, inbox) -> House:
    return House(adyen, inbox)


def at_adyen():
    lines = {line.code: line.debit - line.credit for line in reading(trial_balance)}
    return sum(
        (amount for code, amount in lines.items() if code.startswith("assets:gateway:adyen:")),
        Money.zero("USD"),
    )


def there(adyen):
    balance = adyen.balance("USD")
    return balance.available + balance.pending


@pytest.fixture
def milestone(house, adyen, adyen_peer):
    """100.00 USD and our fee, paid through Adyen."""
    draft = story.draft()
    payment = atomically(
        funding.begin_checkout,
        milestone_id=draft.id,
        payment_id=new_id("py"),
        method="card",
        routes=ROUTES,
        save_card=False,
        by=CLIENT,
    )
    wanted = reading(funding.checkout, payment_id=payment.id)
    made = adyen.create_payment(wanted.order)
    atomically(funding.record_payment, payment_id=payment.id, outcome=made)
    adyen_peer.pay(made.client_secret)
    house.hear()
    return story.look(draft)


def test_a_paid_milestone_is_held_less_what_adyen_took(milestone, adyen):
    assert (milestone.state, milestone.held) == ("funded", usd("100.00"))
    payment = story.payment_of(milestone)
    assert (payment.state, payment.gateway) == ("succeeded", "adyen")
    assert at_adyen() == there(adyen) == usd("101.65")


def test_a_refund_leaves_the_books_when_adyen_has_booked_it(milestone, house, adyen, clock):
    refund = house.give_back(story.give_back(milestone))
    assert refund.state == "pending"
    assert at_adyen() == usd("101.65")
    clock.advance(days=2)
    house.hear()
    (refund,) = story.refunds_of(milestone)
    assert refund.state == "succeeded"
    assert at_adyen() == there(adyen) == usd("-3.35")


def test_a_refund_that_comes_back_weeks_later_is_owed_again(milestone, house, adyen, adyen_peer, clock):
    refund = house.give_back(story.give_back(milestone))
    clock.advance(days=2)
    house.hear()
    clock.advance(days=20)
    adyen_peer.fail_refund(refund.id)
    house.hear()
    (refund,) = story.refunds_of(milestone)
    assert refund.state == "failed"
    assert at_adyen() == there(adyen) == usd("101.65")


def test_a_refund_that_adyen_refuses_after_all_has_moved_nothing(milestone, house, adyen, adyen_peer, clock):
    refund = house.give_back(story.give_back(milestone))
    adyen_peer.dispute(story.payment_of(milestone).id, amount=1)
    clock.advance(minutes=2)
    house.hear()
    (refund,) = story.refunds_of(milestone)
    assert (refund.state, refund.failure_reason) == (
        "failed",
        "The payment was charged back, refund not possible",
    )
    assert at_adyen() == there(adyen)


@pytest.mark.parametrize("news_are", ["told at once", "told at the end"])
def test_a_bank_takes_it_back_gives_it_back_and_takes_it_again(  # noqa: PLR0917 - all that it is about
    milestone, house, adyen, adyen_peer, clock, news_are
):
    payment = story.payment_of(milestone)
    dispute = adyen_peer.dispute(payment.id)
    for code, state in (
        ("INFORMATION_SUPPLIED", "frozen"),
        ("CHARGEBACK_REVERSED", "funded"),
        ("SECOND_CHARGEBACK", "charged_back"),
    ):
        clock.advance(days=3)
        adyen_peer.move_dispute(dispute["id"], code)
        if news_are == "told at once":
            house.hear()
            assert story.look(milestone).state == state
            assert at_adyen() == there(adyen)
    house.hear()
    assert story.look(milestone).state == "charged_back"
    # What the client paid, less Adyen's fees for the payment and for the dispute.
    assert at_adyen() == there(adyen) == usd("-18.35")


def test_a_payment_that_was_given_up_and_paid_all_the_same_goes_back(house, adyen, adyen_peer, clock):
    draft = story.draft()
    payment = atomically(
        funding.begin_checkout,
        milestone_id=draft.id,
        payment_id=new_id("py"),
        method="card",
        routes=ROUTES,
        save_card=False,
        by=CLIENT,
    )
    made = adyen.create_payment(reading(funding.checkout, payment_id=payment.id).order)
    atomically(funding.record_payment, payment_id=payment.id, outcome=made)
    stopped = adyen.cancel_payment(made.gateway_id)
    atomically(funding.record_payment, payment_id=payment.id, outcome=stopped)
    assert story.look(draft).state == "draft"
    adyen_peer.pay(made.client_secret)
    house.hear()
    (refund,) = story.refunds_of(draft)
    house.give_back(refund)
    clock.advance(days=2)
    house.hear()
    assert story.look(draft).state == "draft"
    assert at_adyen() == there(adyen) == usd("-3.35")
