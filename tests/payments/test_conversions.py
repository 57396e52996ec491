"""What is converted for payments is open until it is back; then it is at zero, and what is left a loss or a gain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escrow import chargebacks, refunds
from gateways.contract import ChargebackState, Converted, RefundState
from gateways.stripe.payments import read_charge
from kernel.ids import new_id
from kernel.money import Money
from ledger import chart, journal, movements
from ledger.balances import balance
from ledger.posting import post
from ledger.statements import entries_about
from payments import charges, conversions, integrity
from payments.conversions import AnotherConversionOpen, MoreThanIsOpen
from payments.tables import Payment
from persistence.unit_of_work import atomically, examining, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import (
    FINANCE,
    WORKER,
    accepted,
    answer,
    chargeback,
    checkout,
    look,
    order_again,
    payment_of,
    record,
    record_refund,
    refund_answer,
    usd,
)

PRICES = {"EUR": "100.00", "JPY": "10000", "KWD": "10.000"}
SMALL = st.integers(1, 30_000).map(lambda minor: Money(minor, "USD"))


def came(received, currency="EUR", *, fee="3.65"):
    """A milestone, charged in one currency; `received` came of it in dollars."""
    milestone = accepted(PRICES[currency], currency=currency).milestones[0]
    payment = checkout(milestone.id)
    said = answer(payment, fee="0")
    charge = replace(said.charge, fee=usd(fee), received=Converted(received, "1.1"))
    record(payment, replace(said, charge=charge))
    return look(milestone)


def give_back(milestone, amount):
    _, back = atomically(
        refunds.refund,
        milestone_id=milestone.id,
        refund_id=new_id("rf"),
        amount=amount,
        reason="I cannot.",
        by=WORKER,
    )
    return back


def arrive(refund, taken):
    record_refund(refund, replace(refund_answer(refund), taken=Converted(taken, None)))


def fail(refund, taken, returned):
    said = refund_answer(refund, RefundState.FAILED)
    record_refund(refund, replace(said, taken=Converted(taken, None), returned=Converted(returned, None)))


def dispute(milestone, state, *moved):
    """The bank takes all of it, and with a second amount of dollars gives it back."""
    whole = payment_of(milestone).charged.decimal
    said = chargeback(
        milestone, state, *[whole, f"-{whole}"][: len(moved)], gateway_id=f"du_{milestone.id[-20:]}"
    )
    lines = [
        replace(line, converted=Converted(amount, None), fee=fee)
        for line, amount, fee in zip(said.lines, moved, (usd("15.00"), usd("0.00")), strict=False)
    ]
    atomically(
        chargebacks.record_chargeback,
        chargeback_id=new_id("cb"),
        payment=payment_of(milestone),
        found=replace(said, lines=tuple(lines)),
    )


def position(milestone):
    row = reading(lambda session: session.get_one(Payment, payment_of(milestone).id))
    return row.converted_minor, row.converted_into_minor


def books_of(milestone, place):
    """What the entries about one milestone left on accounts that begin so, by currency."""
    sums = {}

    def add(session):
        for known in entries_about(session, [milestone.id]):
            entry = journal.entry_by_id(session.connection(), known.id)
            for line in entry.postings:
                if line.account.code.startswith(place):
                    signed = line.amount if line.side is line.account.normal else -line.amount
                    sums[signed.currency] = sums.get(signed.currency, Money.zero(signed.currency)) + signed

    reading(add)
    return {currency: amount for currency, amount in sums.items() if amount}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), currency=st.sampled_from(sorted(PRICES)), received=SMALL)
def test_h3_when_all_of_a_payment_is_back_its_conversion_accounts_are_at_zero(data, currency, received):
    milestone = came(received, currency)
    spent = Money.zero("USD")
    if data.draw(st.booleans(), label="the bank takes it, and gives it back"):
        taken, given = data.draw(SMALL), data.draw(SMALL)
        dispute(milestone, ChargebackState.WON, taken, given)
        spent += taken - given
    held = look(milestone).held
    steps = Money(held.amount_minor // held.step, currency)
    for part in steps.allocate([data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9)), 1]):
        if not part:
            continue
        back = give_back(milestone, Money(part.amount_minor * held.step, currency))
        taken, returned = data.draw(SMALL), data.draw(SMALL)
        outcome = data.draw(st.sampled_from(["arrives", "comes back", "fails at once"]))
        if outcome != "fails at once":
            arrive(back, taken)
        if outcome != "arrives":
            fail(back, taken, returned)
            spent += taken - returned
            again, taken = order_again(back), data.draw(SMALL)
            arrive(again, taken)
        spent += taken
    assert position(milestone) == (0, 0)
    assert books_of(milestone, "assets:conversion:") == {}
    # Whatever it was on the way: what went out, less what came in, was lost.
    lost = spent - received
    assert books_of(milestone, "expenses:exchange") == ({"USD": lost} if lost else {})
    assert examining(integrity.verify) == []


def test_h3_what_is_changed_back_closes_the_oldest_first_and_is_shared_out_in_proportion():
    first, second, third = (came(usd(amount)) for amount in ("115.50", "116.00", "117.00"))
    key = "bk_1:changed_back"
    eur = Money.parse("157.50", "EUR")
    with expect_refusal(MoreThanIsOpen):
        atomically(
            conversions.change_back,
            gateway="stripe",
            given=usd("400.00"),
            received=Money(31_501, "EUR"),
            key=key,
        )
    with expect_refusal(MoreThanIsOpen):
        atomically(conversions.change_back, gateway="adyen", given=usd("1.00"), received=eur, key=key)

    def by_hand(session):
        conversions.change_back(session, gateway="stripe", given=usd("180.00"), received=eur, key=key)
        # What moved is booked by whoever resolves the two lines.
        for entry in (
            movements.unexplained_line("stripe", amount=usd("-180.00")),
            movements.unexplained_line("stripe", amount=eur),
            movements.conversion_explained("stripe", given=usd("180.00"), received=eur),
        ):
            post(session, entry, key=new_id("key"), reference="bk_1", actor=FINANCE.id, reason="By hand.")

    atomically(by_hand)
    # 120.00 for the first 105.00 EUR, 60.00 for half of the second.
    assert [position(each) for each in (first, second, third)] == [(0, 0), (5_250, 5_600), (10_500, 11_700)]
    assert books_of(first, "expenses:exchange") == {"USD": usd("4.50")}
    (open_,) = reading(conversions.open_positions)
    assert (open_.converted.decimal, open_.into.decimal, open_.payments) == ("157.50", "173.00", 2)


def test_h3_a_converted_charge_settles_in_the_currency_in_which_it_came_once():
    milestone = came(usd("115.50"))
    atomically(charges.settle, payment_id=payment_of(milestone).id)
    with nothing_moves():
        atomically(charges.settle, payment_id=payment_of(milestone).id)
    there = {
        place: reading(balance, make("stripe", "USD")).posted.decimal
        for place, make in (("pending", chart.gateway_pending), ("available", chart.gateway_available))
    }
    assert there == {"pending": "0.00", "available": "111.85"}


def test_h3_a_conversion_into_a_third_currency_waits_until_the_first_is_closed():
    milestone = came(usd("115.50"))
    back = give_back(milestone, Money.parse("50.00", "EUR"))
    with expect_refusal(AnotherConversionOpen):
        arrive(back, Money(5_000, "GBP"))


def test_h3_what_was_charged_in_its_own_currency_may_go_back_out_of_another():
    milestone = accepted("100.00", currency="EUR").milestones[0]
    payment = checkout(milestone.id)
    record(payment, answer(payment))
    arrive(give_back(milestone, milestone.price), usd("118.00"))
    # The euros are left, and the dollars are missing.
    assert position(milestone) == (-10_500, -11_800)
    (open_,) = reading(conversions.open_positions)
    assert (open_.converted.decimal, open_.into.decimal) == ("-105.00", "-118.00")


@pytest.mark.parametrize(
    ("rate", "kept"), [(1.1, "1.1"), (0.0067, "0.0067"), (6.7e-05, "0.000067"), (3.25, "3.25"), (None, None)]
)
def test_h3_a_rate_is_kept_with_the_digits_it_was_written_with(rate, kept):
    line = {
        "id": "txn_1",
        "amount": 11_550,
        "fee": 365,
        "currency": "usd",
        "exchange_rate": rate,
        "available_on": 0,
        "status": "pending",
    }
    charge = {"id": "ch_1", "amount_captured": 10_500, "currency": "eur", "balance_transaction": line}
    found = read_charge(charge)
    assert (found.amount, found.fee) == (Money(10_500, "EUR"), usd("3.65"))
    assert found.received == Converted(usd("115.50"), kept)
