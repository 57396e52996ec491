"""Which passwords are good enough, and how they are compared."""

from __future__ import annotations

import unicodedata

import pytest
from argon2 import PasswordHasher

from identity import passwords
from identity.passwords import PasswordTooWeak
from tests.threads import together

EMAIL = "ana.maria@example.com"


@pytest.mark.parametrize(
    "password",
    [
        "",
        "elevenchars",
        "x" * 129,
        "ana.maria@example.com",
        "ANA.MARIA@EXAMPLE.COM",
        "password1234",
        "PassWord1234",
        "123456789012",
        "qwertyuiopasdfghjkl",
        "correct horse battery staple",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "111111222222",
    ],
)
def test_a_password_that_would_be_guessed_is_refused(password):
    with pytest.raises(PasswordTooWeak) as refused:
        passwords.accept(password, email=EMAIL)
    assert refused.value.field == "password"
    assert password not in refused.value.detail or not password


@pytest.mark.parametrize(
    "password",
    ["twelve chars", "x1y2" * 32, "пароль из слов", "密码密码从文字里来的长密码", "  spaces at both ends  "],
)
def test_a_good_password_is_taken_as_it_is(password):
    assert passwords.accept(password, email=EMAIL) == password
    assert passwords.matches(passwords.hashed(password), password)


def test_the_local_part_alone_is_the_address_too():
    with pytest.raises(PasswordTooWeak):
        passwords.accept("a.long.local.part", email="a.long.local.part@example.com")


def test_a_password_typed_on_another_keyboard_is_the_same():
    composed, decomposed = (unicodedata.normalize(form, "contraseña größer") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert passwords.matches(passwords.hashed(composed), decomposed)
    assert passwords.matches(passwords.hashed(decomposed), composed)


def test_only_the_password_itself_matches():
    kept = passwords.hashed("a long and good one")
    assert not passwords.matches(kept, "a long and good onE")
    assert not passwords.matches(kept, "a long and good one ")
    assert not passwords.matches(None, "a long and good one")
    assert not passwords.matches(None, "the password of nobody")


def test_what_is_kept_has_its_own_salt_and_the_parameters_of_today():
    first, second = (passwords.hashed("a long and good one") for _ in range(2))
    assert first != second
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not passwords.is_outdated(first)
    assert passwords.is_outdated(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))


def test_many_at_once_wait_their_turn():
    assert together(lambda: passwords.matches(None, "x"), 12) == [False] * 12
