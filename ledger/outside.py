"""What the books say happened at the gateways: every entry that moved money there, as others may query it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import String, case, func, literal, select

from ledger.balances import nets_as_of
from ledger.entries import Phase
from ledger.tables import BY_ENTRY, accounts, entries, postings

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

# How accounts begin that are told apart from what is held for others.
RECEIVABLE = "assets:receivable"
SUSPENSE = "liabilities:suspense:"

_AT_GATEWAY = "assets:gateway:"
_MOVED = (Phase.POSTED.value, Phase.POST_PENDING.value)
# What carries in its reference what it is about; all others begin their key with it.
_BY_REFERENCE = ("adjustment", "gateway_billed", "unexplained_line")


class Place(NamedTuple):
    """Where in the journal somebody has read to."""

    recorded_at: datetime
    entry_id: str


def place_after(session: Session, after: Place | None, *, until: datetime, count: int) -> Place | None:
    """The place `count` entries on, or at the last one recorded by `until`; None where there is none."""
    rows = session.execute(
        select(entries.c.recorded_at, entries.c.id)
        .where(*_between(after, None, until))
        .order_by(entries.c.recorded_at, entries.c.id)
        .limit(count)
    ).all()
    return Place(*rows[-1]) if rows else None


def moved_outside(gateway: str, *, after: Place | None, upto: Place) -> Select[Any]:
    """Of the entries between two places: entry, what it is about, whose account there, currency, and how much came in.

    `about` is the first part of the key (`py_…` of `py_…:funded`), with `:fee` for what the gateway kept of a charge;
    `worker` is empty for our own account. What only moves between two accounts of ours there is not outside.
    """
    prefix = f"{_AT_GATEWAY}{gateway}:"
    connected = f"{prefix}connected:"
    wrong = entries.alias("wrong")
    movement = func.coalesce(wrong.c.movement, entries.c.movement)
    key = func.coalesce(wrong.c.idempotency_key, entries.c.idempotency_key)
    begin = func.substr(key, 1, func.instr(key, ":") - 1, type_=String)
    about = case(
        (movement.in_(_BY_REFERENCE), func.coalesce(wrong.c.reference, entries.c.reference)),
        (movement == "gateway_fee_charged", begin + ":fee"),
        (func.instr(key, ":") == 0, key),
        else_=begin,
    )
    worker = case(
        (accounts.c.code.startswith(connected), func.substr(accounts.c.code, len(connected) + 1)),
        else_=literal(""),
    )
    signed = case((postings.c.side == "debit", postings.c.amount_minor), else_=-postings.c.amount_minor)
    return (
        select(
            entries.c.id.label("entry_id"),
            about.label("about"),
            worker.label("worker"),
            accounts.c.currency.label("currency"),
            func.sum(signed).label("minor"),
            movement.label("moved_as"),
            entries.c.recorded_at.label("recorded_at"),
        )
        .select_from(entries)
        .join(postings, postings.c.entry_id == entries.c.id)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .outerjoin(wrong, wrong.c.id == entries.c.reverses_id)
        .where(
            *_between(after, upto, None),
            entries.c.phase.in_(_MOVED),
            accounts.c.code.startswith(prefix, autoescape=True),
        )
        .group_by(entries.c.id, "about", "worker", accounts.c.currency, "moved_as", entries.c.recorded_at)
        .having(func.sum(signed) != 0)
        # Of all entries it is these few, so their lines are looked up, and not those of the gateway's accounts.
        .prefix_with("STRAIGHT_JOIN", dialect="mysql")
        .prefix_with("STRAIGHT_JOIN", dialect="mariadb")
        .with_hint(postings, BY_ENTRY, "mysql")
        .with_hint(postings, BY_ENTRY, "mariadb")
    )


def held_as_of(session: Session, at: datetime) -> dict[tuple[str, str], int]:
    """What is held for others, and what is owed to us, at an instant: by kind of account and currency, minor units."""
    kinds = accounts.c.code.startswith("liabilities:") | accounts.c.code.startswith(f"{RECEIVABLE}:")
    held: defaultdict[tuple[str, str], int] = defaultdict(int)
    for code, currency, shared, net in nets_as_of(session, at, kinds):
        # Credits are what we owe; a receivable is owed to us.
        kind = code if shared else code.rpartition(":")[0]
        held[kind, currency] += net if code.startswith("assets:") else -net
    return dict(held)


def booked_by_line(session: Session) -> dict[tuple[str, str], int]:
    """What unexplained lines have brought to each account, by code and currency, in minor units."""
    signed = case((postings.c.side == "debit", postings.c.amount_minor), else_=-postings.c.amount_minor)
    rows = session.execute(
        select(accounts.c.code, accounts.c.currency, func.sum(signed))
        .select_from(entries)
        .join(postings, postings.c.entry_id == entries.c.id)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .where(entries.c.movement == "unexplained_line", accounts.c.code.startswith(_AT_GATEWAY))
        .group_by(accounts.c.code, accounts.c.currency)
    )
    return {(code, currency): int(minor) for code, currency, minor in rows}


def _between(after: Place | None, upto: Place | None, until: datetime | None) -> list[ColumnElement[bool]]:
    recorded, entry = entries.c.recorded_at, entries.c.id
    found = []
    if after is not None:
        # Twice, so that the index is used from where it begins.
        found += [recorded >= after.recorded_at, (recorded > after.recorded_at) | (entry > after.entry_id)]
    if upto is not None:
        found += [recorded <= upto.recorded_at, (recorded < upto.recorded_at) | (entry <= upto.entry_id)]
    if until is not None:
        found.append(recorded <= until)
    return found
