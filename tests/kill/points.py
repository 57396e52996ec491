"""Every point of funding, release, transfer, refund and payout at which a process can die; a test records them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.kill.processes import Point


def _commit(name: str) -> list[Point]:
    return [("before_commit", name), ("committed", name)]


def _staged(begin: str, record: str) -> list[Point]:
    call: list[Point] = [("before_call", begin), ("after_call", begin)]
    return [*_commit(begin), *call, *_commit(record)]


def _done(kind: str) -> list[Point]:
    return [("before_done", kind)]


_COLLECT = _staged("escrow.funding.order_to_send", "escrow.funding.record_collected")
_PAY = _staged("escrow.funding.to_pay", "escrow.funding.record_paid")
_STOP = _staged("escrow.funding.checkout_to_stop", "escrow.funding.record_stopped")
_BEGUN = _commit("persistence.idempotency._begin_once")
_FINISHED = _commit("persistence.idempotency.finish")
_AT_ONCE = _commit("persistence.idempotency._act_once")
_CUSTOMER = "payments.customers.order_customer"
_TOLD = [*_commit("jobs.webhook_jobs.route"), *_done("handle_webhook")]

# Of the web process, while it answers a request.
REQUESTS: dict[str, list[Point]] = {
    "checkout": [
        *_BEGUN,
        *_staged(_CUSTOMER, "payments.customers.record_customer"),
        *_COLLECT,
        *_FINISHED,
    ],
    "confirm": [*_BEGUN, *_commit(_CUSTOMER), *_COLLECT, *_PAY, *_FINISHED],
    "give_up": [*_BEGUN, *_STOP, *_FINISHED],
    "submit": _AT_ONCE,
    "release": _AT_ONCE,
    "release_a_part": _AT_ONCE,
    "refund": _AT_ONCE,
    "settle_a_dispute": _AT_ONCE,
    "withdraw": _AT_ONCE,
}

# Of the relay and the worker, while they do what is due.
WORK: dict[str, list[Point]] = {
    "fund": [*_TOLD, *_commit("escrow.funding.record_payment"), *_done("refresh_payment")],
    "release_by_time": [*_commit("escrow.release.release_by_time"), *_done("release_by_time")],
    "transfer": [
        *_commit("payouts.transfers.order"),
        *_done("order_transfer"),
        *_staged("payouts.transfers.to_send", "payouts.transfers.record"),
        *_done("send_transfer"),
    ],
    "refund": [
        *_staged("payments.refunds.refund_to_send", "jobs.payments_jobs._record_refund"),
        *_done("send_refund"),
        *_commit("escrow.refunds.record_refund"),
        *_done("refresh_refund"),
    ],
    "pay_out": [
        *_staged("payouts.withdrawals.to_send", "payouts.withdrawals.record"),
        *_done("send_payout"),
    ],
    "hear_of_a_payout": [*_commit("payouts.progress.record_news"), *_done("refresh_payout")],
    "settle_a_charge": [*_commit("payments.charges.settle"), *_done("settle_charge")],
    "hear_of_an_account": [
        *_staged("payouts.account_news.account_to_ask_for", "jobs.payouts_jobs._record_account"),
        *_done("refresh_account"),
    ],
}


def deaths(passed: list[Point]) -> list[Point]:
    """The points to die at, one of each run of points between which nothing is written and nobody is called.

    To die when something was committed is to die before the next thing is, and so it is after a call.
    """
    *before, last = passed
    return [*(point for point in before if point[0] not in {"committed", "after_call"}), last]


# Of the relay, on the way from a release to the transfer.
RELAY: list[Point] = [
    *_commit("jobs.schedule.plan"),
    *_commit("persistence.outbox.fan_out"),
    *_commit("persistence.due.lease"),
    *_commit("persistence.due.take_up"),
    *_commit("persistence.due.complete"),
]

# Of whoever seals the books.
SEALER: list[Point] = [*_commit("ledger.sealing.seal_stretch"), *_done("seal_entries")]
