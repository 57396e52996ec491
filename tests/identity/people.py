"""People with accounts, made below the edges."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from identity import accounts, passwords
from identity.permissions import Role
from identity.sign_in import sign_in
from kernel.ids import new_id
from persistence.unit_of_work import atomically

if TYPE_CHECKING:
    from identity.sessions import SignedIn

PASSWORD = "a long and good one"
EMAIL = "ana@example.com"


@cache
def password_hash() -> str:
    """The same hash for everybody: it takes its time."""
    return passwords.hashed(PASSWORD)


def open_account(**changes: Any) -> str:
    """An account of Ana, a client, with these changes; returns its id."""
    user_id = new_id("us")
    wanted = {
        "user_id": user_id,
        "email": EMAIL,
        "password_hash": password_hash(),
        "name": "Ana",
        "country": "US",
        "locale": "en-US",
        "time_zone": "UTC",
        "roles": [Role.CLIENT],
    }
    atomically(accounts.open_account, **(wanted | changes))
    return user_id


def try_to_sign_in(
    *, email: str = EMAIL, password: str = PASSWORD, address: str = "203.0.113.1", user_agent: str = "test"
) -> SignedIn:
    """One attempt."""
    return sign_in(email=email, password=password, address=address, user_agent=user_agent)
