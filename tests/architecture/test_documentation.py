"""What an operator can set and what the books can say is written down, and what is written down exists."""

from __future__ import annotations

import ast
import importlib
import inspect
import re

import pytest

from tests.architecture.sources import ROOT, Source, service

# One that ends in "…" is an example.
_CODE = re.compile(r"`((?:assets|liabilities|income|expenses):[^`\s…]+)`")
# The beginning of a code, as in a formatted string, as much as a whole one.
_ACCOUNT = re.compile(r"(assets|liabilities|income|expenses):")
_MAY_MAKE_ACCOUNTS = {
    "ledger/chart.py": "where they are made",
    "ledger/journal.py": "what was kept is read back as it is",
    "ledger/coverage.py": "sums what begins alike, and makes none",
    "ledger/outside.py": "finds what is at a gateway by how it begins, and makes none",
    "ledger/adjustments.py": "names what no adjustment may touch, and asks the chart for the rest",
    "ledger/reports.py": "sorts what is there into the parts of a report by how it begins",
    "api/receipts/words.py": "says in words what a code stands for, and makes none",
}
_ROW = re.compile(r"^\| `([A-Z_]+)` \| ([^|]+) \|", re.MULTILINE)
_SETTING = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|ENVIRONMENT)`")


def test_every_setting_is_documented_and_every_documented_one_exists():
    settings = set(importlib.import_module("runtime.settings").Settings.model_fields)
    documented = set(_SETTING.findall(_page("configuration.md")))
    assert differences(settings, documented) == []


def test_every_default_is_the_documented_one():
    fields = importlib.import_module("runtime.settings").Settings.model_fields
    present = {name: default(field.default) for name, field in fields.items()}
    documented = dict(_ROW.findall(_page("configuration.md")))
    # A key is described and not printed, lest somebody copies it.
    for name in ("SECRET_KEY", "SEALING_KEY"):
        assert documented.pop(name) == "a key for development"
        del present[name]
    assert {name: said.strip("`") for name, said in documented.items()} == present


def test_only_the_settings_read_the_environment():
    assert [place for source in service() for place in environment_reads(source)] == []


@pytest.mark.parametrize(
    "line",
    [
        "os.environ['A_KEY']",
        "os.getenv('A_KEY')",
        "from os import environ",
        "from os import getenv as setting",
    ],
)
def test_a_planted_look_into_the_environment_is_found(line):
    assert environment_reads(Source("escrow/planted.py", line)) == ["escrow/planted.py:1"]


def test_only_the_chart_makes_accounts():
    assert [place for source in service() for place in accounts_made(source)] == []


@pytest.mark.parametrize(
    "line",
    [
        "Account('expenses:planted', 'USD', Side.DEBIT, floor=False, shared=True)",
        "chart.Account(code, currency, side)",
        "replace(account, code=code)",
        "account = dataclasses.replace(account, code='expenses:planted')",
        "code = f'liabilities:wallet:{user_id}'",
        "code = 'income:fees:planted'",
    ],
)
def test_a_planted_account_is_found(line):
    assert set(accounts_made(Source("escrow/planted.py", line))) == {"escrow/planted.py:1"}
    assert accounts_made(Source("ledger/chart.py", line)) == []


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
        and maker.__annotations__["return"] == "Account"
    ]
    assert makers
    assert [
        maker.__name__ for maker in makers if list(inspect.signature(maker).parameters)[-1] != "currency"
    ] == []
    return {_anybody(_made_for_anybody(maker).code) for maker in makers}


def default(value):
    """As the page says it."""
    value = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return "none" if value in (None, "", ()) else str(value)


def environment_reads(source):
    # The settings are read by a library.
    return [
        source.at(node)
        for node in source.nodes(ast.Attribute, ast.alias)
        if getattr(node, "attr", getattr(node, "name", None)) in {"environ", "environb", "getenv"}
        and not ast.unparse(node).startswith("request.")
    ]


def accounts_made(source):
    if source.path in _MAY_MAKE_ACCOUNTS:
        return []
    return [source.at(node) for node in source.nodes(ast.Call, ast.Constant) if _makes_an_account(node)]


def _makes_an_account(node):
    match node:
        case ast.Call(func=ast.Name(id="Account") | ast.Attribute(attr="Account")):
            return True
        case ast.Call(func=ast.Name(id="replace") | ast.Attribute(attr="replace"), keywords=changed):
            return "code" in {each.arg for each in changed}
        case ast.Constant(value=str(text)):
            return _ACCOUNT.match(text) is not None
        case _:
            return False


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
