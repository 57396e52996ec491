"""What is sent and shown of accounts and sessions."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas import Edit, IdField, Instant, Strict, Text
from identity.passwords import LONGEST, SHORTEST
from identity.permissions import SELF_CHOSEN, Role

_EMAIL = "Compared without regard to capitals."
_LOCALE = {"example": "en-US", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"}
_TIME_ZONE = {"example": "America/New_York", "pattern": "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"}


class RegistrationSchema(Strict):
    """Somebody who wants an account."""

    email = fields.String(
        required=True,
        validate=validate.Length(3, 254),
        metadata={"description": _EMAIL, "format": "email"},
    )
    password = fields.String(
        required=True,
        validate=validate.Length(1, 1024),
        metadata={
            "description": f"{SHORTEST} to {LONGEST} characters, not among the commonest.",
            "format": "password",
        },
    )
    name = Text(required=True, most=120)
    country = fields.String(
        required=True, validate=validate.Length(2, 2), metadata={"example": "US", "pattern": "^[A-Z]{2}$"}
    )
    locale = fields.String(load_default="en-US", validate=validate.Length(2, 35), metadata=_LOCALE)
    time_zone = fields.String(load_default="UTC", validate=validate.Length(1, 64), metadata=_TIME_ZONE)
    roles = fields.List(
        fields.String(validate=validate.OneOf(sorted(SELF_CHOSEN))),
        required=True,
        validate=validate.Length(1, len(SELF_CHOSEN)),
        metadata={"description": "Hires (client), is hired (worker), or both."},
    )


class RegisteredSchema(Strict):
    """The same for everybody, whether or not the e-mail had an account."""

    message = fields.String(required=True)


class CredentialsSchema(Strict):
    """Who somebody says they are."""

    # Any text: what is no address belongs to nobody, and is refused like a wrong password.
    email = fields.String(required=True, validate=validate.Length(1, 254), metadata={"description": _EMAIL})
    password = fields.String(
        required=True, validate=validate.Length(1, 1024), metadata={"format": "password"}
    )


class RefreshSchema(Strict):
    """The right to new tokens; each refresh token is good once."""

    refresh_token = fields.String(
        required=True, validate=validate.Length(1, 256), metadata={"format": "password"}
    )


class SessionSchema(Strict):
    """A device signed in."""

    id = IdField("se", required=True)
    user_agent = fields.String(required=True, metadata={"description": "What the device said it was."})
    created_at = Instant(required=True)
    last_used_at = Instant(required=True, metadata={"description": "To the quarter of an hour."})
    expires_at = Instant(required=True, metadata={"description": "Unless it is refreshed before."})


class SignedInSchema(Strict):
    """A session with its tokens, which are shown this once."""

    session = fields.Nested(SessionSchema, required=True)
    token_type = fields.Constant("Bearer", required=True)
    access_token = fields.String(required=True, metadata={"description": "For the Authorization header."})
    access_expires_at = Instant(required=True)
    refresh_token = fields.String(required=True, metadata={"description": "For new tokens, once."})


class AccountSchema(Strict):
    """A person as they see themselves."""

    id = IdField("us", required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    country = fields.String(required=True)
    locale = fields.String(required=True)
    time_zone = fields.String(required=True)
    roles = fields.List(fields.Enum(Role, by_value=fields.String), required=True)
    created_at = Instant(required=True)


class AccountEditSchema(Edit):
    """What people change about themselves; what is left out stays."""

    name = Text(most=120)
    locale = fields.String(validate=validate.Length(2, 35), metadata=_LOCALE)
    time_zone = fields.String(validate=validate.Length(1, 64), metadata=_TIME_ZONE)
