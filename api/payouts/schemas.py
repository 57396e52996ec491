"""Bodies of payout accounts, wallets, withdrawals and transfers."""

from __future__ import annotations

from marshmallow import fields, validate

from api.paging import AboutQuery
from api.schemas import IdField, Instant, MoneyField, Strict, StrictBoolean
from gateways.contract import AccountState, PayoutMethod
from kernel.money import EXPONENTS
from payouts.instant import WHY_NOT
from payouts.schedules import INTERVALS, REQUESTED, WEEKDAYS, WHY_NOTHING
from payouts.states import LEFT, PAYOUT, TRANSFER
from payouts.views import NO_ACCOUNT

_ACCOUNT_STATES = [NO_ACCOUNT, *(state.value for state in AccountState), LEFT]
_METHODS = [method.value for method in PayoutMethod]
_WHOSE = {"description": "Whose it is; only staff may ask for anybody but themselves."}


class OnboardingLinkSchema(Strict):
    """A page of the payment provider's on which the worker completes their account; opens once, soon."""

    url = fields.String(required=True, metadata={"format": "uri"})
    expires_at = Instant(required=True)


class OnboardingEndSchema(Strict):
    """What a worker reads who comes back from the payment provider's page in a browser."""

    message = fields.String(required=True)


class AccountSessionSchema(Strict):
    """What the payment provider's components take to show the account in the app."""

    client_secret = fields.String(required=True)
    expires_at = Instant(required=True, allow_none=True)
    publishable_key = fields.String(required=True)


class MissingSchema(Strict):
    """One thing the account lacks: the provider's code, and what it means."""

    code = fields.String(required=True)
    text = fields.String(required=True)


class NextStepSchema(Strict):
    """The one thing to do next."""

    action = fields.String(
        required=True, metadata={"enum": ["open_onboarding", "contact_support", "wait", "none"]}
    )
    text = fields.String(required=True)


class PayoutAccountSchema(Strict):
    """Whether a worker can be paid, what is missing for it, and what to do next."""

    user_id = IdField("us", required=True)
    gateway = fields.String(required=True)
    gateway_id = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, metadata={"enum": _ACCOUNT_STATES})
    can_receive_transfers = StrictBoolean(required=True)
    can_be_paid_out = StrictBoolean(required=True)
    missing = fields.List(fields.Nested(MissingSchema), required=True)
    disabled_reason = fields.String(required=True, allow_none=True)
    bank_name = fields.String(required=True, allow_none=True)
    bank_last4 = fields.String(required=True, allow_none=True)
    next_step = fields.Nested(NextStepSchema, required=True)


class WhoseQuery(Strict):
    """Whose account or wallet; one's own when nobody is named."""

    worker_id = IdField("us", metadata=_WHOSE)


class WaitingSchema(Strict):
    """Money that cannot be withdrawn yet: why, and from when it can, where that is known."""

    amount = MoneyField(required=True)
    reason = fields.String(required=True)
    available_at = Instant(required=True, allow_none=True)
    milestone_id = IdField("ms", required=True, allow_none=True)


class InstantOfferSchema(Strict):
    """Whether an instant withdrawal is possible, up to how much, and for what fee; or why not. Standard is free."""

    possible = StrictBoolean(required=True)
    at_most = MoneyField(required=True, metadata={"description": "The most that could arrive instantly now."})
    fee = MoneyField(
        required=True,
        metadata={"description": "What that would cost on top; the least fee while nothing is possible."},
    )
    reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"enum": ["account_not_ready", *WHY_NOT], "description": "Why not, as a code."},
    )
    why_not = fields.String(
        required=True, allow_none=True, metadata={"description": "Why not, in plain words."}
    )


class NoticeSchema(Strict):
    """Something that stands in the way of a withdrawal, with what ends it."""

    code = fields.String(
        required=True,
        metadata={
            "enum": [
                "account_not_ready",
                "account_closed",
                "left_at_closed_account",
                "negative_balance",
                "below_minimum",
            ]
        },
    )
    text = fields.String(required=True)


class WalletBalanceSchema(Strict):
    """A wallet in one currency: balance = available + pending + reserved; `in_transit` has left it for the bank."""

    currency = fields.String(required=True)
    balance = MoneyField(required=True)
    available = MoneyField(required=True, metadata={"description": "Can be withdrawn now."})
    pending = MoneyField(
        required=True, metadata={"description": "Cannot be withdrawn yet; `waiting` says why."}
    )
    reserved = MoneyField(required=True, metadata={"description": "Held back for withdrawals not yet sent."})
    in_transit = MoneyField(required=True)
    next_available_at = Instant(required=True, allow_none=True)
    waiting = fields.List(fields.Nested(WaitingSchema), required=True)
    minimum = MoneyField(required=True, metadata={"description": "Less than this is paid to no bank."})
    instant = fields.Nested(InstantOfferSchema, required=True)
    notices = fields.List(
        fields.Nested(NoticeSchema),
        required=True,
        metadata={"description": "What stands in the way of a withdrawal; empty when nothing does."},
    )


class ScheduleRunSchema(Strict):
    """What the schedule did the last time in one currency, or in plain words why it did nothing."""

    period = fields.String(required=True, metadata={"format": "date"})
    currency = fields.String(required=True)
    outcome = fields.String(required=True, metadata={"enum": [REQUESTED, *WHY_NOTHING]})
    amount = MoneyField(required=True)
    reason = fields.String(required=True)
    payout_id = IdField("po", required=True, allow_none=True)
    ran_at = Instant(required=True)


class PayoutScheduleSchema(Strict):
    """When the worker is paid without asking: all that is available, as a standard withdrawal."""

    id = IdField("ps", required=True, allow_none=True)
    interval = fields.String(required=True, metadata={"enum": INTERVALS})
    weekday = fields.String(required=True, allow_none=True, metadata={"enum": [*WEEKDAYS, None]})
    minimum = MoneyField(required=True, allow_none=True)
    next_at = Instant(required=True, allow_none=True)
    last = fields.List(fields.Nested(ScheduleRunSchema), required=True)


class ScheduleOrderSchema(Strict):
    """When to be paid: only on demand, daily, or weekly on a day; and how much at least."""

    interval = fields.String(required=True, validate=validate.OneOf(INTERVALS))
    weekday = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(WEEKDAYS))
    minimum = MoneyField()


class WalletSchema(Strict):
    """A worker's wallet in every currency that was ever in it, and when it is paid out by itself."""

    user_id = IdField("us", required=True)
    balances = fields.List(fields.Nested(WalletBalanceSchema), required=True)
    schedule = fields.Nested(PayoutScheduleSchema, required=True)


class HistoryLineSchema(Strict):
    """One line of the wallet: `change` came in or went out, `balance` was there after it."""

    entry_id = IdField("en", required=True)
    kind = fields.String(required=True)
    at = Instant(required=True)
    reason = fields.String(required=True, metadata={"description": "In plain words, for the worker."})
    amount = MoneyField(required=True)
    change = MoneyField(required=True)
    balance = MoneyField(required=True)
    available = MoneyField(required=True)
    milestone_id = IdField("ms", required=True, allow_none=True)
    milestone_title = fields.String(required=True, allow_none=True)
    payout_id = IdField("po", required=True, allow_none=True)
    gross = MoneyField(required=True, allow_none=True)
    fee = MoneyField(required=True, allow_none=True)
    bank_last4 = fields.String(required=True, allow_none=True)


class PayoutOrderSchema(Strict):
    """How much to withdraw to the bank account, and how fast."""

    amount = MoneyField(required=True)
    method = fields.String(
        load_default=PayoutMethod.STANDARD.value,
        validate=validate.OneOf(_METHODS),
        metadata={"description": "`standard` is free; `instant` costs a fee on top of the amount."},
    )


class PartSchema(Strict):
    """How much of the payout, and of its fee, came out of one milestone."""

    transfer_id = IdField("tr", required=True)
    milestone_id = IdField("ms", required=True)
    amount = MoneyField(required=True)
    fee = MoneyField(required=True, metadata={"description": "How much of its fee."})


class PayoutSchema(Strict):
    """A withdrawal: where it goes, how far it is, and of which milestones' money it is made."""

    id = IdField("po", required=True)
    worker_id = IdField("us", required=True)
    gateway = fields.String(required=True)
    gateway_id = fields.String(required=True, allow_none=True)
    amount = MoneyField(required=True)
    method = fields.String(
        required=True, metadata={"enum": _METHODS, "description": "How fast it goes to the bank."}
    )
    fee = MoneyField(
        required=True,
        metadata={"description": "Our fee, on top of the amount; given back unless the bank has been paid."},
    )
    by_schedule = StrictBoolean(
        required=True, metadata={"description": "Whether the worker's schedule asked for it."}
    )
    total = MoneyField(required=True, metadata={"description": "What leaves the wallet: amount and fee."})
    expected_at = Instant(
        required=True, metadata={"description": "When it should be at the bank, as far as is known."}
    )
    state = fields.String(required=True, metadata={"enum": list(PAYOUT.states)})
    reason = fields.String(required=True, allow_none=True, metadata={"description": "In plain words."})
    failure_code = fields.String(required=True, allow_none=True)
    bank_name = fields.String(required=True, allow_none=True)
    bank_last4 = fields.String(required=True, allow_none=True)
    requested_at = Instant(required=True)
    sent_at = Instant(required=True, allow_none=True)
    arrives_on = Instant(required=True, allow_none=True)
    paid_at = Instant(required=True, allow_none=True)
    undone_at = Instant(
        required=True, allow_none=True, metadata={"description": "When it failed or came back."}
    )
    trace_id = fields.String(
        required=True, allow_none=True, metadata={"description": "What the worker's bank knows it by."}
    )
    entry_ids = fields.List(IdField("en"), required=True)
    parts = fields.List(fields.Nested(PartSchema), required=True)


class TransferSchema(Strict):
    """Released money on its way to a worker's account; `usable` once it can be withdrawn."""

    id = IdField("tr", required=True)
    release_id = IdField("rl", required=True, allow_none=True)
    milestone_id = IdField("ms", required=True)
    worker_id = IdField("us", required=True)
    gateway = fields.String(required=True)
    gateway_id = fields.String(required=True, allow_none=True)
    amount = MoneyField(required=True)
    state = fields.String(required=True, metadata={"enum": list(TRANSFER.states)})
    reason = fields.String(required=True, allow_none=True)
    failure_code = fields.String(required=True, allow_none=True)
    created_at = Instant(required=True)
    sent_at = Instant(required=True, allow_none=True)
    available_at = Instant(required=True, allow_none=True)
    entry_id = IdField("en", required=True, allow_none=True)
    usable = StrictBoolean(required=True)


class HistoryQuery(AboutQuery):
    """Which wallet, and in which currency."""

    currency = fields.String(load_default="USD", validate=validate.OneOf(EXPONENTS))
    worker_id = IdField("us", metadata=_WHOSE)


class PayoutsQuery(AboutQuery):
    """Whose payouts, and in which state."""

    worker_id = IdField("us", metadata=_WHOSE)
    state = fields.String(validate=validate.OneOf(PAYOUT.states))


class TransfersQuery(AboutQuery):
    """Whose transfers, and in which state."""

    worker_id = IdField("us")
    state = fields.String(validate=validate.OneOf(TRANSFER.states))
