"""A receipt: what happened, as far as it is the reader's to know, and the parts of the entry that prove just that."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.receipts import words
from api.receipts.words import CLIENT, STAFF, WORKER, Place, Told
from escrow import queries
from identity.accounts import account
from kernel.refusals import NotFound
from ledger.leaves import HEAD, MOVED, SAID
from ledger.proofs import proof_of
from ledger.sealing import EVERY
from ledger.statements import find_entry
from persistence import clock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from escrow.views import MilestoneView
    from identity.accounts import AccountView
    from identity.actors import Actor
    from kernel.money import Money
    from ledger.entries import Posting
    from ledger.journal import PostedEntry
    from ledger.leaves import Part
    from ledger.proofs import Proof

FORMAT = "holdfast receipt 1"


class ReceiptNotFound(NotFound):
    """There is no such entry, or nothing in it is yours."""

    code = "receipt_not_found"


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One amount of the entry; `part` is the part of the proof that it stands in."""

    label: str
    amount: Money
    side: str
    account: str
    part: int


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody whose money it is."""

    role: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ShownPart:
    """One part of the entry: what it says with its salt, or only the hash of it."""

    digest: str | None = None
    salt: str | None = None
    kind: str | None = None
    content: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class ShownProof:
    """What proves that the entry is in the sealed books, without what is not the reader's to know."""

    parts: tuple[ShownPart, ...]
    position: int
    path: tuple[str, ...]
    seal: Mapping[str, str]
    signature: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What somebody keeps of one entry. `ask_again_at` is when it will have its proof, while it has none."""

    id: str
    issued_by: str
    issued_at: datetime
    seen_by: str
    title: str
    summary: str
    happened_at: datetime
    value_date: date
    reference: str
    about: str | None
    parties: tuple[Party, ...]
    lines: tuple[ReceiptLine, ...]
    ask_again_at: datetime | None
    proof: ShownProof | None
    key_id: str
    reader: AccountView
    signature: str = ""
    format: str = FORMAT


def receipt_of(session: Session, *, entry_id: str, by: Actor, issued_by: str, key_id: str) -> Receipt:
    """The receipt of an entry for `by`; refuses whoever has no part in it as if there were none."""
    entry = find_entry(session, entry_id)
    if entry is None:
        raise ReceiptNotFound("There is no receipt with this id among yours.")
    view = _View(session, entry, by)
    lines = view.lines()
    if not lines:
        raise ReceiptNotFound("There is no receipt with this id among yours.")
    proof, reader, now = proof_of(session, entry_id), account(session, by.id), clock.now(session)
    return Receipt(
        id=entry.id,
        issued_by=issued_by,
        issued_at=now,
        seen_by=view.side,
        title=view.told.title,
        summary=view.sentence(lines, reader.locale.replace("-", "_")),
        happened_at=entry.recorded_at,
        value_date=entry.value_date,
        reference=entry.reference,
        about=view.milestone.title if view.milestone else None,
        parties=view.parties(session),
        lines=lines,
        ask_again_at=None if proof else now + EVERY,
        proof=_shown(proof, view.side, lines) if proof else None,
        key_id=key_id,
        reader=reader,
    )


class _View:
    """An entry as one reader sees it."""

    def __init__(self, session: Session, entry: PostedEntry, by: Actor) -> None:
        self._entry, self._by = entry, by
        self._places = [words.place_of(line.account.code) for line in entry.postings]
        self.told: Told = words.told(entry.movement, entry.phase)
        self.milestone = self._milestone(session)
        self.side = self._side()

    def lines(self) -> tuple[ReceiptLine, ...]:
        """The lines that are the reader's to see, in the order in which the movement tells them."""
        order = {line.kind: number for number, line in enumerate(self.told.lines)}
        shown = [
            (order.get(place.kind, len(order)), self._line(number, posting, place))
            for number, (posting, place) in enumerate(zip(self._entry.postings, self._places, strict=True))
            if self._may_see(place)
        ]
        return tuple(line for _, line in sorted(shown, key=lambda each: each[0]))

    def sentence(self, lines: tuple[ReceiptLine, ...], locale: str) -> str:
        """What happened, in plain words."""
        about = f"\u201c{self.milestone.title}\u201d" if self.milestone else "your work"
        said = self.told.sentences.get(self.side, "An entry of {amount} for {about}, as our staff sees it.")
        return said.format(amount=lines[0].amount.format(locale), about=about)

    def parties(self, session: Session) -> tuple[Party, ...]:
        """Whose money it is."""
        people = (
            {CLIENT: self.milestone.client_id, WORKER: self.milestone.worker_id} if self.milestone else {}
        )
        persons = [place.person_id for place in self._places if self._may_see(place) and place.person_id]
        people |= {WORKER: persons[0]} if persons else {}
        return tuple(Party(role, who, account(session, who).name) for role, who in people.items())

    def _milestone(self, session: Session) -> MilestoneView | None:
        named = [place.milestone_id for place in self._places if place.milestone_id]
        if not named and self._entry.reference.startswith("ms_"):
            named = [self._entry.reference]
        try:
            return queries.milestone(session, milestone_id=named[0], by=self._by) if named else None
        except NotFound:
            return None

    def _side(self) -> str:
        if self._by.is_staff:
            return STAFF
        if self.milestone is not None and self._by.id == self.milestone.client_id:
            return CLIENT
        return WORKER

    def _may_see(self, place: Place) -> bool:
        if self.side == STAFF:
            return True
        line = self.told.line(place.kind)
        if line is None or self.side not in line.sides:
            return False
        # A line of one person is that person's; any other one belongs to the milestone, or to the rest of their entry.
        if place.person_id is not None:
            return place.person_id == self._by.id
        mine = any(other.person_id == self._by.id for other in self._places)
        return self.milestone is not None or mine

    def _line(self, number: int, posting: Posting, place: Place) -> ReceiptLine:
        said = self.told.line(place.kind)
        label = said.label if said is not None and self.side != STAFF else posting.account.code
        part = _FIRST_LINE + number
        return ReceiptLine(label, posting.amount, posting.side.value, posting.account.code, part)


# The lines come after the head, what was said, and what the ledger keeps for itself.
_FIRST_LINE = 3


def _shown(proof: Proof, side: str, lines: tuple[ReceiptLine, ...]) -> ShownProof:
    open_parts = {line.part for line in lines}
    return ShownProof(
        parts=tuple(
            _opened(part) if _is_open(part, number, side, open_parts) else ShownPart(digest=part.digest.hex())
            for number, part in enumerate(proof.parts)
        ),
        position=proof.position,
        path=tuple(node.hex() for node in proof.path),
        seal=proof.seal.stated,
        signature=b64encode(proof.seal.signature).decode("ascii"),
    )


def _is_open(part: Part, number: int, side: str, lines: set[int]) -> bool:
    if part.kind == MOVED:
        return number in lines
    return part.kind == HEAD or (part.kind == SAID and side == STAFF)


def _opened(part: Part) -> ShownPart:
    return ShownPart(salt=part.salt.hex(), kind=part.kind, content=part.fields)
