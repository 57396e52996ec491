"""Every account has its code, its side and its rules."""

from __future__ import annotations

import re

import pytest

from kernel.ids import encode
from ledger import chart
from ledger.chart import Account, Side

# They stand in the names of tests, which every worker of a run must find alike.
MILESTONE, WORKER = encode("ms", bytes(range(16))), encode("us", bytes(range(16)))

ACCOUNTS = [
    (chart.gateway_pending("stripe", "USD"), "assets:gateway:stripe:pending", "shared"),
    (chart.gateway_available("stripe", "USD"), "assets:gateway:stripe:available", "shared"),
    (chart.connected("stripe", WORKER, "USD"), f"assets:gateway:stripe:connected:{WORKER}", "personal"),
    (chart.conversion("stripe", "USD"), "assets:conversion:stripe", "shared"),
    (chart.receivable(WORKER, "USD"), f"assets:receivable:{WORKER}", "floor"),
    (chart.bank("USD"), "assets:bank:arrived", "shared"),
    (chart.bank_in_transit("USD"), "assets:bank:in_transit", "shared"),
    (chart.escrow(MILESTONE, "USD"), f"liabilities:escrow:{MILESTONE}", "floor"),
    (chart.owed(MILESTONE, "USD"), f"liabilities:owed:{MILESTONE}", "floor"),
    (chart.wallet(WORKER, "USD"), f"liabilities:wallet:{WORKER}", "floor"),
    (chart.left_with(WORKER, "USD"), f"liabilities:left:{WORKER}", "floor"),
    (chart.payouts_in_transit("USD"), "liabilities:payouts:in_transit", "shared"),
    (chart.refunds_in_transit("USD"), "liabilities:refunds:in_transit", "shared"),
    (chart.withholding_federal("USD"), "liabilities:withholding:federal", "shared"),
    (chart.withholding_state("CA", "USD"), "liabilities:withholding:state:CA", "shared"),
    (chart.suspense("stripe", "USD"), "liabilities:suspense:stripe", "shared"),
    (chart.client_fees("USD"), "income:fees:client", "shared"),
    (chart.worker_fees("USD"), "income:fees:worker", "shared"),
    (chart.payout_fees("USD"), "income:fees:payout", "shared"),
    (chart.gateway_fees("USD"), "expenses:gateway_fees", "shared"),
    (chart.chargebacks("USD"), "expenses:chargebacks", "shared"),
    (chart.chargeback_fees("USD"), "expenses:chargeback_fees", "shared"),
    (chart.goodwill("USD"), "expenses:goodwill", "shared"),
    (chart.exchange("USD"), "expenses:exchange", "shared"),
]


@pytest.mark.parametrize(("account", "code", "kind"), ACCOUNTS, ids=[code for _, code, _ in ACCOUNTS])
def test_an_account_has_its_code_and_grows_on_its_side(account, code, kind):
    assert account.code == code
    assert account.currency == "USD"
    assert account.normal is (Side.DEBIT if code.startswith(("assets:", "expenses:")) else Side.CREDIT)
    assert (account.floor, account.shared) == {
        "shared": (False, True),
        "personal": (False, False),
        "floor": (True, False),
    }[kind]


def test_the_chart_has_no_account_that_is_not_listed_here():
    makers = {
        name
        for name, maker in vars(chart).items()
        if getattr(maker, "__annotations__", {}).get("return") == "Account" and not name.startswith("_")
    }
    assert len(makers) == len(ACCOUNTS)


@pytest.mark.parametrize("code", [code for _, code, _ in ACCOUNTS])
def test_a_code_is_an_account_name_of_hledger(code):
    assert re.fullmatch(r"[a-z_]+(:[0-9A-Za-z_]+)+", code)


def test_the_row_of_an_account_follows_from_its_code_and_currency():
    dollars = chart.wallet(WORKER, "USD")
    assert dollars.row_id == chart.wallet(WORKER, "USD").row_id
    assert len({dollars.row_id, chart.wallet(WORKER, "EUR").row_id, chart.client_fees("USD").row_id}) == 3
    assert chart.client_fees("USD").row_id.hex() == "63de50456b6844bd1f7cc1ae465fc5af"


def test_a_floor_cannot_be_watched_in_lanes():
    with pytest.raises(AssertionError):
        Account("liabilities:both", "USD", Side.CREDIT, floor=True, shared=True)
