"""What is asked all the time is answered by an index, and the page in docs/ says by which."""

from __future__ import annotations

import pytest

from tests.ledger import plans

pytestmark = pytest.mark.mariadb

# Sixty-four rows, of which the first free one is taken.
_MEANT = {"ledger_lanes"}


def scans(found):
    return [step for step in found if step.read in plans.SCANS and step.table not in _MEANT]


def test_no_hot_question_reads_a_table_from_end_to_end(database):
    plans.fill()
    found = list(plans.steps())
    assert len({step.act for step in found}) > 12
    assert scans(found) == []
    assert plans.as_markdown(found) == plans.DOCUMENT.read_text(), (
        "python -m tests.ledger.plans writes it anew"
    )


def test_a_planted_scan_is_found(database):
    plans.fill()
    planted = list(plans.explained("planted", "SELECT id FROM ledger_entries WHERE actor = 'nobody'"))
    assert [step.table for step in scans(planted)] == ["ledger_entries"]
