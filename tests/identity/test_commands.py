"""Staff are made by a command, by whoever runs the service, and in no other way."""

from __future__ import annotations

import pytest
from flask import Flask

from api.identity.commands import identity
from identity import accounts
from identity.permissions import Role
from identity.sign_in import SignInRefused
from persistence.unit_of_work import reading
from tests.books import nothing_moves
from tests.identity.people import PASSWORD, try_to_sign_in

EMAIL = "boss@example.com"


@pytest.fixture
def types(database):
    """Types the command with these arguments, and this at the prompt."""
    app = Flask("command line")
    app.cli.add_command(identity)

    def one(*arguments, prompted=None):
        return app.test_cli_runner().invoke(args=["identity", "create-staff", *arguments], input=prompted)

    return one


def options(**changes):
    given = {"email": EMAIL, "name": "The boss", "role": "finance", "password": PASSWORD} | changes
    return [part for name, value in given.items() if value is not None for part in (f"--{name}", value)]


def test_the_command_gives_somebody_an_account_they_can_use(types):
    typed = types(*options(), "--role", "admin")
    assert typed.exit_code == 0, typed.output
    user_id = typed.output.split()[0]
    assert reading(accounts.account, user_id).roles == (Role.ADMIN, Role.FINANCE)
    assert try_to_sign_in(email=EMAIL).session.user_agent == "test"


def test_the_password_is_asked_for_twice_and_not_shown(types):
    typed = types(*options(password=None), prompted=f"{PASSWORD}\n{PASSWORD}\n")
    assert typed.exit_code == 0, typed.output
    assert PASSWORD not in typed.output
    assert try_to_sign_in(email=EMAIL)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password": "short"}, "at least 12 characters"),
        ({"email": "nobody"}, "like name@example.com"),
        ({"role": "client"}, "Invalid value for '--role'"),
        ({"role": "system"}, "Invalid value for '--role'"),
        ({"role": None}, "Missing option '--role'"),
        ({"name": None}, "Missing option '--name'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(types, changes, says):
    with nothing_moves():
        typed = types(*options(**changes))
        assert typed.exit_code != 0
        assert says in typed.output
        assert "Traceback" not in typed.output


def test_a_second_account_for_one_address_is_refused(types):
    assert types(*options()).exit_code == 0
    with nothing_moves():
        again = types(*options(email=EMAIL.upper(), password="quite another password"))
        assert (again.exit_code, again.output) == (
            1,
            "Error: There is an account with this e-mail already.\n",
        )
    with pytest.raises(SignInRefused):
        try_to_sign_in(email=EMAIL, password="quite another password")
