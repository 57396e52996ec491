"""Workers' accounts at Adyen: opened by us, completed by the worker on Adyen's pages, paid out by us only.

An account is three things: a legal entity (who it is), its account holder (what they may do) and the balance account
(where their money lies). The gateway's id of it is that of the balance account; all three have our id as reference.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from Adyen.exceptions import AdyenAPIUnprocessableEntity

from gateways.adyen import ids
from gateways.adyen.client import keyed, named
from gateways.adyen.outcomes import MISSING, answered, ordered, searched
from gateways.adyen.transfers import plain
from gateways.contract import AccountFound, AccountState, OnboardingLink, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from gateways.adyen.client import Connection, Json
    from gateways.contract import AccountOrder, Busy, Secret, Unknown

_RECEIVE, _SEND = "receiveFromBalanceAccount", "sendToTransferInstrument"
# Adyen wants a name before it asks for one; the worker writes their own over it on its page.
_NOT_TOLD_YET = {"firstName": "Not", "lastName": "Given"}
_MOST = 100
_LINK_LASTS = timedelta(minutes=4)
_HOLDER = "AH"
_INSTANT = "instant"


class Accounts:
    """Where released money goes, and the page on which a worker says who they are."""

    connection: Connection

    def create_account(self, order: AccountOrder) -> AccountFound | Rejected | Busy | Unknown:
        """Open the worker's account; the same order twice opens one, and goes on where it was cut off."""
        entity = ordered(lambda: self._entity(order))
        return answered(lambda: self._opened(order, entity)) if isinstance(entity, dict) else entity

    def find_account(
        self, order: AccountOrder, *, since: datetime
    ) -> AccountFound | Rejected | Busy | Unknown | None:
        """The account that came of an order whose answer was lost, whenever it went out; None if it is not whole.

        Adyen lists account holders by nothing at all, not even by age, and there are as many as there are workers.
        """
        _ = since

        def look() -> AccountFound | None:
            for holder in self._holders():
                if holder.get("reference") == order.account_id:
                    account = self._account_of(holder)
                    return None if account is None else self._read_whole(account, holder)
            return None

        return searched(look)

    def account(self, gateway_id: str) -> AccountFound | Rejected | Busy | Unknown:
        """The worker's account now, by the id of its balance account; Adyen's news may name its holder instead."""
        if not ids.is_plain(gateway_id):
            return MISSING

        def look() -> AccountFound | Rejected:
            if not gateway_id.startswith(_HOLDER):
                account = self._balance_account(gateway_id)
                return self._read_whole(account, self._holder(account["accountHolderId"]))
            holder = self._holder(gateway_id)
            found = self._account_of(holder)
            return MISSING if found is None else self._read_whole(found, holder)

        return answered(look)

    def onboarding_link(
        self, account: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink | Rejected | Busy | Unknown:
        """A page on which the worker completes what is missing; Adyen knows no address for a link that is over."""
        _ = refresh_url
        if not ids.is_plain(account):
            return MISSING
        pages = self.connection.people.hosted_onboarding_api

        def link() -> OnboardingLink:
            entity = self._holder(self._balance_account(account)["accountHolderId"])["legalEntityId"]
            made = pages.get_link_to_adyenhosted_onboarding_page({"redirectUrl": return_url}, plain(entity))
            # The answer says nothing of its end; Adyen's document does.
            return OnboardingLink(str(made.message["url"]), self.connection.now() + _LINK_LASTS)

        return answered(link)

    def account_session(self, account: str) -> Secret | Rejected | Busy | Unknown:
        """Adyen's components are not built into the app: the worker is sent to its page."""
        _ = account
        return Rejected("not_offered", "The payment provider has a page for this instead.")

    def bank_of(self, account: str) -> str | None:
        """The bank account that a worker can be paid out to; None while there is none."""
        holder = self._holder(self._balance_account(account)["accountHolderId"])
        banks = _usable(holder)
        return plain(banks[0]["id"]) if banks else None

    def _entity(self, order: AccountOrder) -> Json:
        made: Json = self.connection.people.legal_entities_api.create_legal_entity(
            {
                "type": "individual",
                "reference": order.account_id,
                "individual": {
                    "name": _NOT_TOLD_YET,
                    "email": order.email,
                    "residentialAddress": {"country": order.country},
                },
                "capabilities": {_RECEIVE: {"requested": True}, _SEND: {"requested": True}},
            },
            idempotency_key=keyed(f"{order.key}.entity"),
        ).message
        return made

    def _opened(self, order: AccountOrder, entity: Json) -> AccountFound:
        holder = self.connection.accounts.account_holders_api.create_account_holder(
            {
                "legalEntityId": entity["id"],
                "reference": order.account_id,
                "capabilities": {_RECEIVE: {"requested": True}, _SEND: {"requested": True}},
            },
            idempotency_key=keyed(f"{order.key}.holder"),
        ).message
        account = self.connection.accounts.balance_accounts_api.create_balance_account(
            {"accountHolderId": holder["id"], "reference": order.account_id},
            idempotency_key=keyed(order.key),
        ).message
        return read_account(account, holder, entity)

    def _read_whole(self, account: Json, holder: Json) -> AccountFound:
        people = self.connection.people.legal_entities_api
        entity = people.get_legal_entity(plain(holder["legalEntityId"])).message
        found = read_account(account, holder, entity)
        return replace(found, takes_instant=found.can_be_paid_out and self._takes_instant(account, holder))

    def _takes_instant(self, account: Json, holder: Json) -> bool:
        """Whether Adyen knows an instant way to the bank account that the worker is paid out to."""
        asked = {
            "balancePlatform": self.connection.balance_platform,
            "balanceAccountId": account["id"],
            "category": "bank",
            "counterparty": {"transferInstrumentId": _usable(holder)[0]["id"]},
            "currency": _currency(account),
            "priorities": [_INSTANT],
        }
        try:
            answer = self.connection.accounts.transfer_routes_api.calculate_transfer_routes(asked).message
        except AdyenAPIUnprocessableEntity:
            # There is no way at all that is like this one.
            return False
        return any(each["priority"] == _INSTANT for each in answer.get("transferRoutes") or ())

    def _balance_account(self, gateway_id: str) -> Json:
        found: Json = self.connection.accounts.balance_accounts_api.get_balance_account(
            plain(gateway_id)
        ).message
        return found

    def _holder(self, holder_id: str) -> Json:
        found: Json = self.connection.accounts.account_holders_api.get_account_holder(
            plain(holder_id)
        ).message
        return found

    def _account_of(self, holder: Json) -> Json | None:
        api = self.connection.accounts.account_holders_api
        listed = api.get_all_balance_accounts_of_account_holder(
            plain(holder["id"]), query_parameters=named(limit=str(_MOST))
        ).message["balanceAccounts"]
        return next((each for each in listed if each.get("reference") == holder.get("reference")), None)

    def _holders(self) -> Iterator[Json]:
        api, offset = self.connection.accounts.platform_api, 0
        while True:
            page = api.get_all_account_holders_under_balance_platform(
                plain(self.connection.balance_platform),
                query_parameters=named(limit=str(_MOST), offset=str(offset)),
            ).message
            yield from page["accountHolders"]
            if not page["hasNext"]:
                return
            offset += _MOST


def read_account(account: Json, holder: Json, entity: Json) -> AccountFound:
    """A worker's account in our words."""
    capabilities: Mapping[str, Json] = holder.get("capabilities") or {}
    open_ = holder.get("status") == "active" and account.get("status") == "active"
    banks = _usable(holder)
    last4 = {each["id"]: each.get("realLastFour") for each in entity.get("transferInstruments") or ()}
    receives = open_ and bool(capabilities.get(_RECEIVE, {}).get("allowed"))
    sends = open_ and bool(capabilities.get(_SEND, {}).get("allowed")) and bool(banks)
    missing = _missing(capabilities)
    if not missing and not entity.get("transferInstruments"):
        missing = ("bank_account",)
    return AccountFound(
        gateway_id=account["id"],
        state=_state(holder, account, missing, ready=receives and sends),
        can_receive_transfers=receives,
        can_be_paid_out=sends,
        missing=missing,
        disabled_reason=_disabled(holder, account),
        # Adyen tells the bank's name only together with the account's number, which nobody here wants to see.
        bank_name=None,
        bank_last4=last4.get(banks[0]["id"]) if banks else next(iter(last4.values()), None),
        account_id=ids.ours(account.get("reference"), "ac"),
    )


def _currency(account: Json) -> str:
    # What is there to be paid out; the default is no more than what Adyen shows an empty account in.
    there = (each["currency"] for each in account.get("balances") or () if each["available"] > 0)
    return str(next(there, account["defaultCurrencyCode"]))


def _state(holder: Json, account: Json, missing: tuple[str, ...], *, ready: bool) -> AccountState:
    if _disabled(holder, account) is not None:
        return AccountState.RESTRICTED
    if ready:
        return AccountState.READY
    return AccountState.INCOMPLETE if missing else AccountState.IN_REVIEW


def _disabled(holder: Json, account: Json) -> str | None:
    """What nothing that the worker hands in by themselves ends."""
    for thing in (holder, account):
        if thing.get("status") != "active":
            return str(thing.get("status"))
    for name, capability in sorted((holder.get("capabilities") or {}).items()):
        if capability.get("verificationStatus") == "rejected":
            return f"{name}.rejected"
        if capability.get("enabled") is False:
            return f"{name}.disabled"
    return None


def _missing(capabilities: Mapping[str, Json]) -> tuple[str, ...]:
    errors = (
        error
        for capability in capabilities.values()
        for problem in capability.get("problems") or ()
        for error in problem.get("verificationErrors") or ()
    )
    return tuple(sorted({str(error["code"]) for error in errors if error.get("type") != "pendingStatus"}))


def _usable(holder: Json) -> list[Json]:
    sending = (holder.get("capabilities") or {}).get(_SEND) or {}
    return [each for each in sending.get("transferInstruments") or () if each.get("allowed")]
