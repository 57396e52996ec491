"""What the tests of Adyen's peer have in common: calls without the adapter, and an endpoint for notifications."""

from __future__ import annotations

import json

import requests

from tests.sandbox.endpoint import Endpoint

NOW_AND_THEN = {"createdSince": "2026-01-01T00:00:00Z", "createdUntil": "2026-06-01T00:00:00Z"}


class Api:
    """Adyen's API, as anybody would call it."""

    def __init__(self, peer):
        self.peer = peer
        self.ours = peer.settings

    def ask(self, method, path, body=None, *, key=None, api_key=None, **query):
        headers = {"X-API-Key": self.ours.api_key if api_key is None else api_key}
        if key is not None:
            headers["Idempotency-Key"] = key
        response = requests.request(
            method, self.peer.api_base + path, json=body, params=query, headers=headers, timeout=20
        )
        return response.status_code, response.json() if response.text else {}

    def session(self, reference="py_1", value=10_000, *, key=None, **more):
        ours = self.ours.balance_account
        body = {
            "merchantAccount": self.ours.merchant_account,
            "amount": {"value": value, "currency": "USD"},
            "reference": reference,
            "returnUrl": "https://example.com",
            "splits": [
                {
                    "type": "BalanceAccount",
                    "account": ours,
                    "reference": reference,
                    "amount": {"value": value},
                },
                {"type": "PaymentFee", "account": ours, "reference": reference},
            ],
        }
        return self.ask("POST", "/checkout/v72/sessions", body | more, key=key)

    def paid(self, reference="py_1", value=10_000):
        return self.peer.pay(self.session(reference, value)[1]["id"])

    def refund(self, payment, value=1_000, reference="rf_1", **about):
        body = {
            "merchantAccount": self.ours.merchant_account,
            "amount": {"value": value, "currency": "USD"},
            "reference": reference,
        }
        return self.ask("POST", f"/checkout/v72/payments/{payment}/refunds", body, **about)

    def balance(self, account=None):
        _, found = self.ask("GET", f"/bcl/v2/balanceAccounts/{account or self.ours.balance_account}")
        (balance,) = found["balances"]
        return balance

    def worker(self, *, onboarded=True):
        name = {"firstName": "Ana", "lastName": "Worker"}
        person = {"name": name, "residentialAddress": {"country": "US"}}
        _, entity = self.ask("POST", "/lem/v4/legalEntities", {"type": "individual", "individual": person})
        _, holder = self.ask("POST", "/bcl/v2/accountHolders", {"legalEntityId": entity["id"]})
        _, account = self.ask("POST", "/bcl/v2/balanceAccounts", {"accountHolderId": holder["id"]})
        if onboarded:
            self.peer.complete_onboarding(account["id"])
        return account["id"], holder["id"], entity["id"]

    def transfer(self, value, counterparty, *, source=None, category="internal", key=None, **more):
        body = {
            "amount": {"value": value, "currency": "USD"},
            "balanceAccountId": source or self.ours.balance_account,
            "category": category,
            "counterparty": counterparty,
        }
        return self.ask("POST", "/btl/v4/transfers", body | more, key=key)


class NewsEndpoint(Endpoint):
    """Reads what Adyen sends."""

    @property
    def codes(self):
        """The event codes of all items, and the types of all news of the platform, in the order of arrival."""
        bodies = [json.loads(body) for body, _ in self.received]
        return [
            [each["NotificationRequestItem"]["eventCode"] for each in body["notificationItems"]]
            if "notificationItems" in body
            else body["type"]
            for body in bodies
        ]
