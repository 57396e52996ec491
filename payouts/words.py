"""What gateways say in codes, in plain words: what an account lacks, why it is stopped, why money did not go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from gateways.contract import AccountState, PayoutMethod
from payouts.states import LEFT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from kernel.money import Money

# The last parts of a requirement's name that mean something, longest first where one contains the other.
_MISSING = {
    "external_account": "A bank account to be paid to",
    "bank_account": "A bank account to be paid to",
    "tos_acceptance": "Your agreement to the payment provider's terms",
    "verification.additional_document": "A second document that proves who you are or where you live",
    "verification.document": "A photo of your identity document",
    "proof_of_liveness": "A photo of yourself",
    "first_name": "Your name",
    "last_name": "Your name",
    "full_name_aliases": "Other names you use",
    "dob": "Your date of birth",
    "address": "Your address",
    "email": "Your e-mail address",
    "phone": "Your telephone number",
    "ssn_last_4": "The last four digits of your Social Security number",
    "id_number": "Your tax or identity number",
    "nationality": "Your nationality",
    "political_exposure": "Whether you hold a public office",
    "business_type": "Whether you work as a person or a company",
    "business_profile": "What you do for a living",
    "company.tax_id": "Your company's tax number",
    "company": "Details of your company",
    "owners": "Who owns your company",
    "directors": "Who directs your company",
    "executives": "Who runs your company",
    "relationship": "Your role in your company",
}

_DISABLED = {
    "requirements.past_due": "Details that the payment provider asked for are missing.",
    "requirements.pending_verification": "Your details are being checked.",
    "action_required.requested_capabilities": "The payment provider needs more details from you.",
    "under_review": "The payment provider is looking at your account.",
    "listed": "The payment provider is looking at your account.",
    "platform_paused": "Your payout account is paused. Write to support.",
}
_LEFT = "Your payout account was closed, or is no longer connected to Holdfast."
_STOPPED = "The payment provider has stopped your payout account. Write to support."

_FAILURES = {
    "account_closed": "The bank account is closed. Add another one to your payout account.",
    "amount_too_small": "It is less than the bank can be sent. It can be withdrawn together with what comes next.",
    "account_frozen": "The bank account is frozen. Ask your bank, or add another one to your payout account.",
    "bank_account_restricted": "The bank account takes no such payments. Add another one to your payout account.",
    "bank_account_unusable": "The last payout to this bank account failed. Add another one to your payout account.",
    "bank_ownership_changed": "The bank account has moved to another bank. Add the new one to your payout account.",
    "could_not_process": "The bank could not process it. Please try again, or ask your bank.",
    "debit_not_authorized": "The bank does not allow such payments on this account. Ask your bank.",
    "declined": "The bank declined it. Ask your bank, or add another account to your payout account.",
    "incorrect_account_holder_address": "The address of the account holder is not what the bank has. Correct it.",
    "incorrect_account_holder_name": "The name of the account holder is not what the bank has. Correct it.",
    "incorrect_account_holder_tax_id": "The tax number of the account holder is not what the bank has. Correct it.",
    "incorrect_account_type": "The bank account is of another type than given. Correct it in your payout account.",
    "instant_not_at_once": "It could not be sent at once. Please make a standard withdrawal, or try again later.",
    "instant_payouts_config_disabled": "Instant payouts are not possible at the moment. Please make a standard one.",
    "instant_payouts_currency_disabled": "This currency is not paid out instantly. Please make a standard withdrawal.",
    "instant_payouts_limit_exceeded": "Today's limit for instant payouts is reached. Please make a standard one.",
    "instant_payouts_unsupported": "The bank account takes no instant payouts. Please make a standard withdrawal.",
    "balance_insufficient": "The payment provider has not released the money yet. Please make a standard withdrawal.",
    "insufficient_funds": "The money was not there yet. Please try again in a day.",
    "invalid_account_number": "The bank knows no account of this number. Correct it in your payout account.",
    "invalid_account_number_length": "The account number has the wrong length. Correct it in your payout account.",
    "invalid_currency": "The bank account does not take this currency. Add one that does.",
    "no_account": "The bank knows no account of this number. Correct it in your payout account.",
    "payouts_not_allowed": "Your payout account cannot pay out at the moment. Look there for what is missing.",
    "unsupported_card": "This card takes no payouts. Add a bank account to your payout account.",
}
_CANCELED = "The payout was canceled at the payment provider."

_WAITS = {
    "balance_insufficient": "The payment provider has not released the money yet. It is tried again by itself.",
    "insufficient_capabilities_for_transfer": "Your payout account cannot take money yet. It is tried again by itself.",
    "payouts_limit_exceeded": "A limit of the payment provider is reached. It is tried again by itself.",
}
_TRIED_AGAIN = "The payment provider cannot do it at the moment. It is tried again by itself."

_INSTANT_ARRIVES_AFTER = timedelta(minutes=30)
_BUSINESS_DAYS = 2
_SATURDAY = 5

# The gateway's word for a balance on which there is not enough.
TOO_LITTLE = "balance_insufficient"
NO_ANSWER = "The payment provider has not answered. It is asked again by itself, and nothing is sent twice."
MOVING = "It is on its way to your payout account."
COMING_BACK = (
    "It lies at your payout account that was closed. We are taking it back, and it then goes to your new one."
)


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing an account lacks: the gateway's `code`, and what it means to the worker."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing for the worker to do: `open_onboarding`, `contact_support`, `wait` or `none`."""

    action: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that stands in the way of a withdrawal, in plain words with what ends it."""

    code: str
    text: str


def cannot_be_paid(step: NextStep) -> Notice:
    """Why nothing can be withdrawn, and the one thing to do."""
    return Notice("account_not_ready", f"Nothing can be sent to your bank yet. {step.text}")


def left(step: NextStep, waits: Money) -> Notice:
    """What it means for what is in the wallet that the account was closed."""
    return Notice(
        "account_closed", f"{step.text} {waits.format()} is safe with us until then, and goes there."
    )


def stayed_there(amount: Money) -> Notice:
    """What lies at an account that was closed, and that we cannot get back."""
    return Notice(
        "left_at_closed_account",
        f"{amount.format()} stayed at your closed payout account, and we cannot take it back from there. It is yours:"
        " ask the payment provider to pay it out to you, or write to support.",
    )


def below_zero(missing: Money) -> Notice:
    """What it means that the account at the gateway is below zero."""
    return Notice(
        "negative_balance",
        f"Your account at the payment provider is {missing.format()} below zero. What you earn next makes up for it;"
        " until then nothing is paid out instantly, and a standard withdrawal waits.",
    )


def below_minimum(available: Money, least: Money) -> Notice:
    """Why so little is not sent."""
    return Notice(
        "below_minimum",
        f"{available.format()} is less than the {least.format()} at which payments to your bank start."
        " It stays yours and goes with what you earn next.",
    )


def missing(codes: Iterable[str]) -> tuple[Missing, ...]:
    """What the account lacks, each thing once: a date of birth is asked for in three codes."""
    by_text: dict[str, Missing] = {}
    for code in codes:
        text = _in_words(code)
        by_text.setdefault(text, Missing(code, text))
    return tuple(by_text.values())


def disabled(state: str, reason: str | None) -> str | None:
    """Why the account is stopped."""
    if state == LEFT:
        return _LEFT
    return None if reason is None else _DISABLED.get(reason, _STOPPED)


def next_step(state: str, lacks: Sequence[Missing], bank_last4: str | None) -> NextStep:
    """The one thing that the worker should do about their account."""
    if state == LEFT:
        return NextStep("open_onboarding", "Your payout account was closed. Set up a new one to be paid.")
    if state == AccountState.READY:
        return NextStep("none", f"Nothing. You are paid to the bank account{_ending_in(bank_last4)}.")
    if lacks:
        more = f", and {len(lacks) - 1} more" if len(lacks) > 1 else ""
        return NextStep("open_onboarding", f"Complete your payout account. Missing: {lacks[0].text}{more}.")
    if state == AccountState.RESTRICTED:
        return NextStep("contact_support", "Your payout account is stopped. Write to support.")
    if state == AccountState.IN_REVIEW:
        return NextStep("wait", "Nothing. Your details are being checked.")
    return NextStep("open_onboarding", "Set up your payout account, so that you can be paid.")


def waits_for_account(amount: Money, *, left: bool = False) -> str:
    """Why a transfer waits for the worker: the account it is for is not finished, or it has left us."""
    if left:
        return f"Your payout account was closed. Set up a new one, and {amount.format()} goes there."
    return f"Finish your payout account to move {amount.format()} to it."


def settles(at: datetime) -> str:
    """Why moved money cannot be withdrawn yet."""
    return f"The client's payment has yet to settle; it can be withdrawn from {at:%B} {at.day}, {at.year} on."


def put_off(code: str) -> str:
    """Why the gateway would not do it now."""
    return _WAITS.get(code, _TRIED_AGAIN)


def waits_to_be_changed_back(currency: str) -> str:
    """Why money that the client has paid cannot be moved yet: it came in another currency."""
    return (
        f"The payment provider changed the client's payment into another currency. It is changed back into {currency},"
        " and your money is then moved by itself: you are paid all of it."
    )


def transfer_failed(code: str) -> str:
    """Why money was not moved to the account."""
    return f"The payment provider refused to move the money ({code}). Support sees this and will look at it."


def payout_failed(code: str | None) -> str:
    """Why the money did not get to the bank."""
    if code is None:
        return _CANCELED
    unknown = f"The payment provider could not pay it out ({code}). Write to support if it fails again."
    return _FAILURES.get(code, unknown)


def usual_arrival(method: str, requested_at: datetime) -> datetime:
    """When a payout is usually at the bank: within half an hour, or on the second business day."""
    if method == PayoutMethod.INSTANT:
        return requested_at + _INSTANT_ARRIVES_AFTER
    day, left = requested_at.replace(hour=0, minute=0, second=0, microsecond=0), _BUSINESS_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY
    return day


def scheduled(outcome: str, amount: Money, *, least: Money, own: Money | None) -> str:
    """What a schedule did, or why it did nothing; what it left is looked at again the next time."""
    own_least = f" of {own.format()}" if own is not None else ""
    return {
        "requested": f"{amount.format()} was sent on its way to your bank.",
        "nothing_available": "Nothing was available.",
        "account_not_ready": f"{amount.format()} waits: your payout account cannot pay out. Look there for what to do.",
        "negative_balance": f"{amount.format()} waits: your account at the payment provider was below zero.",
        "below_minimum": f"{amount.format()} waits: payments to your bank start at {least.format()}.",
        "below_own_minimum": f"{amount.format()} waits: it is less than your own minimum{own_least}.",
    }[outcome]


def to_bank(bank_last4: str | None) -> str:
    """Where a payout goes."""
    return f"to the bank account{_ending_in(bank_last4)}"


def _ending_in(last4: str | None) -> str:
    return f" ending in {last4}" if last4 else ""


def _in_words(code: str) -> str:
    for part, text in _MISSING.items():
        if f".{part}." in f".{code}.":
            return text
    return code.rpartition(".")[2].replace("_", " ").capitalize()
