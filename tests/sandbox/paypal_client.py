"""What the tests of the PayPal peer say to it: plain HTTP, as any client of PayPal's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import requests


class Client:
    """A client with an access token."""

    def __init__(self, peer):
        self.peer = peer
        self.session = requests.Session()
        self.session.headers["Prefer"] = "return=representation"
        self.sign_in()

    def sign_in(self):
        known = self.peer.credentials
        answer = requests.post(
            f"{self.peer.api_base}/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(known["client_id"], known["client_secret"]),
            timeout=20,
        )
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path, **query):
        return self._send("GET", path, params=query)

    def post(self, path, body=None, *, key=None, **more):
        headers = {"PayPal-Request-Id": key} if key else {}
        return self._send("POST", path, json=body, headers=headers, **more)

    def delete(self, path):
        return self._send("DELETE", path)

    def order(self, value="100.00", *, currency="USD", key=None, save=False, **unit):
        wallet = {"experience_context": {"user_action": "PAY_NOW"}}
        if save:
            vault = {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"}
            wallet["attributes"] = {"customer": {"id": "client_7"}, "vault": vault}
        body = {
            "intent": "CAPTURE",
            "purchase_units": [{"amount": {"currency_code": currency, "value": value}, **unit}],
            "payment_source": {"paypal": wallet},
        }
        return self.post("/v2/checkout/orders", body, key=key)

    def paid(self, value="100.00", *, instrument="good", **how):
        order = self.order(value, **how).json()
        self.peer.approve(order["id"], instrument=instrument)
        return self.post(f"/v2/checkout/orders/{order['id']}/capture").json()

    def capture(self, *args, **how):
        return self.paid(*args, **how)["purchase_units"][0]["payments"]["captures"][0]

    def refund(self, capture, value=None, *, key=None):
        body = {} if value is None else {"amount": {"currency_code": "USD", "value": value}}
        return self.post(f"/v2/payments/captures/{capture}/refund", body, key=key)

    def evidence(self, dispute, notes):
        given = json.dumps({"evidences": [{"evidence_type": "OTHER", "notes": notes}]})
        files = {"input": ("input.json", given, "application/json")}
        return self._send("POST", f"/v1/customer/disputes/{dispute}/provide-evidence", files=files)

    def payout(self, batch="b1", receiver="worker@example.com", value="20.00"):
        item = {
            "recipient_type": "EMAIL",
            "amount": {"currency": "USD", "value": value},
            "receiver": receiver,
            "sender_item_id": "po_1",
        }
        return self.post(
            "/v1/payments/payouts", {"sender_batch_header": {"sender_batch_id": batch}, "items": [item]}
        )

    def payout_item(self, batch):
        return self.get(f"/v1/payments/payouts/{batch}").json()["items"][0]

    def lines(self, **query):
        now = datetime.fromtimestamp(self.peer.now(), UTC)
        begins, ends = now - timedelta(days=30), now + timedelta(minutes=1)
        stretch = {"start_date": instant(begins), "end_date": instant(ends)}
        answer = self.get("/v1/reporting/transactions", **stretch | query).json()
        return [each["transaction_info"] for each in answer["transaction_details"]]

    def codes(self):
        return [
            (line["transaction_event_code"], line["transaction_amount"]["value"]) for line in self.lines()
        ]

    def balance(self, currency="USD"):
        (found,) = self.get("/v1/reporting/balances", currency_code=currency).json()["balances"]
        return found["available_balance"]["value"]

    def _send(self, method, path, **more):
        return self.session.request(method, self.peer.api_base + path, timeout=20, **more)


def instant(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def issue(answer):
    return (answer.status_code, answer.json()["details"][0]["issue"])
