"""The sandbox's own API under `/_sandbox/`: what may be done to Stripe, beyond what may be done to any peer."""

import json
from decimal import Decimal

from sandbox.controls import Acts
from sandbox.controls import Control as AnyControl
from sandbox.courier import Courier
from sandbox.policy import Policy
from sandbox.stripe import (
    accounts,
    disputes,
    identifying,
    intents,
    money,
    onboarding,
    paying_out,
    refunding,
    saving,
    warning,
    webhooks,
)
from sandbox.stripe.errors import Json
from sandbox.stripe.server import Peer
from sandbox.stripe.state import World

act = Acts()


class Control(AnyControl):
    """What a test or a person may do to Stripe."""

    acts = act
    peer: Peer
    world: World

    def __init__(self, peer: Peer, courier: Courier) -> None:
        super().__init__(peer, peer.world, courier)


@act("POST", "webhooks")
def set_webhooks(control: Control, given: Json, _id: str) -> Json:
    """Where webhooks go (`url`, `secret`) and what befalls them (`policy`)."""
    world, policy = control.world, given.pop("policy", None)
    with world.lock:
        world.settings.webhook_url = given.pop("url", world.settings.webhook_url)
        world.settings.webhook_secret = given.pop("secret", world.settings.webhook_secret)
        if given:
            raise ValueError(f"unknown: {', '.join(given)}")
        if policy is not None:
            world.policy = Policy(**policy)
        world.touch()
    return {"url": world.settings.webhook_url}


@act("GET", "events/{id}/signed")
def signed(control: Control, _given: Json, object_id: str) -> Json:
    """The exact body and signature with which an event would be delivered now."""
    with control.world.lock:
        payload = webhooks.payload_of(control.thing(object_id, "event"))
    secret = control.world.settings.webhook_secret
    header = webhooks.signature(payload, secret=secret, timestamp=int(control.world.clock.now()))
    return {"payload": payload.decode(), "signature": header}


@act("POST", "accounts/{id}/onboarding")
def complete_onboarding(control: Control, given: Json, object_id: str) -> Json:
    """The worker completes Stripe's form; `account_number` chooses the bank account."""
    number = given.get("account_number", onboarding.GOOD_ACCOUNT_NUMBER)
    with control.world.lock:
        account = control.thing(object_id, "account")
        return onboarding.completed(control.world, account, account_number=number)


@act("POST", "accounts/{id}/restrict")
def restrict(control: Control, given: Json, object_id: str) -> Json:
    """Stripe asks for more: `requirements` names what."""
    owed = given.get("requirements", ["individual.verification.document"])
    with control.world.lock:
        return onboarding.restricted(control.world, control.thing(object_id, "account"), owed=owed)


@act("POST", "accounts/{id}/leave")
def leave(control: Control, given: Json, object_id: str) -> Json:
    """The account is closed or taken away; with `{"gives_back": false}` nothing that lies there can be reversed."""
    world = control.world
    with world.lock:
        account = control.thing(object_id, "account")
        return accounts.left(world, account, gives_back=bool(given.get("gives_back", True)))


@act("POST", "accounts/{id}/return")
def come_back(control: Control, _given: Json, object_id: str) -> Json:
    """It is connected to the platform again."""
    with control.world.lock:
        return accounts.returned(control.world, control.thing(object_id, "account"))


@act("POST", "accounts/{id}/bank_account")
def change_bank_account(control: Control, given: Json, object_id: str) -> Json:
    """The worker gives another bank account; with `{"takes_instant": false}` of a bank that is only paid slowly."""
    world = control.world
    with world.lock:
        account = control.thing(object_id, "account")
        details = {
            "account_number": given.get("account_number", onboarding.GOOD_ACCOUNT_NUMBER),
            "country": account["country"],
            "takes_instant": bool(given.get("takes_instant", True)),
        }
        return onboarding.replace_bank_account(world, account, details)


@act("POST", "payouts/{id}/fail")
def fail_payout(control: Control, given: Json, object_id: str) -> Json:
    """The bank sends a payout back, paid or not."""
    code = given.get("failure_code", "account_closed")
    with control.world.lock:
        return paying_out.failed(control.world, control.thing(object_id, "payout"), code=code)


@act("POST", "refunds/{id}/fail")
def fail_refund(control: Control, given: Json, object_id: str) -> Json:
    """The customer's bank sends a refund back."""
    reason = given.get("failure_reason", "expired_or_canceled_card")
    with control.world.lock:
        return refunding.failed(control.world, control.thing(object_id, "refund"), reason=reason)


@act("POST", "payment_intents/{id}/authenticate")
def authenticate_payment(control: Control, given: Json, object_id: str) -> Json:
    """The customer passes, or with `{"succeeds": false}` fails, 3-D Secure."""
    succeeds = bool(given.get("succeeds", True))
    with control.world.lock:
        intent = control.thing(object_id, "payment_intent")
        return intents.authenticated(control.world, intent, succeeds=succeeds)


@act("POST", "setup_intents/{id}/authenticate")
def authenticate_setup(control: Control, given: Json, object_id: str) -> Json:
    """The same for a card that is being saved."""
    succeeds = bool(given.get("succeeds", True))
    with control.world.lock:
        intent = control.thing(object_id, "setup_intent")
        return saving.authenticated(control.world, intent, succeeds=succeeds)


@act("POST", "verification_sessions/{id}/decide")
def decide_identity(control: Control, given: Json, object_id: str) -> Json:
    """Stripe has looked at the document: verified, or with an `error` code not."""
    with control.world.lock:
        session = control.thing(object_id, identifying.KIND)
        return identifying.decided(control.world, session, error=given.get("error"))


@act("POST", "charges/{id}/dispute")
def dispute(control: Control, given: Json, object_id: str) -> Json:
    """The customer's bank charges back: `reason`, `amount`; with `inquiry` it only asks."""
    with control.world.lock:
        return disputes.opened(
            control.world,
            control.thing(object_id, "charge"),
            reason=given.get("reason", "fraudulent"),
            amount=given.get("amount"),
            inquiry=bool(given.get("inquiry")),
        )


@act("POST", "charges/{id}/warn")
def warn(control: Control, given: Json, object_id: str) -> Json:
    """The card's network suspects fraud: `fraud_type`."""
    with control.world.lock:
        charge = control.thing(object_id, "charge")
        return warning.warned(
            control.world, charge, fraud_type=given.get("fraud_type", "unauthorized_use_of_card")
        )


@act("POST", "disputes/{id}/move")
def move_dispute(control: Control, given: Json, object_id: str) -> Json:
    """The bank takes it on: `{"status": "appeal_needs_response"}`."""
    with control.world.lock:
        return disputes.moved(control.world, control.thing(object_id, "dispute"), given["status"])


@act("POST", "disputes/{id}/close")
def close_dispute(control: Control, given: Json, object_id: str) -> Json:
    """The bank decides: `{"won": true}` for the platform."""
    with control.world.lock:
        found = control.thing(object_id, "dispute")
        return disputes.closed(control.world, found, won=bool(given["won"]))


@act("POST", "prices")
def prices(control: Control, given: Json, _id: str) -> Json:
    """Change what Stripe charges and when it settles, from now on."""
    settings = control.world.settings
    for name, value in given.items():
        if name not in {"fee_basis_points", "fee_fixed_minor", "settle_seconds", "instant_limit_minor"}:
            raise ValueError(f"unknown: {name}")
        setattr(settings, name, int(value))
    return given


@act("POST", "conversions")
def convert(control: Control, given: Json, _id: str) -> Json:
    """From now on what is charged in a `currency` settles in another, `into`, at a `rate`; without one in its own."""
    currency = str(given["currency"])
    with control.world.lock:
        conversions = control.world.data.setdefault("conversions", {})
        conversions.pop(currency, None)
        if given.get("into"):
            conversions[currency] = (str(given["into"]), str(Decimal(given["rate"])))
        control.world.touch()
    return given


@act("POST", "balance_transactions")
def book_line(control: Control, given: Json, _id: str) -> Json:
    """Something moves on a balance that nobody ordered: `type`, `amount`, `currency`, `account`, `source`, `fee`."""
    world = control.world
    with world.lock:
        line = money.book(
            world,
            given.get("account") or world.platform,
            given["type"],
            amount=int(given["amount"]),
            currency=given.get("currency", "usd"),
            source=given.get("source"),
            fee=int(given.get("fee", 0)),
            description=given.get("description"),
        )
        world.touch()
        return line


@act("POST", "payouts")
def pay_out_by_itself(control: Control, given: Json, _id: str) -> Json:
    """Stripe pays out what is available to the platform in a `currency`, though nobody has ordered it."""
    with control.world.lock:
        payout = paying_out.by_itself(control.world, given.get("currency", "usd"))
        control.world.touch()
        return payout


@act("POST", "balance_transactions/{id}/amount")
def change_line(control: Control, given: Json, object_id: str) -> Json:
    """Stripe says another `amount` from now on, and its balance agrees with it."""
    with control.world.lock:
        line = money.restated(
            control.world, control.thing(object_id, "balance_transaction"), amount=int(given["amount"])
        )
        control.world.touch()
        return line


@act("GET", "state")
def state(control: Control, _given: Json, _id: str) -> Json:
    """All objects and balances."""
    with control.world.lock:
        data = control.world.data
        shown = {name: data[name] for name in ("platform", "objects", "owners", "balances")}
        return dict(json.loads(json.dumps(shown)))


@act("POST", "reset")
def reset(control: Control, given: Json, _id: str) -> Json:
    """Forget everything; the clock too, unless `{"keep_clock": true}`."""
    control.peer.faults.clear()
    with control.world.lock:
        control.world.reset()
        control.world.policy = Policy()
        if not given.get("keep_clock"):
            control.world.clock.reset()
        accounts.ensure_platform(control.world)
        control.peer.journal.clear()
    return {}
