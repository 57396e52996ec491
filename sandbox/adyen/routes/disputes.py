"""Disputes v30: what can be said against a chargeback, and saying it."""

from sandbox.adyen import disputing
from sandbox.adyen.errors import AdyenError, Json
from sandbox.adyen.router import Answer, Call, route

_SERVICE = "/ca/services/DisputeService/v30"


@route("POST", _SERVICE + "/retrieveApplicableDefenseReasons")
def reasons(call: Call) -> Answer:
    """What a dispute can be defended with."""
    dispute = _dispute(call)
    there = disputing.there(dispute)
    found = [
        {
            "defenseReasonCode": code,
            "satisfied": not disputing.missing(dispute, code),
            "defenseDocumentTypes": [
                {
                    "available": each in there,
                    "defenseDocumentTypeCode": each,
                    "requirementLevel": level,
                }
                for each, level in types.items()
            ],
        }
        for code, types in dispute["reasons"].items()
    ]
    return 200, _result() | ({"defenseReasons": found} if not disputing.is_over(dispute) else {})


@route("POST", _SERVICE + "/supplyDefenseDocument")
def supply(call: Call) -> Answer:
    """Take documents in."""
    disputing.supplied(_dispute(call), call.body["defenseDocuments"])
    return 200, _result()


@route("POST", _SERVICE + "/defendDispute")
def defend(call: Call) -> Answer:
    """Hand the documents in."""
    call.need("defenseReasonCode")
    reason = call.body["defenseReasonCode"]
    return 200, _result(disputing.defended(call.world, _dispute(call), reason=reason))


@route("POST", _SERVICE + "/acceptDispute")
def accept(call: Call) -> Answer:
    """Let the shopper's bank keep what it took."""
    disputing.moved(call.world, _dispute(call), "DISPUTE_DEFENSE_PERIOD_ENDED")
    return 200, _result()


def _dispute(call: Call) -> Json:
    call.of_ours("merchantAccountCode")
    call.need("disputePspReference")
    psp = call.body["disputePspReference"]
    if psp not in call.world.data["shelves"].get("dispute", ()):
        raise AdyenError(422, "DS_002", "There is no such dispute.")
    return call.world.get("dispute", psp)


def _result(trouble: str | None = None) -> Json:
    result: Json = {"success": trouble is None}
    if trouble is not None:
        result["errorMessage"] = trouble
    return {"disputeServiceResult": result}
