"""How bodies are read and written: strictly, with money, instants and ids said in one way only."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC
from typing import TYPE_CHECKING, Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from kernel import ids
from kernel.money import EXPONENTS, Money
from kernel.refusals import Refusal
from kernel.time import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_CONTROLS_ALLOWED = "\n\t"
# They turn the direction of what follows, so that it reads as something else.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters by their kind, and nothing to be seen.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# The same for the document; text that is to be seen has more in it than the spaces it may begin with.
_UNPRINTABLE = r"\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069"
_SPACES = r"\t\n \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_UNSEEN = _SPACES + r"\u00ad\u115f\u1160\u200b-\u200f\u2060-\u2065\u2800\u3164\ufeff\uffa0"
_PRINTABLE = rf"^[^{_UNPRINTABLE}]*$"
_VISIBLE = rf"^[{_UNSEEN}]*[^{_UNSEEN}{_UNPRINTABLE}]" + _PRINTABLE[1:]
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class Strict(Schema):
    """The parent of every schema: a field nobody asked for is refused, not ignored."""

    class Meta:
        """Mass assignment ends here."""

        unknown = RAISE


class Edit(Strict):
    """The parent of what changes some fields and leaves the others as they are."""

    @validates_schema
    def _something(self, data: Mapping[str, Any], **_: object) -> None:
        if not data:
            raise ValidationError("Name at least one field to change.")


class Text(fields.String):
    """A line or paragraph by a person: trimmed, NFC, without controls, with something to see unless `least` is 0."""

    def __init__(self, *, most: int, least: int = 1, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own
        metadata = {"pattern": _VISIBLE if least else _PRINTABLE, **options.pop("metadata", {})}
        super().__init__(validate=validate.Length(min=least, max=most), metadata=metadata, **options)
        self._is_to_be_seen = least > 0

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:  # noqa: ANN401
        if not isinstance(value, str):
            raise self.make_error("invalid")
        text = unicodedata.normalize("NFC", value.strip())
        if any(_is_control(letter) for letter in text):
            raise ValidationError("Control characters are not allowed.")
        if text and self._is_to_be_seen and not any(_is_visible(letter) for letter in text):
            raise ValidationError("There is nothing to be seen in it.")
        return text


def _is_control(letter: str) -> bool:
    is_one = unicodedata.category(letter) == "Cc" and letter not in _CONTROLS_ALLOWED
    return is_one or letter in _TURNING


def _is_visible(letter: str) -> bool:
    # Letters, numbers, punctuation and symbols; not marks without what they stand on.
    return unicodedata.category(letter)[0] in "LNPS" and letter not in _BLANK


class StrictBoolean(fields.Boolean):
    """JSON's own true and false; not "yes", not 1."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:  # noqa: ANN401
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


def id_pattern(prefix: str) -> str:
    """What an id with this prefix looks like."""
    return f"^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"


class IdField(fields.String):
    """An id of ours with this prefix."""

    def __init__(self, prefix: str, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own
        super().__init__(metadata={"pattern": id_pattern(prefix), **options.pop("metadata", {})}, **options)
        self.prefix = prefix

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ANN401
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            ids.decode(self.prefix, text)
        except ids.IdUnknown:
            raise ValidationError(f"Not an id that begins with {self.prefix}_.") from None
        return text


class Instant(fields.AwareDateTime):
    """An instant, RFC 3339 with its zone; it goes out in UTC with microseconds."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:  # noqa: ANN401
        # The standard library reads more spellings than the interface promises, and years that no zone is left in.
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        instant: datetime = super()._deserialize(value, attr, data, **kwargs)
        try:
            return instant.astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from None

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:  # noqa: ANN401
        return None if value is None else rfc3339(value)


class MoneySchema(Strict):
    """An exact amount: decimals as text, so that no reader turns it into a float."""

    class Meta(Strict.Meta):
        """One name in the document for all amounts."""

    amount = fields.String(
        attribute="decimal",
        required=True,
        metadata={"pattern": r"^-?(0|[1-9]\d{0,15})(\.\d{1,6})?$", "example": "12.50"},
    )
    currency = fields.String(required=True, metadata={"enum": list(EXPONENTS), "example": "USD"})

    @post_load
    def _money(self, data: Mapping[str, str], **_: object) -> Money:
        try:
            return Money.parse(data["decimal"], data["currency"])
        except Refusal as refusal:
            raise ValidationError(refusal.detail, refusal.field or "amount") from None


class MoneyField(fields.Nested):
    """Money in, Money out; what comes in is more than nothing unless `zero` allows none."""

    def __init__(self, *, zero: bool = False, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own
        super().__init__(MoneySchema, **options)
        self._least = 0 if zero else 1

    def _deserialize(self, value: Any, *rest: Any, **kwargs: Any) -> Money:  # noqa: ANN401
        money: Money = super()._deserialize(value, *rest, **kwargs)
        if money.amount_minor < self._least:
            raise ValidationError(
                {"amount": ["Must be more than nothing." if self._least else "Must not be negative."]}
            )
        return money


class Problem(Strict):
    """Why the request was not carried out (RFC 9457). `code` is stable; `detail` is for a person."""

    type = fields.String(
        required=True, metadata={"description": "Where this code is explained.", "format": "uri-reference"}
    )
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable; decide by this."})
    request_id = fields.String(
        required=True, allow_none=True, metadata={"description": "What support asks for."}
    )
    field = fields.String(
        metadata={"description": "JSON pointer into the body, or the name of the header or parameter."}
    )
    errors = fields.List(fields.Nested("FieldProblem"), metadata={"description": "Every field at fault."})
    details = fields.Dict(keys=fields.String(), metadata={"description": "Further facts, by code."})


class FieldProblem(Strict):
    """What is wrong with one field."""

    field = fields.String(required=True)
    detail = fields.String(required=True)
