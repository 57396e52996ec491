"""For every operation of the interface a request that is carried out, as long as nobody spoils it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gateways.charging_back import EVIDENCE
from tests.api.conftest import PASSWORD, registration
from tests.http.town import usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.test import TestResponse

    from tests.http.town import Json, Town

    # Gives a thing of a kind: `town.one` always the same, `town.fresh` another each time.
    Pick = Callable[[str], Any]
    Maker = Callable[[Town, Pick], "Order"]


@dataclass(frozen=True)
class Order:
    """A request: who asks (None is nobody in particular), about what, and for what.

    `body` is sent as JSON and `raw` as it is.
    """

    by: str | None
    places: Json = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None
    query: Any = field(default_factory=dict)
    headers: dict[str, str | None] = field(default_factory=dict)

    def but(self, **changes: Any) -> Order:
        """The same in all but this."""
        return replace(self, **changes)

    def with_header(self, name: str, value: str | None) -> Order:
        """The same with this header, or without it."""
        return replace(self, headers={**self.headers, name: value})


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    described: Json

    @property
    def name(self) -> str:
        """What generated clients call it."""
        return str(self.described["operationId"])

    @cached_property
    def parameters(self) -> dict[str, Json]:
        """Everything that is asked for besides the body, by name."""
        return {each["name"]: each for each in self.described["parameters"]}

    def named_in(self, where: str) -> dict[str, Json]:
        """Those parameters that stand in the path, in the query or in a header."""
        return {name: each for name, each in self.parameters.items() if each["in"] == where}

    @property
    def body(self) -> Json | None:
        """The schema of what is sent as JSON."""
        content = self.described.get("requestBody", {}).get("content", {})
        found: Json | None = content.get("application/json", {}).get("schema")
        return found

    def codes(self, status: int) -> list[str]:
        """Every code it may refuse with, under this status."""
        found: list[str] = self.described["responses"].get(str(status), {}).get("x-codes", [])
        return found

    def send(self, town: Town, order: Order) -> TestResponse:
        """Ask for it; under a fresh key where it takes one."""
        person = town.people[order.by] if order.by else None
        headers = {
            **({"Idempotency-Key": uuid.uuid4().hex} if "Idempotency-Key" in self.parameters else {}),
            **(person.headers if person else {}),
            **order.headers,
        }
        sent = {"json": order.body} if order.body is not None else {"data": order.raw}
        client = person.client if person else town.app.test_client()
        return client.open(
            self.path.format(**order.places),
            method=self.method,
            headers={name: value for name, value in headers.items() if value is not None},
            query_string=order.query,
            **sent,
        )


def operations(document: Json) -> dict[str, Operation]:
    """All of them by name, each with the parameters of its address."""
    found = [
        Operation(method.upper(), path, {**described, "parameters": _parameters(methods, described)})
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method != "parameters"
    ]
    return {each.name: each for each in found}


def _parameters(methods: Json, described: Json) -> list[Json]:
    return [*methods.get("parameters", []), *described.get("parameters", [])]


def _by(who: str | None, body: Json | None = None, *, if_match: str | None = None, **places: str) -> Maker:
    """What `who` asks about things of these kinds: `_by("walt", milestone_id="milestone funded")`."""

    def order(_: Town, pick: Pick) -> Order:
        found = {place: pick(kind)["id"] for place, kind in places.items()}
        return Order(who, found, body, headers={"If-Match": if_match} if if_match else {})

    return order


def _list(who: str, *, of: str | None = None, **query: str) -> Maker:
    """What `who` asks for in lists, here of a person's things."""

    def order(town: Town, _: Pick) -> Order:
        return Order(who, query={**query, "worker_id": town.people[of].id} if of else query)

    return order


def _offer(town: Town, _: Pick) -> Order:
    body = {
        "worker_id": town.walt.id,
        "title": "A website",
        "description": "With a shop.",
        "currency": "USD",
        "milestones": [{"title": "All of it", "price": usd("100.00")}],
    }
    return Order("clara", body=body)


def _confirm(town: Town, pick: Pick) -> Order:
    body = {
        "milestone_id": pick("milestone draft")["id"],
        "confirmation_token": town.house.peer.confirmation_token(),
        "save_card": False,
    }
    return Order("clara", body=body)


def _withdraw(_: Town, pick: Pick) -> Order:
    pick("wallet")
    return Order("walt", body={"amount": usd("1.00"), "method": "standard"})


def _of_account(query: Json, **places: str) -> Maker:
    """What finance asks about the account of a milestone."""

    def order(_: Town, pick: Pick) -> Order:
        account = f"liabilities:escrow:{pick('milestone funded')['id']}"
        return Order("fiona", {"account_code": account, **places}, query=query)

    return order


def _file(**query: str) -> Maker:
    """A report, as a file."""
    return lambda _, __: Order("fiona", {"form": "csv"}, query=query)


def _of_period(who: str, kind: str, body: Json | None = None) -> Maker:
    """What `who` asks about a month in this state."""
    return lambda _, pick: Order(who, {"period": pick(kind)["period"]}, body)


def _webhook(town: Town, pick: Pick) -> Order:
    pick("milestone funded")
    payload, signature = town.house.peer.signed(town.house.peer.deliveries()[0]["event"])
    headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
    return Order(None, {"gateway": "stripe"}, raw=payload, headers=headers)


_PART = usd("10.00")
_PAST = "2026-11-22T12:00:00Z"
_DAYS = {"from": "2026-10-01", "to": "2026-10-31"}
_ENTRIES = {
    "movement": "milestone_funded",
    "account": "income:fees:client",
    "currency": "USD",
    "reference": "ms_1",
    "actor": "system",
    "least": "1.00",
    "most": "9.00",
    "recorded_from": _PAST,
    "recorded_until": _PAST,
    "value_from": "2026-10-01",
    "value_to": "2026-10-31",
}
_CREDENTIALS = {"email": "clara@example.com", "password": PASSWORD}
_EDITED = {"name": "Clara Maria", "locale": "es-MX", "time_zone": "America/Mexico_City"}
_NEW_WORDS = {"title": "A shop", "description": "With a basket."}
_SETTLEMENT = {"to_worker": usd("40.00"), "to_client": usd("60.00"), "decision": "Half of it works."}

ORDERS: dict[str, Maker] = {
    "register": _by(None, registration(email="new@example.com", locale="en-US", time_zone="UTC")),
    "startSession": _by(None, _CREDENTIALS),
    "listSessions": _list("clara", limit="5"),
    "refreshTokens": lambda _, pick: Order(None, body={"refresh_token": pick("session")["refresh_token"]}),
    "signOut": lambda _, pick: Order(
        None, headers={"Authorization": f"Bearer {pick('session')['access_token']}"}
    ),
    "endSessionById": lambda _, pick: Order("clara", {"session_id": pick("session")["session"]["id"]}),
    "getAccount": _by("clara"),
    "editAccount": _by("clara", _EDITED, if_match="*"),
    "offerContract": _offer,
    "listContracts": _list("clara", limit="5"),
    "getContract": _by("clara", contract_id="contract active"),
    "editOffer": _by("clara", _NEW_WORDS, if_match="*", contract_id="contract offered"),
    "acceptContract": _by("walt", if_match="*", contract_id="contract offered"),
    "declineContract": _by("walt", contract_id="contract offered"),
    "cancelContract": _by("clara", contract_id="contract active"),
    "getPaymentsConfig": _by("clara"),
    "beginCheckout": _by("clara", {"method": "card", "save_card": True}, milestone_id="milestone draft"),
    "confirmCheckout": _confirm,
    "giveUpFunding": _by("clara", milestone_id="milestone funding"),
    "getPayment": _by("clara", payment_id="payment"),
    "capturePayment": _by("clara", payment_id="payment"),
    "createCustomerSession": _by("clara"),
    "createSetupIntent": _by("clara"),
    "createEphemeralKey": _by("clara", {"api_version": "2026-10-28.endive"}),
    "listCards": _by("clara"),
    "setDefaultCard": _by("clara", card_id="card"),
    "deleteCard": _by("clara", card_id="card"),
    "getMilestone": _by("clara", milestone_id="milestone funded"),
    "getMoney": _by("clara", milestone_id="milestone funded"),
    "submitWork": _by("walt", {"note": "Here it is."}, milestone_id="milestone funded"),
    "requestChanges": _by("clara", {"what": "The logo."}, milestone_id="milestone submitted"),
    "releaseMilestone": _by("clara", {"amount": _PART}, milestone_id="milestone submitted"),
    "refundMilestone": _by("walt", {"amount": _PART, "reason": "I am ill."}, milestone_id="milestone funded"),
    "giveBack": _by("walt", {"amount": _PART, "reason": "A mistake."}, milestone_id="milestone earned"),
    "requestRefund": _by("clara", {"amount": _PART, "reason": "Too late."}, milestone_id="milestone funded"),
    "agreeToRefund": _by("walt", request_id="refund_request open"),
    "declineRefund": _by("walt", request_id="refund_request open"),
    "withdrawRefundRequest": _by("clara", request_id="refund_request open"),
    "orderRefundAgain": _by("clara", refund_id="refund failed"),
    "openDispute": _by("walt", {"reason": "She is not there."}, milestone_id="milestone submitted"),
    "settleDispute": _by("mia", _SETTLEMENT, milestone_id="milestone disputed"),
    "createOnboardingLink": _by("walt"),
    "showCheckoutReturned": _by(None),
    "showOnboardingFinished": _by(None),
    "showOnboardingExpired": _by(None),
    "createAccountSession": _by("walt"),
    "getPayoutAccount": _list("walt", of="walt"),
    "getWallet": _list("walt", of="walt"),
    "listWalletHistory": _list("walt", of="walt", limit="5", currency="USD"),
    "requestPayout": _withdraw,
    "changePayoutSchedule": _by("walt", {"interval": "weekly", "weekday": "friday", "minimum": usd("10.00")}),
    "listPayouts": _list("walt", of="walt", limit="5", state="sent"),
    "getPayout": _by("walt", payout_id="payout"),
    "getReceipt": _by("clara", entry_id="receipt"),
    "listReceiptKeys": _by(None),
    "listTransfers": _list("ada", of="walt", limit="5", state="sent"),
    "orderTransferAgain": _by("ada", transfer_id="transfer failed"),
    "listChargebacks": _list("fiona", limit="5", state="needs_response"),
    "getChargeback": _by("fiona", chargeback_id="chargeback"),
    "dismissWarning": _by("fiona", {"reason": "They were called."}, chargeback_id="chargeback warned"),
    "listDebts": _list("walt", of="walt", limit="5"),
    "payDebt": _by("walt", {"amount": _PART}, debt_id="debt"),
    "forgiveDebt": _by("fiona", {"amount": _PART, "reason": "No fault."}, debt_id="chargeback owed"),
    "draftEvidence": _by("mia", {"texts": dict.fromkeys(EVIDENCE, "Here.")}, chargeback_id="chargeback"),
    "getEvidence": _by("mia", chargeback_id="chargeback drafted"),
    "handInEvidence": _by("mia", chargeback_id="chargeback drafted"),
    "getTrialBalance": _list("fiona", at=_PAST),
    "downloadTrialBalance": _file(at=_PAST),
    "getIncomeStatement": _list("fiona", **_DAYS, at=_PAST),
    "downloadIncomeStatement": _file(**_DAYS, at=_PAST),
    "getBalanceSheet": _list("fiona", day="2026-10-31", at=_PAST),
    "downloadBalanceSheet": _file(day="2026-10-31", at=_PAST),
    "listLedgerAccounts": _list(
        "fiona", under="liabilities", text="escrow", currency="USD", limit="5", at=_PAST
    ),
    "getAccountTree": _list("fiona", under="liabilities", currency="USD", at=_PAST),
    "getLedgerAccount": _of_account({"currency": "USD", "at": _PAST}),
    "getStatement": _of_account({"currency": "USD", "limit": "10", "at": _PAST}),
    "downloadStatement": _of_account({"currency": "USD", "at": _PAST}, form="csv"),
    "listEntries": _list("fiona", **_ENTRIES, limit="5"),
    "downloadEntries": _file(**_ENTRIES),
    "getEntry": _by("fiona", entry_id="entry"),
    "proposeAdjustment": lambda _, pick: Order("fiona", body=pick("proposal")),
    "listAdjustments": _list("fiona", limit="5", state="proposed"),
    "getAdjustment": _by("fiona", adjustment_id="adjustment"),
    "approveAdjustment": _by("frank", {"decision": "Seen."}, adjustment_id="adjustment"),
    "rejectAdjustment": _by("frank", {"decision": "No."}, adjustment_id="adjustment"),
    "withdrawAdjustment": _by("fiona", adjustment_id="adjustment"),
    "listPeriods": _list("fiona", limit="5"),
    "getPeriod": _of_period("fiona", "period closed"),
    "closePeriod": _of_period("fiona", "period open", {"reason": "Done."}),
    "askToReopenPeriod": _of_period("fiona", "period closed", {"reason": "An invoice."}),
    "reopenPeriod": _of_period("frank", "period reopening", {"reason": "Seen."}),
    "keepPeriodClosed": _of_period("frank", "period reopening", {"reason": "No."}),
    "getIntegrity": _by("fiona"),
    "startReconciliationRun": _by("fiona", {"gateway": "stripe", "day": "2026-11-22"}),
    "listReconciliationRuns": _list("fiona", gateway="stripe", limit="5"),
    "getReconciliationRun": _by("fiona", run_id="reconciliation"),
    "listReconciliationReports": _by("fiona", run_id="reconciliation"),
    "downloadReconciliationReport": lambda _, pick: Order(
        "fiona", {"run_id": pick("reconciliation")["id"], "currency": "USD", "form": "csv"}
    ),
    "listBreaks": _list("fiona", gateway="stripe", currency="USD", kind="unknown_type", limit="5"),
    "getBreak": _by("fiona", break_id="break"),
    "assignBreak": lambda town, pick: Order(
        "fiona", {"break_id": pick("break")["id"]}, {"owner": town.fiona.id}
    ),
    "resolveBreak": _by(
        "fiona",
        {
            "explanation": "gateway_fees",
            "reason": "They told us.",
            "adjustment_id": None,
            "other_break_id": None,
        },
        break_id="break",
    ),
    "proposeOwnPayout": _by("fiona", {"gateway": "stripe", "amount": usd("1.00"), "reason": "The rent."}),
    "listOwnPayouts": _list("fiona", limit="5", state="proposed"),
    "getOwnPayout": _by("fiona", own_payout_id="own payout"),
    "approveOwnPayout": _by("frank", {"decision": "Seen."}, own_payout_id="own payout"),
    "rejectOwnPayout": _by("frank", {"decision": "No."}, own_payout_id="own payout"),
    "withdrawOwnPayout": _by("fiona", own_payout_id="own payout"),
    "listOpenPositions": _by("fiona"),
    "listSolvencyStatements": _list("fiona", currency="USD", state="short", limit="5"),
    "getMinimumBalance": _list("fiona", gateway="stripe", currency="USD"),
    "getProcess": lambda _, __: Order(None, {"name": "milestone"}),
    "receiveWebhook": _webhook,
    "listEventSweeps": _by("fiona"),
    "listGateways": _by("fiona"),
    "listUnclaimed": _list("fiona", limit="5"),
    "downloadUnclaimed": _file(),
    "listOpenOrders": _list("fiona", limit="5", kind="payment", state="open", older_than_hours="1"),
}
