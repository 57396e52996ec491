"""What an operator can set and what the books can say is written down, and what is written down exists."""

from __future__ import annotations

import importlib
import inspect
import re

from tests.architecture.sources import ROOT

# One that ends in "…" is an example.
_CODE = re.compile(r"`((?:assets|liabilities|income|expenses):[^`\s…]+)`")
_SETTING = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|ENVIRONMENT)`")


def test_every_setting_is_documented_and_every_documented_one_exists():
    settings = set(importlib.import_module("runtime.settings").Settings.model_fields)
    documented = set(_SETTING.findall(_page("configuration.md")))
    assert differences(settings, documented) == []


def test_every_account_is_documented_and_every_documented_one_exists():
    documented = {_anybody(code) for code in _CODE.findall(_page("glossary.md"))}
    assert differences(account_codes(importlib.import_module("ledger.chart")), documented) == []


def test_every_movement_is_documented():
    catalogue = importlib.import_module("ledger.movements").CATALOGUE
    assert [name for name in catalogue if f"`{name}`" not in _page("glossary.md")] == []


def test_a_planted_difference_is_found_on_both_sides():
    assert differences({"A", "B"}, {"B", "C"}) == [
        "A is not documented",
        "C is documented and does not exist",
    ]


def test_settings_and_accounts_are_recognised_in_a_page():
    assert _SETTING.findall("Set `DATABASE_URL` (not `sqlite`), and `ENVIRONMENT`.") == [
        "DATABASE_URL",
        "ENVIRONMENT",
    ]
    assert [_anybody(code) for code in _CODE.findall("Held in `liabilities:escrow:<milestone>`.")] == [
        "liabilities:escrow:<>"
    ]


def account_codes(chart):
    makers = [
        maker
        for name, maker in inspect.getmembers(chart, inspect.isfunction)
        if not name.startswith("_")
        and maker.__module__ == chart.__name__
        and list(inspect.signature(maker).parameters)[-1] == "currency"
        and maker.__annotations__["return"] == "Account"
    ]
    assert makers
    return {_anybody(_made_for_anybody(maker).code) for maker in makers}


def differences(existing, documented):
    return [f"{name} is not documented" for name in sorted(existing - documented)] + [
        f"{name} is documented and does not exist" for name in sorted(documented - existing)
    ]


def _made_for_anybody(maker):
    names = inspect.signature(maker).parameters
    return maker(**{name: "USD" if name == "currency" else f"<{name}>" for name in names})


def _anybody(code):
    return re.sub(r"<[^>]*>", "<>", code)


def _page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")
