"""Passwords: which are good enough, how they are kept and how they are compared."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from identity import emails
from kernel.refusals import Invalid, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Result = TypeVar("Result")

SHORTEST, LONGEST = 12, 128
_FEWEST_LETTERS = 4

# OWASP's choice for interactive sign-in: about 20 ms, and 19 MiB that an attacker's hardware needs as well.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# Hashes at once in this process; each takes 19 MiB, so that many sign-ins at the same time cannot take them all.
_ROOM = BoundedSemaphore(4)
_WAIT_SECONDS = 5

_COMMON = Path(__file__).with_name("common_passwords.txt")


class PasswordTooWeak(Invalid):
    """The password is too short, too long, among the commonest, or the e-mail address itself."""

    code = "password_too_weak"


class SignInsBusy(Unavailable):
    """More people sign in at this moment than this process has memory for."""

    code = "sign_ins_busy"


def accept(password: str, *, email: str) -> str:
    """The password in the form it is hashed in; refuses one that would be guessed."""
    text = _normal(password)
    if len(text) < SHORTEST:
        raise PasswordTooWeak(f"Choose a password of at least {SHORTEST} characters.", field="password")
    if len(text) > LONGEST:
        raise PasswordTooWeak(f"Choose a password of at most {LONGEST} characters.", field="password")
    folded = text.casefold()
    if folded in {emails.key(email), emails.key(email).partition("@")[0]}:
        raise PasswordTooWeak("Choose a password that is not your e-mail address.", field="password")
    if folded in _commonest() or len(set(folded)) < _FEWEST_LETTERS:
        raise PasswordTooWeak(
            "This password is among the first that are guessed. Choose another.", field="password"
        )
    return text


def hashed(password: str) -> str:
    """What is kept of a password; takes its time, so nothing may be locked meanwhile."""
    return _in_turn(lambda: _HASHER.hash(_normal(password)))


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the one kept; no kept one at all takes just as long and matches nothing."""
    # Made in either case, or the first stranger after a start would wait longer than anybody else.
    nobodys = _nobodys()
    try:
        _in_turn(lambda: _HASHER.verify(kept or nobodys, _normal(password)))
    except VerificationError:
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def _in_turn(work: Callable[[], Result]) -> Result:
    if not _ROOM.acquire(timeout=_WAIT_SECONDS):
        raise SignInsBusy(
            "Many people are signing in right now. Please try again in a moment.", retry_after_seconds=2
        )
    try:
        return work()
    finally:
        _ROOM.release()


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")


@cache
def _commonest() -> frozenset[str]:
    return frozenset(line for line in _COMMON.read_text(encoding="utf-8").splitlines() if line)
