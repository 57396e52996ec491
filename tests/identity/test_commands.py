"""Staff are made by a command, by whoever runs the service, and in no other way."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from api.identity.commands import identity
from identity import accounts
from identity.permissions import Role
from identity.sessions import NotSignedIn, RefreshRefused, authenticate, refresh_session
from identity.sign_in import SignInRefused, admit, attempt, judge
from identity.tables import UserSession
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.identity.people import PASSWORD, try_to_sign_in

EMAIL = "boss@example.com"


@pytest.fixture
def types(database):
    """Types the command with these arguments, and this at the prompt."""
    return lambda *arguments, prompted=None: typed_in("create-staff", *arguments, prompted=prompted)


def typed_in(*arguments, prompted=None):
    app = Flask("command line")
    app.cli.add_command(identity)
    return app.test_cli_runner().invoke(args=["identity", *arguments], input=prompted)


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


def test_who_left_us_comes_in_no_more_on_whichever_device(types):
    user_id = types(*options()).output.split()[0]
    phone, desk = try_to_sign_in(email=EMAIL), try_to_sign_in(email=EMAIL)
    ended = typed_in("end-account", "--email", EMAIL.upper())
    assert (ended.exit_code, ended.output) == (0, f"{user_id} {EMAIL.upper()} has ended.\n")
    for device in (phone, desk):
        with expect_refusal(NotSignedIn):
            reading(authenticate, access_token=device.access_token)
        with expect_refusal(RefreshRefused):
            atomically(refresh_session, refresh_token=device.refresh_token)
    with pytest.raises(SignInRefused) as refused:
        try_to_sign_in(email=EMAIL)
    # In the words in which a wrong password is refused.
    assert refused.value.detail == "The e-mail or the password is wrong."
    # What they did stays under their name.
    assert reading(accounts.account, user_id).roles == (Role.FINANCE,)


def test_ending_an_account_twice_changes_nothing_more(types):
    assert types(*options()).exit_code == 0
    assert typed_in("end-account", "--email", EMAIL).exit_code == 0
    with nothing_moves():
        assert typed_in("end-account", "--email", EMAIL).exit_code == 0
        assert types(*options()).exit_code == 1


def test_who_signs_in_while_their_account_ends_is_not_let_in(types):
    assert types(*options()).exit_code == 0
    made = atomically(attempt, email=EMAIL, password=PASSWORD, address="203.0.113.1", user_agent="test")
    verdict = judge(made)
    assert verdict.right
    assert typed_in("end-account", "--email", EMAIL).exit_code == 0
    assert isinstance(atomically(admit, intent=made, outcome=verdict), SignInRefused)
    assert reading(lambda session: session.scalar(select(func.count(UserSession.id)))) == 0


def test_whoever_is_signed_out_everywhere_may_sign_in_again(types):
    user_id = types(*options()).output.split()[0]
    stolen, other = try_to_sign_in(email=EMAIL), try_to_sign_in(email=EMAIL)
    ended = typed_in("end-sessions", "--email", EMAIL)
    assert ended.output == f"{user_id} {EMAIL} is signed out on 2 devices.\n"
    for device in (stolen, other):
        with expect_refusal(RefreshRefused):
            atomically(refresh_session, refresh_token=device.refresh_token)
    again = try_to_sign_in(email=EMAIL)
    assert reading(authenticate, access_token=again.access_token).id == user_id


@pytest.mark.parametrize("command", ["end-account", "end-sessions"])
def test_nobody_is_ended_who_is_not_there(types, command):
    assert types(*options()).exit_code == 0
    with nothing_moves():
        typed = typed_in(command, "--email", "nobody@example.com")
        assert (typed.exit_code, typed.output) == (1, "Error: There is no account with this e-mail.\n")
