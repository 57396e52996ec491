"""`./run tour`: a client funds a milestone, 72 hours pass, the worker is paid, the books balance; all over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernel.money import Money
from sandbox.people import OutsideWorld, Person, Refused, StillNot

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.demo import Staff

_WIDTH = 78
_CODE_WIDTH = 52


@dataclass
class _Cast:
    client: Person
    worker: Person
    finance: Person
    world: OutsideWorld
    # Where the story went another way than it is told.
    troubles: list[str] = field(default_factory=list)

    def trouble(self, text: str) -> None:
        """Say it at once and remember it: the tour goes on to the books, and does not end well."""
        self.troubles.append(text)
        _say(f"  NOT AS TOLD: {text}")

    def seen(self, person: Person, path: str, arrived: Callable[[Any], bool]) -> Any:  # noqa: ANN401 - JSON
        """What `person` sees when it has arrived; when it does not come, whatever there is."""
        try:
            return person.wait_for(path, arrived)
        except StillNot as late:
            self.trouble(str(late))
            return late.found


def play(web: str, peer: str, staff: Staff, *, patience_seconds: float = 60) -> int:
    """Play the story against a fresh server; 0 when every step went as told and the books balance."""
    cast = _enter(web, peer, staff, patience_seconds)
    try:
        _act(cast)
    except Refused as refused:
        cast.trouble(f"the story ends here, because Holdfast answered {refused}")
    return _close(cast)


def _act(cast: _Cast) -> None:
    contract = _agree(cast)
    first, second, third = (milestone["id"] for milestone in contract["milestones"])
    _fund(cast, first)
    _submit_and_wait(cast, first)
    _withdraw(cast, first)
    _pay_in_parts(cast, second)
    _refund(cast, third)


def _enter(web: str, peer: str, staff: Staff, patience_seconds: float) -> _Cast:
    _title("A client and a worker join")
    client = Person(web, "clara@example.com", "a lighthouse on a quiet coast", patience_seconds)
    worker = Person(web, "walt@example.com", "a workshop under the old bridge", patience_seconds)
    finance = staff.sign_in(web)
    finance.patience_seconds = patience_seconds
    cast = _Cast(client, worker, finance, OutsideWorld(peer))
    client.register(role="client", name="Clara Client")
    worker.register(role="worker", name="Walt Worker")
    client.sign_in()
    worker.sign_in()
    link = worker.post("/v1/payouts/onboarding-link")
    cast.world.complete_onboarding(link["url"])
    account = cast.seen(worker, "/v1/payouts/account", lambda found: found["can_be_paid_out"])
    _say(f"Walt's payout account is {account['state']}, bank ending in {account['bank_last4']}.")
    return cast


def _agree(cast: _Cast) -> Any:  # noqa: ANN401 - JSON
    _title("They agree on three milestones")
    walt = cast.worker.get("/v1/me")["id"]
    offer = {
        "worker_id": walt,
        "title": "A website for the bakery",
        "currency": "USD",
        "milestones": [
            {"title": "Design", "price": {"amount": "1200.00", "currency": "USD"}},
            {"title": "Shop", "price": {"amount": "800.00", "currency": "USD"}},
            {"title": "Newsletter", "price": {"amount": "250.00", "currency": "USD"}},
        ],
    }
    contract = cast.client.post("/v1/contracts", offer)
    contract = cast.worker.post(f"/v1/contracts/{contract['id']}/accept", version=contract["version"])
    _say(
        f"Contract {contract['state']}: the client pays {contract['client_basis_points'] / 100:g} % on top, "
        f"{contract['worker_basis_points'] / 100:g} % is kept of what the worker earns."
    )
    return contract


def _fund(cast: _Cast, milestone: str) -> None:
    _title("Clara funds the first milestone")
    checkout = cast.client.post(f"/v1/milestones/{milestone}/checkout", {"save_card": True})
    for line in checkout["lines"]:
        _say(f"  {line['label']:<40}{_money(line['amount']):>16}")
    declined = cast.world.pay(checkout["paymentIntent"], card="pm_card_chargeDeclined")
    _say(f"Her first card says no: {declined['error']['message']}")
    cast.world.pay(checkout["paymentIntent"])
    cast.seen(cast.client, f"/v1/milestones/{milestone}", lambda found: found["state"] == "funded")
    _say("The second card is charged, and the money is held.")
    again = cast.client.post(
        f"/v1/milestones/{milestone}/release", {"amount": _usd("1200.00")}, preview="true"
    )
    _say(f"A preview of releasing it would post {len(again['entries'])} entry and has moved nothing.")
    _where(cast, milestone)


def _submit_and_wait(cast: _Cast, milestone: str) -> None:
    _title("Walt submits; Clara does not answer; 72 hours pass")
    submitted = cast.worker.post(f"/v1/milestones/{milestone}/submit", {"note": "The design, as agreed."})
    _say(f"The window closes at {submitted['milestone']['deadline_at']}.")
    cast.world.turn_clock(hours=71.9)
    _say(f"After 71.9 hours: {cast.client.get(f'/v1/milestones/{milestone}')['state']}.")
    cast.world.turn_clock(hours=0.2)
    now = cast.seen(cast.client, f"/v1/milestones/{milestone}", lambda found: found["state"] == "released")
    _say(f"After 72.1 hours: {now['state']}.")
    try:
        cast.client.post(f"/v1/milestones/{milestone}/release", {"amount": _usd("1200.00")})
    except Refused as refused:
        _say(f"A late click is refused: {refused.problem['code']}: {refused.problem['detail']}")
    _where(cast, milestone)


def _withdraw(cast: _Cast, milestone: str) -> None:
    _title("Walt withdraws to his bank")
    balance = cast.seen(cast.worker, "/v1/payouts/balance", lambda found: _available(found) != "0.00")
    _say(f"His wallet: {_available(balance)} USD available.")
    payout = cast.worker.post("/v1/payouts", {"amount": _usd(_available(balance))})
    cast.seen(cast.worker, f"/v1/payouts/{payout['id']}", lambda found: found["state"] == "sent")
    _say(f"Sent: {_money(payout['amount'])}.")
    _where(cast, milestone)
    cast.world.turn_clock(hours=72)
    paid = cast.seen(cast.worker, f"/v1/payouts/{payout['id']}", lambda found: found["state"] == "paid")
    _say(f"{paid['state'].capitalize()}: {_money(paid['amount'])}, bank reference {paid['trace_id']}.")
    _where(cast, milestone)


def _pay_in_parts(cast: _Cast, milestone: str) -> None:
    _title("The second milestone is paid in two parts")
    _pay_for(cast, milestone)
    cast.client.post(f"/v1/milestones/{milestone}/release", {"amount": _usd("266.67")})
    _say("A third is released.")
    _where(cast, milestone)
    cast.client.post(f"/v1/milestones/{milestone}/release", {"amount": _usd("533.33")})
    _say("The rest is released.")
    _where(cast, milestone)


def _refund(cast: _Cast, milestone: str) -> None:
    _title("Walt cannot do the third, and gives the money back")
    _pay_for(cast, milestone)
    back = {"amount": _usd("250.00"), "reason": "No time before the opening."}
    cast.worker.post(f"/v1/milestones/{milestone}/refund", back)
    _say("The refund is ordered.")
    _where(cast, milestone)
    cast.world.turn_clock(hours=72)
    cast.seen(
        cast.client, f"/v1/milestones/{milestone}/money", lambda found: _at(found, "refunded") == "262.50"
    )
    _say("Three days later.")
    _where(cast, milestone)


def _close(cast: _Cast) -> int:
    _title("The books")
    cast.world.turn_clock(hours=72)
    if not cast.troubles:
        cast.seen(cast.worker, "/v1/payouts/balance", lambda found: _available(found) == "720.00")
    trial = cast.seen(cast.finance, "/v1/staff/ledger/trial-balance", _settled)
    _print(trial)
    # Three days have gone by in a second; what seals the books every few minutes needs another one.
    checked = cast.seen(cast.finance, "/v1/staff/ledger/integrity", lambda found: not found["breaches"])
    for breach in checked["breaches"]:
        _say(f"  BREACH {breach['rule']}: {breach['detail']}")
    same = _compare_with_the_gateway(cast, trial)
    balanced = (
        same and all(sums["debit"] == sums["credit"] for sums in trial["totals"]) and not checked["breaches"]
    )
    _say("The books balance." if balanced else "The books do NOT balance.")
    if cast.troubles:
        _say(f"The story did not go as it is told: {'; '.join(cast.troubles)}.")
    return 0 if balanced and not cast.troubles else 1


def _print(trial: dict[str, Any]) -> None:
    _say(f"  {'account':<54}{'debit':>12}{'credit':>12}")
    for line in trial["lines"]:
        code = line["account"]
        if len(code) > _CODE_WIDTH:
            code = code[: _CODE_WIDTH - 3] + "..."
        _say(f"  {code:<54}{line['debit']['amount']:>12}{line['credit']['amount']:>12}")
    for sums in trial["totals"]:
        _say(
            f"  {'total ' + sums['currency']:<54}{sums['debit']['amount']:>12}{sums['credit']['amount']:>12}"
        )


def _compare_with_the_gateway(cast: _Cast, trial: dict[str, Any]) -> bool:
    ours = {line["account"]: line["debit"]["amount"] for line in trial["lines"]}
    same = True
    for part, theirs in cast.world.balance("usd").items():
        booked = ours.get(f"assets:gateway:stripe:{part}", "0.00")
        _say(f"Stripe says that {_money(_usd(theirs))} is {part}; the books say {_money(_usd(booked))}.")
        same = same and theirs == booked
    return same


def _pay_for(cast: _Cast, milestone: str) -> None:
    checkout = cast.client.post(f"/v1/milestones/{milestone}/checkout")
    cast.world.pay(checkout["paymentIntent"])
    cast.seen(cast.client, f"/v1/milestones/{milestone}", lambda found: found["state"] == "funded")
    _say(f"Funded with {_money(checkout['amount'])}.")
    _where(cast, milestone)


def _where(cast: _Cast, milestone: str) -> None:
    trail = cast.finance.get(f"/v1/milestones/{milestone}/money")
    _say("  Where the money is:")
    for place in trail["now"]:
        _say(f"    {place['title']:<44}{_money(place['amount']):>16}")
    _say(f"    {'= charged to the card':<44}{_money(trail['total']):>16}")
    if not trail["balanced"]:
        cast.trouble("these places do not add up to what was charged")


def _at(trail: dict[str, Any], place: str) -> str | None:
    return next((found["amount"]["amount"] for found in trail["now"] if found["place"] == place), None)


def _settled(trial: dict[str, Any]) -> bool:
    return not any(line["account"].endswith(":pending") for line in trial["lines"])


def _available(balance: dict[str, Any]) -> str:
    found = next(
        (line["available"]["amount"] for line in balance["balances"] if line["currency"] == "USD"), "0.00"
    )
    return str(found)


def _usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def _money(amount: dict[str, str]) -> str:
    return Money.parse(amount["amount"], amount["currency"]).format()


def _title(text: str) -> None:
    print(f"\n{text}\n{'-' * min(len(text), _WIDTH)}", flush=True)


def _say(text: str) -> None:
    print(text, flush=True)
