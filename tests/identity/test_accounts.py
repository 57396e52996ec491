"""Accounts: one for each person, whatever the spelling and whoever comes at the same moment."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from identity import accounts
from identity.accounts import AccountNotFound, EditedMeanwhile, EmailTaken, RolesNotChosen
from identity.actors import Actor
from identity.emails import EmailMalformed
from identity.permissions import Role
from identity.places import CountryUnknown, LocaleUnknown, TimeZoneUnknown
from identity.tables import User
from kernel.ids import new_id
from persistence.tables import OutboxEvent
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal
from tests.identity.people import open_account, password_hash
from tests.threads import at_once, together


def test_an_account_is_what_was_said_of_it(database):
    user_id = open_account(
        email="Ana.Maria@Example.com",
        country="MX",
        locale="es-MX",
        time_zone="America/Mexico_City",
        roles=list(_BOTH),
    )
    view = reading(accounts.account, user_id)
    assert (view.email, view.country, view.locale, view.time_zone) == (
        "Ana.Maria@Example.com",
        "MX",
        "es-MX",
        "America/Mexico_City",
    )
    assert view.roles == (Role.CLIENT, Role.WORKER)
    assert view.version == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ana@example.com", "ANA@EXAMPLE.COM"),
        ("ana@example.com", " ana@example.com "),
        ("ana+jobs@mail.example.co.uk", "Ana+Jobs@Mail.Example.Co.UK"),
        ("o'brien@xn--bcher-kva.example", "O'Brien@XN--BCHER-KVA.example"),
    ],
)
def test_two_spellings_of_one_address_are_one_account(database, first, second):
    user_id = open_account(email=first)
    open_account(email=second, name="Somebody else")
    assert number_of_accounts() == 1
    assert reading(accounts.account, user_id).name == "Ana"
    # They are written to as they wrote themselves, not as somebody else did.
    assert reading(accounts.account, user_id).email == first


def test_registering_again_tells_the_owner_and_changes_nothing_else(database):
    user_id = open_account()
    before = reading(accounts.account, user_id)
    open_account(name="Somebody else", roles=[Role.WORKER])
    assert reading(accounts.account, user_id) == before
    assert told() == [("account.opened", user_id), ("account.registered_again", user_id)]


def test_sixteen_at_once_with_one_address_open_one_account(database):
    together(open_account, 16)
    assert number_of_accounts() == 1
    assert sorted(name for name, _ in told()) == ["account.opened"] + ["account.registered_again"] * 15


@pytest.mark.parametrize("roles", [[], [Role.ADMIN], [Role.SYSTEM], [Role.CLIENT, Role.SUPPORT]])
def test_nobody_registers_as_what_they_are_not(database, roles):
    with expect_refusal(RolesNotChosen):
        open_account(roles=roles)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ana",
        "@example.com",
        "ana@",
        "ana@example",
        "ana@@example.com",
        "ana@exa mple.com",
        "ana@example..com",
        "a@b.c",
        "ana\n@example.com",
        "ana@example.com\nBcc: all@example.com",
        "ana\u200b@example.com",
        "<ana@example.com>",
        "ana@example.com,bob@example.com",
        "x" * 65 + "@example.com",
        "a@" + "x" * 250 + ".com",
        "a@-.com",
        "a@-example.com",
        "a@example-.com",
        "a@exam_ple.com",
        "a@" + "x" * 64 + ".com",
        "a@192.0.2.1",
        "a@example.123",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "é@example.com",
        "a@é.com",
        "é@é.com",
        "größe@example.com",
        "\uff41@example.com",
    ],
)
def test_an_address_that_is_none_is_refused(database, email):
    with expect_refusal(EmailMalformed):
        open_account(email=email)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"country": "XX"}, CountryUnknown),
        ({"country": "EU"}, CountryUnknown),
        ({"country": "ZZ"}, CountryUnknown),
        ({"country": "us"}, CountryUnknown),
        ({"country": "001"}, CountryUnknown),
        ({"locale": "xx"}, LocaleUnknown),
        ({"locale": ""}, LocaleUnknown),
        ({"locale": "en_US"}, LocaleUnknown),
        ({"locale": "en-US.x@y\x07"}, LocaleUnknown),
        ({"time_zone": "Nowhere"}, TimeZoneUnknown),
        ({"time_zone": "america/new_york"}, TimeZoneUnknown),
    ],
)
def test_a_place_that_is_none_is_refused(database, change, refusal):
    with expect_refusal(refusal):
        open_account(**change)


def test_staff_are_made_by_whoever_runs_the_service(database):
    user_id = make_staff("boss@example.com", Role.FINANCE, Role.ADMIN)
    assert reading(accounts.account, user_id).roles == (Role.ADMIN, Role.FINANCE)


def test_staff_cannot_be_made_of_an_account_that_is_there(database):
    open_account()
    with expect_refusal(EmailTaken):
        make_staff("ANA@example.com", Role.ADMIN)


@pytest.mark.parametrize("roles", [(), (Role.CLIENT,), (Role.ADMIN, Role.WORKER), (Role.SYSTEM,)])
def test_staff_are_nothing_but_staff(database, roles):
    with expect_refusal(RolesNotChosen):
        make_staff("boss@example.com", *roles)


def test_a_person_is_found_by_id_and_role(database):
    user_id = open_account(roles=[Role.WORKER])
    assert reading(accounts.account_with_role, user_id, Role.WORKER).id == user_id
    assert reading(accounts.account_with_role, user_id, Role.CLIENT) is None
    assert reading(accounts.account_with_role, new_id("us"), Role.WORKER) is None


def test_nobody_is_found_for_new_work_whose_account_has_ended(database):
    user_id = open_account(roles=[Role.WORKER])
    assert atomically(accounts.end_account, email="ana@example.com") == user_id
    assert reading(accounts.account_with_role, user_id, Role.WORKER) is None
    assert reading(accounts.account, user_id).name == "Ana"


def test_an_id_of_nobody_is_refused(database):
    with expect_refusal(AccountNotFound):
        reading(accounts.account, new_id("us"))


def test_of_two_edits_of_one_version_one_is_refused(database):
    by = Actor(open_account(), frozenset({Role.CLIENT}))
    names = ["Ana Uno", "Ana Dos"]
    results = at_once(*[_edit(by, name) for name in names])
    refused = [result for result in results if isinstance(result, EditedMeanwhile)]
    kept = [result for result in results if not isinstance(result, Exception)]
    assert (len(refused), len(kept)) == (1, 1)
    assert reading(accounts.account, by.id) == kept[0]
    assert kept[0].version == 2


def test_an_edit_changes_what_it_names_and_nothing_else(database):
    by = Actor(open_account(), frozenset({Role.CLIENT}))
    before = reading(accounts.account, by.id)
    atomically(accounts.edit_account, by=by, expected_version=1, time_zone="Europe/Berlin")
    after = reading(accounts.account, by.id)
    assert (after.time_zone, after.version) == ("Europe/Berlin", 2)
    assert (after.name, after.locale, after.country, after.email) == (
        before.name,
        before.locale,
        before.country,
        before.email,
    )


_BOTH = (Role.WORKER, Role.CLIENT)


def _edit(by, name):
    return lambda: atomically(accounts.edit_account, by=by, expected_version=1, name=name)


def make_staff(email, *roles):
    user_id = new_id("us")
    atomically(
        accounts.create_staff,
        user_id=user_id,
        email=email,
        password_hash=password_hash(),
        name="One of us",
        roles=roles,
    )
    return user_id


def number_of_accounts():
    return reading(lambda session: session.scalar(select(func.count(User.id))))


def told():
    statement = select(OutboxEvent.name, OutboxEvent.subject).order_by(OutboxEvent.id)
    return [tuple(row) for row in reading(lambda session: session.execute(statement).all())]
