"""E-mail addresses: as people write them, and as one address is told from another."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from kernel.refusals import Invalid

_LONGEST = 254
# Plain ASCII, because the payment provider takes no others: whoever has one could never pay or be paid. A domain with
# other letters has a name without them (xn--…).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SHAPE = re.compile(
    rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z])(?=..){_LABEL}"
)


class EmailMalformed(Invalid):
    """What was given cannot be an e-mail address."""

    code = "email_malformed"


def written(email: str) -> str:
    """The address as the person wrote it, without the blanks around it."""
    text = email.strip()
    if len(text) > _LONGEST or not _SHAPE.fullmatch(text):
        raise EmailMalformed(
            "Write the e-mail address like name@example.com, in plain letters.", field="email"
        )
    return text


def key(email: str) -> str:
    """What two spellings of one address have in common; only for comparing, never for writing to."""
    return unicodedata.normalize("NFC", email.strip().casefold())


def digest(email: str) -> str:
    """The address as the count of attempts knows it."""
    return sha256(f"email:{key(email)}".encode()).hexdigest()
