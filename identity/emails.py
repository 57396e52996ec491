"""E-mail addresses: as people write them, and as one address is told from another."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from kernel.refusals import Invalid

_LONGEST = 254
_SHAPE = re.compile(r"[^@\s\"(),:;<>\[\]\\]{1,64}@[^@\s\"(),:;<>\[\]\\]+\.[^@\s\"(),:;<>\[\]\\.]{2,63}")


class EmailMalformed(Invalid):
    """What was given cannot be an e-mail address."""

    code = "email_malformed"


def written(email: str) -> str:
    """The address as the person wrote it, without the blanks around it."""
    text = unicodedata.normalize("NFC", email.strip())
    # Folding can make it longer.
    if (
        len(key(text)) > _LONGEST
        or len(text) > _LONGEST
        or not text.isprintable()
        or not _SHAPE.fullmatch(text)
        or ".." in text
    ):
        raise EmailMalformed("Write the e-mail address like name@example.com.", field="email")
    return text


def key(email: str) -> str:
    """What two spellings of one address have in common; only for comparing, never for writing to."""
    return unicodedata.normalize("NFC", email.strip().casefold())


def digest(email: str) -> str:
    """The address as the count of attempts knows it."""
    return sha256(f"email:{key(email)}".encode()).hexdigest()
