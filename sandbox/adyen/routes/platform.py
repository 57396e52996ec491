"""Balance Platform v2 and Legal Entity v4: who holds an account, and what lies there."""

from sandbox.adyen import ledger, onboarding
from sandbox.adyen.errors import Json
from sandbox.adyen.router import Answer, Call, route

_USUAL = 10


@route("POST", "/lem/v4/legalEntities")
def create_entity(call: Call) -> Answer:
    """A person of whom Adyen wants to know more."""
    call.need("type")
    entity = {"id": call.world.new_id("LE")} | call.body
    return 200, _entity(call, call.world.put("legalEntity", entity))


@route("GET", "/lem/v4/legalEntities/{id}")
def entity_of(call: Call) -> Answer:
    """The person, with the bank accounts they have given."""
    return 200, _entity(call, call.world.get("legalEntity", call.parts["id"]))


@route("POST", "/lem/v4/legalEntities/{id}/onboardingLinks")
def onboarding_link(call: Call) -> Answer:
    """A page on which the person tells the rest."""
    entity = call.world.get("legalEntity", call.parts["id"])
    token = call.world.psp()
    call.world.notes(entity["id"]).setdefault("links", {})[token] = call.body.get("redirectUrl", "")
    return 200, {"url": f"{call.base_url}/hosted/onboarding/{entity['id']}/{token}"}


@route("GET", "/lem/v4/transferInstruments/{id}")
def instrument(call: Call) -> Answer:
    """A bank account."""
    found = call.world.get("transferInstrument", call.parts["id"])
    bank = {
        "accountIdentification": {
            "type": "usLocal",
            "accountNumber": f"00000{found['last4']}",
            "routingNumber": "121202211",
        },
        "bankName": "Sandbox Bank",
        "countryCode": "US",
    }
    known = {"id": found["id"], "legalEntityId": found["legalEntityId"], "type": "bankAccount"}
    return 200, known | {"bankAccount": bank}


@route("POST", "/bcl/v2/accountHolders")
def create_holder(call: Call) -> Answer:
    """A holder of accounts, for a legal entity."""
    call.need("legalEntityId")
    call.world.get("legalEntity", call.body["legalEntityId"])
    capabilities = call.body.get("capabilities") or dict.fromkeys(onboarding.CAPABILITIES)
    holder = {
        "id": call.world.new_id("AH"),
        "balancePlatform": call.world.settings.balance_platform,
        "status": "active",
    }
    given = call.body | {"capabilities": onboarding.asked_for(capabilities)}
    return 200, call.world.put("accountHolder", holder | given)


@route("GET", "/bcl/v2/accountHolders/{id}")
def holder_of(call: Call) -> Answer:
    """A holder of accounts."""
    return 200, call.world.get("accountHolder", call.parts["id"])


@route("GET", "/bcl/v2/balancePlatforms/{id}/accountHolders")
def holders(call: Call) -> Answer:
    """All holders of accounts, page by page."""
    return 200, _page(call, list(call.world.shelf("accountHolder")), "accountHolders")


@route("POST", "/bcl/v2/balanceAccounts")
def create_account(call: Call) -> Answer:
    """An account of a holder."""
    call.need("accountHolderId")
    holder = call.world.get("accountHolder", call.body["accountHolderId"])
    account = {"id": call.world.new_id("BA"), "status": "active", "defaultCurrencyCode": "USD"} | call.body
    call.world.put("balanceAccount", account)
    holder.setdefault("primaryBalanceAccount", account["id"])
    return 200, account | {"balances": ledger.balances(call.world, account["id"])}


@route("GET", "/bcl/v2/balanceAccounts/{id}")
def account_of(call: Call) -> Answer:
    """An account, with what lies there."""
    account = call.world.get("balanceAccount", call.parts["id"])
    return 200, account | {"balances": ledger.balances(call.world, account["id"])}


@route("GET", "/bcl/v2/accountHolders/{id}/balanceAccounts")
def accounts_of(call: Call) -> Answer:
    """The accounts of a holder, page by page."""
    holder = call.world.get("accountHolder", call.parts["id"])
    found = [each for each in call.world.shelf("balanceAccount") if each["accountHolderId"] == holder["id"]]
    return 200, _page(call, found, "balanceAccounts")


@route("POST", "/bcl/v2/transferRoutes/calculate")
def transfer_routes(call: Call) -> Answer:
    """By which ways a bank account can be paid out to."""
    bank = call.world.get("transferInstrument", call.body["counterparty"]["transferInstrumentId"])
    ways = ["regular", "instant"] if bank["takes_instant"] else ["regular"]
    asked = call.body.get("priorities") or ways
    common = {"category": "bank", "country": "US", "currency": call.body["currency"]}
    return 200, {"transferRoutes": [common | {"priority": way} for way in ways if way in asked]}


def _page(call: Call, found: list[Json], name: str) -> Json:
    start, limit = int(call.query.get("offset", "0")), int(call.query.get("limit", _USUAL))
    return {
        name: found[start : start + limit],
        "hasNext": start + limit < len(found),
        "hasPrevious": start > 0,
    }


def _entity(call: Call, entity: Json) -> Json:
    instruments = [
        {"id": each["id"], "accountIdentifier": f"******{each['last4']}", "realLastFour": each["last4"]}
        for each in call.world.shelf("transferInstrument")
        if each["legalEntityId"] == entity["id"]
    ]
    return entity | {"transferInstruments": instruments}
