"""Books with a little of everything in them, and the keys that their seals are signed with."""

from __future__ import annotations

from base64 import b64encode

from kernel.ids import new_id
from kernel.money import Money
from ledger import chart, movements
from ledger.entries import credit, debit
from ledger.posting import post_hold, reverse, void_hold
from ledger.seal_integrity import seal_breaches
from ledger.sealing import seal_stretch
from persistence.unit_of_work import atomically, examining
from runtime.signing import keyring, signing_key
from tests.ledger.words import STRIPE, funded, held, posted, released, usd


def key(letter):
    return signing_key(b64encode(letter * 32).decode())


KEY = key(b"k")
KEYS = keyring(KEY, [])


def seal(signer=KEY, **how):
    """Seal one stretch in a transaction of its own."""
    return atomically(seal_stretch, signer=signer, **how)


def breaches(trusted=KEYS, noted=None):
    """What does not fit in the seals."""
    return examining(
        lambda session: list(seal_breaches(session, trusted=trusted, read=lambda _: None, noted=noted))
    )


def rules(**how):
    """The rules that are broken, in the order in which they were found."""
    return [breach.rule for breach in breaches(**how)]


def a_little_of_everything():
    """Two currencies, holds in each state, a reversal and an adjustment, under two seals of 6 and 5 entries."""
    milestone, worker = new_id("ms"), new_id("us")
    posted(funded(milestone), key="funded")
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("3.35")), key="fee")
    posted(released(milestone, worker, gross="60.00", worker_fee="6.00"), key="released")
    posted(movements.tip_paid(STRIPE, worker, amount=Money(500, "JPY")), key="tip")
    sent, given_up = (
        held(movements.payout_reserved(worker, amount=usd("10.00")), key=f"hold {number}")
        for number in range(2)
    )
    assert seal().number == 1
    atomically(post_hold, sent.id, "payout_sent", key="sent", actor="system")
    atomically(void_hold, given_up.id, key="void", actor="system")
    wrong = posted(movements.tip_paid(STRIPE, worker, amount=usd("1.00")), key="wrong")
    atomically(reverse, wrong.id, key="reversed", actor="us_finance", reason="Not ours: \u20ac\U0001f600")
    lines = (
        debit(chart.goodwill("USD"), usd("2.00")),
        credit(chart.gateway_available(STRIPE, "USD"), usd("2.00")),
    )
    posted(
        movements.adjustment(*lines, approved_by="us_second"),
        key="adjusted",
        actor="us_first",
        reason="Given",
    )
    assert seal().number == 2
    assert seal() is None
