"""Every resource of the interface, in the order in which the document shows them; a new one adds its line."""

from __future__ import annotations

from api.identity.routes import blueprint as identity

RESOURCES = (identity,)
