"""Each side has a receipt of what was theirs, nothing of the others' in it, and anybody can check it."""

from __future__ import annotations

import json
import re
import sys
from importlib import util

import pytest

from api.receipts.words import TOLD
from ledger import movements
from tests.api.conftest import problem
from tests.books import seal_everything
from tests.http.receipts import PROGRAM, amounts, checked, entries_of, entry_of, tampered
from tests.http.town import do, done, signed_in


@pytest.fixture(scope="module")
def sealed(town):
    """A milestone that was funded and released, and everything about it sealed."""
    released = town.one("milestone released")["id"]
    seal_everything()
    return released


@pytest.fixture(scope="module")
def keys(town):
    return done(town.app.test_client().get("/v1/receipts/keys"))


@pytest.fixture(scope="module")
def program():
    """The program, as a module: a process for every change of a field would take an hour."""
    spec = util.spec_from_file_location("verify_receipt_alone", PROGRAM)
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def receipt(person, entry_id):
    return done(person.get(f"/v1/receipts/{entry_id}"))


def later(town, **span):
    """Time passes, and everybody signs in again."""
    town.house.pass_time(**span)
    for name, person in list(town.people.items()):
        town.people[name] = signed_in(town, person.email)


def on_paper(person, entry_id):
    answer = person.get(f"/v1/receipts/{entry_id}?format=pdf")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    return answer.data


def test_the_client_has_a_receipt_of_what_was_charged(town, sealed, keys, tmp_path):
    mine = receipt(town.clara, entry_of(town.clara, sealed, "charged"))
    assert amounts(mine) == {
        "Charged to your card": "105.00",
        "Held for the milestone": "100.00",
        "Our fee": "5.00",
    }
    assert mine["summary"] == (
        "You paid $105.00 for \u201cPart 1\u201d. We hold the price until the work is accepted."
    )
    assert {party["role"] for party in mine["parties"]} == {"client", "worker"}
    said = checked(mine, keys, tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    assert "GENUINE: the entry is in seal" in said.stdout
    assert "Charged to your card: 105.00 USD" in said.stdout


def test_the_worker_has_a_receipt_of_what_was_earned_and_the_client_sees_nothing_of_it(
    town, sealed, keys, tmp_path
):
    entry = entry_of(town.walt, sealed, "released")
    workers, clients = receipt(town.walt, entry), receipt(town.clara, entry)
    assert amounts(workers) == {
        "Paid into your wallet": "90.00",
        "Released for the milestone": "100.00",
        "Our fee": "10.00",
    }
    assert amounts(clients) == {"Released for the milestone": "100.00"}
    # The same entry in the same place of the same seal, shown to each as far as it is theirs.
    assert workers["proof"]["seal"] == clients["proof"]["seal"]
    assert workers["proof"]["position"] == clients["proof"]["position"]
    said = json.dumps(clients)
    for hidden in ("90.00", "10.00", "wallet", "income:fees"):
        assert hidden not in said
    # Any digits may stand within a hash.
    assert set(re.findall(r"[\w+/=]+", said)) & {"9000", "1000"} == set()
    for mine in (workers, clients):
        assert checked(mine, keys, tmp_path).returncode == 0


def test_the_worker_sees_the_hold_of_a_charge_and_not_what_the_client_paid_on_top(town, sealed):
    entry = entry_of(town.walt, sealed, "held")
    theirs = receipt(town.walt, entry)
    assert amounts(theirs) == {"Held for the milestone": "100.00"}
    assert "105.00" not in json.dumps(theirs)
    assert "10500" not in json.dumps(theirs)


def test_no_receipt_shows_what_the_ledger_keeps_for_itself(town, sealed):
    for person in (town.clara, town.walt, town.fiona):
        mine = receipt(person, entry_of(town.clara, sealed, "released"))
        kinds = {part["kind"] for part in mine["proof"]["parts"]}
        assert "kept" not in kinds
        for word in ("seed", "balance_minor", "fingerprint", "idempotency_key", "sequence"):
            assert word not in json.dumps(mine)


def test_how_many_lines_an_entry_has_is_not_told_by_its_receipt(town, sealed):
    charged = receipt(town.clara, entry_of(town.clara, sealed, "charged"))
    released = receipt(town.clara, entry_of(town.clara, sealed, "released"))
    assert len(charged["proof"]["parts"]) == len(released["proof"]["parts"]) == 9


def test_staff_see_all_lines_by_their_accounts(town, sealed, keys, tmp_path):
    seen = receipt(town.fiona, entry_of(town.clara, sealed, "released"))
    assert sorted(line["amount"]["amount"] for line in seen["lines"]) == ["10.00", "100.00", "90.00"]
    assert {line["label"].split(":")[0] for line in seen["lines"]} == {"liabilities", "income"}
    assert checked(seen, keys, tmp_path).returncode == 0


def test_what_is_not_sealed_yet_has_a_receipt_that_says_when_to_come_again(town, keys, tmp_path):
    entry = entry_of(town.clara, town.fresh("milestone funded")["id"], "charged")
    early = receipt(town.clara, entry)
    assert early["proof"] is None
    assert early["ask_again_at"] is not None
    said = checked(early, keys, tmp_path)
    assert said.returncode == 3
    assert "not sealed yet" in said.stdout
    assert checked(on_paper(town.clara, entry), keys, tmp_path).returncode == 3
    # The job does it, within the five minutes that were promised.
    town.house.pass_time(minutes=5)
    later = receipt(town.clara, entry)
    assert later["proof"] is not None
    assert later["ask_again_at"] is None
    assert checked(later, keys, tmp_path).returncode == 0


def test_what_only_concerns_us_is_nobodys_receipt(town, sealed):
    fee = entry_of(town.fiona, sealed, "gateway_fee")
    assert receipt(town.fiona, fee)["lines"]
    for person in (town.clara, town.walt):
        problem(person.get(f"/v1/receipts/{fee}"), 404, "receipt_not_found")


def test_a_withdrawal_has_receipts_for_the_worker_alone(town, keys, tmp_path):
    payout = town.one("payout")["id"]
    later(town, days=3)
    entries = done(town.walt.get(f"/v1/payouts/{payout}"))["entry_ids"]
    seal_everything()
    titles = [receipt(town.walt, entry)["title"] for entry in entries]
    assert titles == ["Withdrawal requested", "Withdrawal sent", "Withdrawal paid"]
    for entry in entries:
        mine = receipt(town.walt, entry)
        assert list(amounts(mine).values()) == ["1.00"]
        assert checked(mine, keys, tmp_path).returncode == 0
        problem(town.clara.get(f"/v1/receipts/{entry}"), 404, "receipt_not_found")


def test_a_refund_has_receipts_of_what_each_side_knows_of_it(town):
    refunded = town.one("milestone refunded")["id"]
    later(town, days=6)
    clients = receipt(town.clara, entry_of(town.clara, refunded, "refunded"))
    assert amounts(clients) == {"Given back to your card": "105.00"}
    workers = receipt(town.walt, entry_of(town.walt, refunded, "refunded"))
    assert amounts(workers) == {"Out of what we held": "100.00"}
    assert "105" not in json.dumps(workers["lines"]) + workers["summary"]


def test_a_refund_that_came_back_and_went_again_has_receipts_for_the_client_alone(town):
    refund = town.fresh("refund failed")
    do(town.clara, f"/v1/refunds/{refund['id']}/order-again")
    came_back, again = entries_of(town.clara, refund["milestone_id"], "refunded")
    assert amounts(receipt(town.clara, came_back)) == {
        "Did not reach your card": "105.00",
        "Owed to you": "105.00",
    }
    assert amounts(receipt(town.clara, again)) == {
        "On its way back to your card": "105.00",
        "No longer owed to you": "105.00",
    }
    (held,) = entries_of(town.walt, refund["milestone_id"], "refunded")
    assert amounts(receipt(town.walt, held)) == {"Out of what we held": "100.00"}
    for theirs in (came_back, again):
        problem(town.walt.get(f"/v1/receipts/{theirs}"), 404, "receipt_not_found")


def test_every_field_that_is_changed_is_found(town, sealed, keys, program):
    mine = receipt(town.clara, entry_of(town.clara, sealed, "charged"))
    known = {key["id"]: program.b64decode(key["public_key"]) for key in keys["keys"]}
    assert program.check(mine, known)
    tried = 0
    for what, changed in tampered(mine):
        with pytest.raises(program.NotGenuine):
            assert program.check(changed, known), what
        tried += 1
    assert tried > 60


def test_every_field_of_the_proof_is_found_by_the_proof_alone(town, sealed, keys, program):
    mine = receipt(town.clara, entry_of(town.clara, sealed, "charged"))
    known = {key["id"]: program.b64decode(key["public_key"]) for key in keys["keys"]}
    assert proved(mine, known, program)
    for what, changed in tampered(mine["proof"]):
        with pytest.raises((program.NotGenuine, KeyError, TypeError, ValueError)):
            assert proved({**mine, "proof": changed}, known, program), what


def proved(mine, known, program):
    """Whether the proof holds, whoever signed the receipt."""
    program._check_place(mine["proof"])
    program._check_seal(mine["proof"], known)
    program._check_contents(mine)
    return True


def test_an_amount_that_is_changed_is_refused_by_the_program(town, sealed, keys, tmp_path):
    mine = receipt(town.clara, entry_of(town.clara, sealed, "charged"))
    mine["lines"][0]["amount"]["amount"] = "1.00"
    said = checked(mine, keys, tmp_path)
    assert (said.returncode, said.stderr) == (1, "")
    assert said.stdout.startswith("NOT TO BE TRUSTED: the signature under the receipt does not fit")


def test_a_receipt_signed_by_nobody_we_trust_is_refused(town, sealed, keys, tmp_path):
    mine = receipt(town.clara, entry_of(town.clara, sealed, "charged"))
    stranger = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    said = checked(mine, keys, tmp_path, "--key", stranger)
    assert said.returncode == 1
    assert "is not one of those you trust" in said.stdout
    own = keys["keys"][0]["public_key"]
    assert checked(mine, keys, tmp_path, "--key", own).returncode == 0


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.4 nothing", b"[]", b'{"id": 1.5}', b'{"id": 1, "id": 2}', b"\xff"]
)
def test_what_is_no_receipt_is_refused_in_a_sentence(keys, tmp_path, content):
    file = tmp_path / "other.json"
    file.write_bytes(content)
    said = checked(b"", keys, tmp_path, "--keys", "keys.json")
    assert (said.returncode, said.stderr) == (1, "")
    assert said.stdout.startswith("NOT TO BE TRUSTED: ")


def test_the_page_carries_the_receipt_that_is_checked(town, sealed, keys, tmp_path):
    entry = entry_of(town.walt, sealed, "released")
    page = on_paper(town.walt, entry)
    assert page.startswith(b"%PDF-")
    said = checked(page, keys, tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    assert "Paid into your wallet: 90.00 USD" in said.stdout
    changed = page.replace(b'"90.00"', b'"99.00"')
    assert changed != page
    assert checked(changed, keys, tmp_path).returncode == 1


def test_everybody_may_have_the_keys_and_the_head(town, sealed):
    keys = done(town.app.test_client().get("/v1/receipts/keys"))
    (key,) = keys["keys"]
    assert key["state"] == "present"
    assert keys["head"]["number"] >= 1
    mine = receipt(town.clara, entry_of(town.clara, sealed, "charged"))
    assert mine["key_id"] == mine["proof"]["seal"]["key_id"] == key["id"]


def test_every_movement_says_what_a_receipt_tells_of_it():
    assert set(TOLD) == set(movements.CATALOGUE)
    for told in TOLD.values():
        sides = {side for line in told.lines for side in line.sides}
        assert sides == set(told.sentences), told.title
