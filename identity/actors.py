"""Whoever does something: a person with roles, or Holdfast itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from identity.permissions import PERMISSIONS, STAFF, Role

if TYPE_CHECKING:
    from identity.permissions import Permission


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (or the system) as far as an operation needs to know them."""

    id: str
    roles: frozenset[Role]
    session_id: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether any of the roles holds the permission."""
        return any(permission in PERMISSIONS[role] for role in self.roles)

    @property
    def is_staff(self) -> bool:
        """Whether this is one of our own people."""
        return not STAFF.isdisjoint(self.roles)


SYSTEM = Actor("system", frozenset({Role.SYSTEM}))
