"""Money is exact: what is parsed is what is written, and what is split adds up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from babel.numbers import get_currency_precision
from hypothesis import example, given
from hypothesis import strategies as st

from kernel.money import (
    EXPONENTS,
    LARGEST_MINOR,
    AmountMalformed,
    AmountNotMovable,
    CurrencyNotSupported,
    Money,
    movable,
    total,
)

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
MINOR = st.integers(-LARGEST_MINOR, LARGEST_MINOR)
OURS = st.builds(Money, st.integers(0, LARGEST_MINOR), CURRENCIES)
ANY = st.builds(Money, MINOR, CURRENCIES)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any)


def usd(amount):
    return Money.parse(amount, "USD")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "USD", 1250),
        ("12.5", "USD", 1250),
        ("12", "USD", 1200),
        ("0.01", "USD", 1),
        ("0", "USD", 0),
        ("-3.10", "EUR", -310),
        ("1250", "JPY", 1250),
        ("1.234", "KWD", 1234),
        ("1.2", "KWD", 1200),
        ("10000000000000.00", "USD", 10**15),
    ],
)
def test_a_plain_decimal_is_read_exactly(amount, currency, minor):
    assert Money.parse(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("", "USD"),
        (" 1", "USD"),
        ("1 ", "USD"),
        ("1\n", "USD"),
        ("+1", "USD"),
        ("--1", "USD"),
        ("01", "USD"),
        (".5", "USD"),
        ("5.", "USD"),
        ("1e3", "USD"),
        ("1,000.00", "USD"),
        ("1_000", "USD"),
        ("0x10", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("12.345", "USD"),
        ("12.0", "JPY"),
        ("1.2345", "KWD"),
        ("\u0661\u0662", "USD"),
        ("12.\uff15", "USD"),
        ("10000000000000.01", "USD"),
        ("99999999999999999999", "JPY"),
    ],
)
def test_what_is_not_a_plain_decimal_of_the_currency_is_refused(amount, currency):
    with pytest.raises(AmountMalformed) as refused:
        Money.parse(amount, currency)
    assert refused.value.field == "amount"


@pytest.mark.parametrize("currency", ["", "usd", "US", "XXX", "BTC", "USD "])
def test_a_currency_we_do_not_hold_is_refused(currency):
    with pytest.raises(CurrencyNotSupported) as refused:
        Money.parse("1", currency)
    assert refused.value.field == "currency"


@given(st.text(), CURRENCIES)
@example("12.50 ", "USD")
@example("1\u0660", "USD")
def test_any_text_is_either_read_as_decimal_would_or_refused(text, currency):
    try:
        read = Money.parse(text, currency)
    except AmountMalformed:
        return
    assert Decimal(text).scaleb(EXPONENTS[currency]) == read.amount_minor


@given(ANY)
@example(Money(-1, "USD"))
@example(Money(5, "KWD"))
@example(Money(0, "JPY"))
def test_what_is_written_is_read_back(money):
    assert Money.parse(money.decimal, money.currency) == money


@given(ANY)
def test_the_decimal_has_all_its_decimals_and_the_value_of_the_minor_units(money):
    written = Decimal(money.decimal)
    assert written.scaleb(money.exponent) == money.amount_minor
    assert -written.as_tuple().exponent == money.exponent


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_the_decimals_of_a_currency_are_those_of_iso_4217(currency):
    # babel takes them from CLDR, which is somebody else's list.
    assert EXPONENTS[currency] == get_currency_precision(currency)


@pytest.mark.parametrize("amount", [1.0, "1", Decimal(1), True, None])
def test_money_is_counted_in_whole_units_only(amount):
    with pytest.raises(AssertionError):
        Money(amount, "USD")


@given(OURS, WEIGHTS)
@example(Money(100, "USD"), [1, 1, 1])
@example(Money(1, "JPY"), [0, 0, 1])
@example(Money(0, "USD"), [3, 4])
def test_an_allocation_adds_up_and_nobody_is_a_unit_away_from_the_exact_share(money, weights):
    parts = money.allocate(weights)
    assert total(parts, money.currency) == money
    for part, weight in zip(parts, weights, strict=True):
        exact = Fraction(money.amount_minor * weight, sum(weights))
        assert abs(part.amount_minor - exact) < 1
        assert weight or not part


@given(OURS, WEIGHTS)
def test_the_odd_units_go_to_the_largest_remainders(money, weights):
    shares = [Fraction(money.amount_minor * weight, sum(weights)) for weight in weights]
    parts = [part.amount_minor for part in money.allocate(weights)]
    lucky = [share - part for share, part in zip(shares, parts, strict=True) if part > share]
    unlucky = [share % 1 for share, part in zip(shares, parts, strict=True) if part < share]
    assert all(1 + gained >= lost for gained in lucky for lost in unlucky)


@given(OURS, WEIGHTS, st.integers(1, 1000))
def test_only_the_proportion_of_the_weights_matters(money, weights, factor):
    assert money.allocate(weights) == money.allocate([weight * factor for weight in weights])


def test_the_earlier_of_equals_gets_the_odd_cent():
    assert usd("100.00").allocate([1, 1, 1]) == (usd("33.34"), usd("33.33"), usd("33.33"))
    assert usd("0.02").allocate([1, 1, 1]) == (usd("0.01"), usd("0.01"), usd("0.00"))


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [-1, 2]])
def test_there_must_be_somebody_to_share_with(weights):
    with pytest.raises(AssertionError):
        usd("1.00").allocate(weights)


def test_a_debt_is_not_shared_out():
    with pytest.raises(AssertionError):
        usd("-1.00").allocate([1])


@given(OURS, st.integers(0, 10_000))
def test_basis_points_are_the_exact_part_rounded_half_up_to_what_can_be_moved(money, rate):
    exact = Decimal(money.amount_minor * rate).scaleb(-4) / money.step
    assert money.basis_points(rate).amount_minor == exact.quantize(Decimal(1), ROUND_HALF_UP) * money.step


@given(OURS, st.integers(0, 10_000))
def test_a_fee_and_what_is_left_make_the_whole(money, rate):
    money = Money(money.amount_minor * money.step, money.currency)
    fee = movable(money.basis_points(rate), field="fee")
    assert Money.zero(money.currency) <= fee <= money
    assert fee + (money - fee) == money


@pytest.mark.parametrize(
    ("amount", "currency", "step"), [("0.01", "USD", 1), ("1", "JPY", 1), ("0.010", "KWD", 10)]
)
def test_an_amount_is_moved_in_steps(amount, currency, step):
    money = Money.parse(amount, currency)
    assert (money.step, movable(money, field="amount")) == (step, money)


@pytest.mark.parametrize("amount", ["0.001", "1.005", "-0.009"])
def test_an_amount_between_two_steps_is_refused(amount):
    with pytest.raises(AmountNotMovable) as caught:
        movable(Money.parse(amount, "KWD"), field="parts.0")
    assert caught.value.field == "parts.0"


@pytest.mark.parametrize(
    ("amount", "rate", "part"),
    [
        ("100.00", 500, "5.00"),
        ("0.10", 500, "0.01"),
        ("0.09", 500, "0.00"),
        ("33.33", 1000, "3.33"),
        ("1.00", 0, "0.00"),
    ],
)
def test_half_a_cent_is_rounded_up(amount, rate, part):
    assert usd(amount).basis_points(rate) == usd(part)


@given(ANY, MINOR, MINOR)
def test_adding_and_taking_away_is_that_of_integers(money, second, third):
    a, b, c = money, Money(second, money.currency), Money(third, money.currency)
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + b - b == a
    assert Money.zero(a.currency) - a == -a
    assert (a < b) == (a.amount_minor < b.amount_minor)
    assert bool(a) == (a != Money.zero(a.currency))


@given(st.lists(MINOR), CURRENCIES)
def test_a_total_is_the_sum_and_may_be_of_nothing(minor, currency):
    assert total([Money(one, currency) for one in minor], currency) == Money(sum(minor), currency)


def test_currencies_do_not_mix():
    for mix in (
        lambda: usd("1") + Money(1, "EUR"),
        lambda: usd("1") - Money(1, "EUR"),
        lambda: usd("1") < Money(1, "EUR"),
        lambda: total([usd("1")], "EUR"),
    ):
        with pytest.raises(AssertionError):
            mix()
    assert usd("1.00") != Money(100, "EUR")


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(1250, "USD"), "en_US", "$12.50"),
        (Money(123456789, "USD"), "en_US", "$1,234,567.89"),
        (Money(-1250, "USD"), "en_US", "-$12.50"),
        (Money(1250, "EUR"), "de_DE", "12,50\xa0€"),
        (Money(1250, "JPY"), "en_US", "¥1,250"),
        (Money(1234, "KWD"), "en_US", "KWD1.234"),
        # A float would have lost the last cent.
        (Money(999999999999999, "USD"), "en_US", "$9,999,999,999,999.99"),
    ],
)
def test_people_read_amounts_in_their_own_way(money, locale, text):
    assert money.format(locale) == text


@given(OURS)
def test_no_digit_is_lost_in_what_people_read(money):
    digits = "".join(letter for letter in money.format("en_US") if letter.isdigit())
    assert int(digits) == money.amount_minor


def test_an_amount_in_a_message_names_its_currency():
    assert str(usd("12.50")) == "12.50 USD"
