"""What finance asks over HTTP."""

from __future__ import annotations

import csv
import io

import pytest

from persistence import due
from persistence.unit_of_work import reading
from tests.escrow.story import ADMIN, CLIENT, FINANCE, SUPPORT
from tests.payouts.world import nothing_is_booked

ROOT = "/v1/staff/reconciliation"


@pytest.fixture
def staff(finance, world):
    """Asks as finance."""
    world.fund()
    world.settle()
    world.peer.book_line("moon_fee", -250)

    class Staff:
        get = staticmethod(lambda path, **query: world.get(f"{ROOT}/{path}", by=FINANCE, query_string=query))
        post = staticmethod(
            lambda path, body=None, **options: world.post(f"{ROOT}/{path}", body, by=FINANCE, **options)
        )

    return Staff


def test_a_run_is_begun_and_carried_on_in_the_background(staff, world):
    answer = staff.post("runs", {"gateway": "stripe"})
    assert (answer.status_code, answer.json["state"]) == (201, "reading")
    assert staff.post("runs", {"gateway": "stripe"}).json["id"] == answer.json["id"]
    world.settle()
    found = staff.get(f"runs/{answer.json['id']}").json
    assert (found["state"], found["lines"], found["started_by"]) == ("done", 2, FINANCE.id)
    assert [each["id"] for each in staff.get("runs").json["data"]] == [found["id"]]
    assert staff.post("runs", {"gateway": "nobody"}).json["code"] == "gateway_unknown"
    assert staff.post("runs", {"gateway": "stripe", "day": "2199-01-01"}).json["code"] == "day_not_reached"
    assert reading(due.parked) == []


def test_a_report_is_read_and_taken_along(staff, finance):
    run = finance.reconcile()
    (report,) = staff.get(f"runs/{run.id}/reports").json["reports"]
    assert (report["opening"]["amount"], report["closing"]["amount"], report["difference"]["amount"]) == (
        "0.00",
        "99.15",
        "0.00",
    )
    assert report["open_breaks"][0]["difference"]["amount"] == "-2.50"
    file = staff.get(f"runs/{run.id}/reports/USD/csv")
    rows = list(csv.reader(io.StringIO(file.data.decode())))
    assert [row[0] for row in rows[1:]][:3] == ["Opening", "charge", "moon_fee"]
    assert rows[-1][1:] == ["unknown_type", "", "0", "-2.50", "0.00", "-2.50"]
    for form, begin in (("xlsx", b"PK"), ("pdf", b"%PDF")):
        assert staff.get(f"runs/{run.id}/reports/USD/{form}").data.startswith(begin)
    assert staff.get(f"runs/{run.id}/reports/EUR/csv").json["code"] == "report_not_found"
    assert staff.get(f"runs/{run.id}/reports/USD/doc").json["code"] == "report_form_unknown"


def test_breaks_are_found_page_by_page(staff, finance, world):
    world.peer.book_line("moon_fee", -100)
    finance.reconcile()
    first = staff.get("breaks", limit=1, kind="unknown_type", state="open").json
    second = staff.get("breaks", limit=1, kind="unknown_type", state="open", cursor=first["next_cursor"]).json
    found = [each["difference"]["amount"] for page in (first, second) for each in page["data"]]
    assert (sorted(found), second["next_cursor"]) == (["-1.00", "-2.50"], None)
    assert staff.get("breaks", kind="timing").json["data"] == []
    assert staff.get("breaks", currency="EUR").json["data"] == []


def test_a_break_is_assigned_and_resolved_with_a_preview_that_changes_nothing(staff, finance, world):
    finance.reconcile()
    (found,) = staff.get("breaks").json["data"]
    path = f"breaks/{found['id']}"
    assert staff.post(f"{path}/assign", {"owner": ADMIN.id}).json["owner"] == ADMIN.id
    body = {"explanation": "gateway_fees", "reason": "They told us."}
    with nothing_is_booked():
        preview = staff.post(f"{path}/resolve?preview=true", body).json
    assert [entry["movement"] for entry in preview["entries"]] == ["suspense_explained"]
    key = {"Idempotency-Key": "once"}
    first, again = (staff.post(f"{path}/resolve", body, headers=key) for _ in range(2))
    assert (first.status_code, first.json, again.headers["Idempotency-Replayed"]) == (200, again.json, "true")
    assert staff.get(path).json["state"] == "resolved"
    assert staff.post(f"{path}/resolve", body).json["code"] == "break_closed"
    wrong = staff.post(f"{path}/resolve", {"explanation": "adjustment", "reason": "x"})
    assert wrong.status_code == 422


def test_solvency_is_read_with_what_has_to_stay(staff, finance):
    finance.reconcile()
    (stated,) = staff.get("statements").json["data"]
    assert (stated["state"], stated["shortfall"]["amount"], stated["stated"]["held_minor"]) == (
        "short",
        "0.85",
        "10000",
    )
    assert staff.get("statements", state="covered").json["data"] == []
    least = staff.get("minimum-balance", gateway="stripe").json
    assert (least["minimum_balance"]["amount"], least["there"]["amount"]) == ("100.00", "99.15")


@pytest.mark.parametrize("person", [CLIENT, SUPPORT])
def test_nobody_else_sees_any_of_it(world, person):
    for path in ("runs", "breaks", "statements", "minimum-balance?gateway=stripe"):
        assert world.get(f"{ROOT}/{path}", by=person).status_code == 403
    assert world.post(f"{ROOT}/runs", {"gateway": "stripe"}, by=ADMIN).status_code == 403
