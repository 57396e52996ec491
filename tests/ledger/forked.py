"""Posts, forks, and posts on both sides of the fork; run as a program, with the database and a worker."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from kernel.ids import new_id
from kernel.money import Money
from ledger import movements
from ledger.posting import draft
from ledger.together import post_together
from persistence import unit_of_work
from persistence.engine import Database

URL, WORKER = sys.argv[1:]


def tip() -> None:
    """One more dollar."""
    entry = movements.tip_paid("stripe", WORKER, amount=Money(100, "USD"))
    post_together(draft(entry, reference="ms_reference", actor="system", key=new_id("key")))


database = Database.connect(URL)
unit_of_work.bind(database)
tip()
child = os.fork()
if child == 0:
    # The parent's connections are the parent's.
    database.engine.dispose(close=False)
    tip()
    os._exit(0)
_, status = os.waitpid(child, 0)
tip()
sys.exit(status)
