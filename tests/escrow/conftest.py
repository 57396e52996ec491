from __future__ import annotations

import pytest

from escrow import integrity as escrow_integrity
from ledger import integrity as ledger_integrity
from payments import integrity as payments_integrity
from persistence.unit_of_work import atomically, examining
from tests.escrow.story import enrol


@pytest.fixture(autouse=True)
def books(database):
    """Everybody has an account; and however the story went, the books are right at its end."""
    atomically(enrol)
    yield
    assert examining(ledger_integrity.verify) == []
    assert examining(payments_integrity.verify) == []
    assert examining(escrow_integrity.verify) == []
