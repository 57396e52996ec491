"""Who may do what, said once more and independently."""

from __future__ import annotations

import pytest

from identity.actors import SYSTEM, Actor
from identity.permissions import PERMISSIONS, SELF_CHOSEN, STAFF, Permission, Role


def test_every_role_has_its_permissions_and_every_permission_its_roles():
    assert set(PERMISSIONS) == set(Role)
    people = set().union(*(PERMISSIONS[role] for role in Role if role is not Role.SYSTEM))
    assert people == set(Permission)


def test_everybody_looks_after_their_own_account():
    assert all(Permission.MANAGE_OWN_ACCOUNT in PERMISSIONS[role] for role in Role)


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (Permission.FUND_MILESTONE, {Role.CLIENT}),
        (Permission.RELEASE_ESCROW, {Role.CLIENT}),
        (Permission.REQUEST_CHANGES, {Role.CLIENT}),
        (Permission.MANAGE_CARDS, {Role.CLIENT}),
        (Permission.SUBMIT_WORK, {Role.WORKER}),
        (Permission.WITHDRAW, {Role.WORKER}),
        (Permission.READ_LEDGER, {Role.FINANCE, Role.ADMIN}),
        (Permission.ADJUST_LEDGER, {Role.FINANCE}),
        (Permission.CLOSE_PERIODS, {Role.FINANCE}),
        (Permission.OPERATE, {Role.ADMIN}),
        (Permission.MEDIATE_DISPUTE, {Role.MEDIATOR}),
    ],
)
def test_what_moves_money_is_held_by_nobody_else(permission, roles):
    assert {role for role in Role if permission in PERMISSIONS[role]} - {Role.SYSTEM} == roles


def test_nobody_chooses_a_role_of_staff():
    assert {Role.CLIENT, Role.WORKER} == SELF_CHOSEN
    assert not SELF_CHOSEN & STAFF
    assert SELF_CHOSEN | STAFF | {Role.SYSTEM} == set(Role)


def test_a_person_may_what_any_of_their_roles_may():
    both = Actor("us_1", frozenset({Role.CLIENT, Role.WORKER}))
    assert both.may(Permission.FUND_MILESTONE)
    assert both.may(Permission.WITHDRAW)
    assert not both.may(Permission.READ_LEDGER)
    assert not Actor("us_2", frozenset()).may(Permission.MANAGE_OWN_ACCOUNT)


def test_staff_are_staff_and_the_system_is_not():
    assert Actor("us_1", frozenset({Role.SUPPORT})).is_staff
    assert not Actor("us_1", frozenset({Role.CLIENT})).is_staff
    assert not SYSTEM.is_staff
    assert all(SYSTEM.may(permission) for permission in Permission)
