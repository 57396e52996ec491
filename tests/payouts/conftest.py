from __future__ import annotations

import pytest

from persistence.unit_of_work import atomically, examining
from runtime import books as all_books
from tests.escrow.story import enrol


@pytest.fixture(autouse=True)
def books(database):
    """Everybody has an account; and however the story went, the books are right at its end."""
    atomically(enrol)
    yield
    assert examining(all_books.verify) == []
