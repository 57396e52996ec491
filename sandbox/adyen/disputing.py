"""Disputes: what a shopper's bank asks, takes, gives back and takes again."""

from sandbox.adyen import ledger, news
from sandbox.adyen.errors import Json, invalid
from sandbox.adyen.paying import category_data
from sandbox.adyen.settings import DAY
from sandbox.adyen.state import World, written

_OPEN = {"Unresponded"}
_DAYS_TO_DEFEND = 18
# What Visa's disputes are defended with, and which papers that takes.
_REASONS = {"SupplyDefenseMaterial": {"DefenseMaterial": "Required"}}
# What each word does to the money, and where the dispute stands after it.
_MOVES = {
    "CHARGEBACK": ("chargeback", "Unresponded"),
    "CHARGEBACK_REVERSED": ("chargebackReversal", "Pending"),
    "SECOND_CHARGEBACK": ("secondChargeback", "Lost"),
    "PREARBITRATION_WON": ("chargebackReversal", "Won"),
    "PREARBITRATION_LOST": (None, "Lost"),
    "DISPUTE_DEFENSE_PERIOD_ENDED": (None, "Expired"),
    "INFORMATION_SUPPLIED": (None, "Responded"),
    "NOTIFICATION_OF_CHARGEBACK": (None, "Unresponded"),
    "DISPUTE_OPENED_WITH_CHARGEBACK": (None, "Unresponded"),
    "REQUEST_FOR_INFORMATION": (None, "Unresponded"),
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": (None, "Won"),
    "PREARBITRATION_OPEN": (None, "Unresponded"),
    "PREARBITRATION_DECLINED": (None, "Responded"),
    "PREARBITRATION_ACCEPTED": (None, "Accepted"),
    "PREARBITRATION_ISSUER_WITHDRAWN": ("chargebackReversal", "Won"),
    "SCHEME_ARBITRATION": (None, "Pending"),
    "SCHEME_ARBITRATION_WON": ("chargebackReversal", "Won"),
    "SCHEME_ARBITRATION_LOST": (None, "Lost"),
}
# Which stage a word opens; in each of them the bank is answered once.
_STAGES = {
    "REQUEST_FOR_INFORMATION": "question",
    "NOTIFICATION_OF_CHARGEBACK": "chargeback",
    "DISPUTE_OPENED_WITH_CHARGEBACK": "chargeback",
    "CHARGEBACK": "chargeback",
    "PREARBITRATION_OPEN": "appeal",
}
_STATUS = {"chargeback": "chargeback", "chargebackReversal": "chargebackReversed"}


def opened(
    world: World,
    payment: Json,
    *,
    inquiry: bool = False,
    amount: int | None = None,
    auto_defended: bool = False,
    reasons: Json | None = None,
) -> Json:
    """The shopper's bank takes a payment back, or only asks; Adyen may answer by itself."""
    dispute = world.put(
        "dispute",
        {
            "id": world.psp(),
            "payment": payment["id"],
            "amount": {
                "currency": payment["amount"]["currency"],
                "value": amount or payment["amount"]["value"],
            },
            "status": "Unresponded",
            "stage": None,
            "reasons": reasons or _REASONS,
        },
    )
    if inquiry:
        moved(world, dispute, "REQUEST_FOR_INFORMATION")
        return dispute
    _begin(world, dispute, "CHARGEBACK", auto_defended=auto_defended)
    _take(world, dispute, "chargeback")
    _charge_fee(world, dispute)
    payment["state"] = "charged_back"
    told = [_item(world, dispute, code) for code in ("NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK")]
    news.standard(world, *told)
    if auto_defended:
        dispute["defended"] = True
        moved(world, dispute, "INFORMATION_SUPPLIED")
    return dispute


def moved(world: World, dispute: Json, code: str) -> Json:
    """The dispute goes on as `code` says, with the money that this moves."""
    kind, status = _MOVES[code]
    if code not in _STAGES or _STAGES[code] != dispute["stage"]:
        dispute["status"] = status
        _begin(world, dispute, code)
    if kind is not None:
        _take(world, dispute, kind)
    if code == "CHARGEBACK":
        _charge_fee(world, dispute)
    news.standard(world, _item(world, dispute, code))
    return dispute


def warned(world: World, payment: Json) -> Json:
    """The card's network suspects that a payment is fraud."""
    psp = world.psp()
    data = {"nofReasonCode": "6", "nofSchemeCode": "visa"}
    told = news.item(world, "NOTIFICATION_OF_FRAUD", psp=psp, payment=payment, reason="6:Fraud", data=data)
    news.standard(world, told)
    return {"id": psp, "payment": payment["id"]}


def supplied(dispute: Json, documents: list[Json]) -> None:
    """Take documents in; one of each type, the last."""
    if is_over(dispute):
        raise invalid("The dispute cannot be defended any more.", code="DS_001")
    types = {document["defenseDocumentTypeCode"] for document in documents}
    kept = [each for each in dispute["documents"] if each["defenseDocumentTypeCode"] not in types]
    dispute["documents"] = kept + documents


def is_over(dispute: Json) -> bool:
    """Whether the bank hears nothing any more."""
    return dispute["status"] not in _OPEN and not dispute["defended"]


def there(dispute: Json) -> set[str]:
    """The types of the documents that were supplied."""
    return {document["defenseDocumentTypeCode"] for document in dispute["documents"]}


def missing(dispute: Json, reason: str) -> str | None:
    """Why the documents are not enough for a reason, if they are not."""
    types, supplied = dispute["reasons"].get(reason), there(dispute)
    if types is None or not supplied:
        return "There is no such reason, or no defense document was supplied."
    either = {each for each, level in types.items() if level == "OneOrMore"}
    required = {each for each, level in types.items() if level == "Required"}
    if not required <= supplied or (either and not either & supplied) or supplied - set(types):
        return "The defense documents are not those of the reason."
    return None


def defended(world: World, dispute: Json, *, reason: str) -> str | None:
    """Hand the documents in, once; returns why not."""
    if dispute["defended"] or is_over(dispute):
        return "The dispute has been defended already or cannot be any more."
    trouble = missing(dispute, reason)
    if trouble is not None:
        return trouble
    dispute["defended"] = True
    moved(world, dispute, "INFORMATION_SUPPLIED")
    return None


def _begin(world: World, dispute: Json, code: str, *, auto_defended: bool = False) -> None:
    if code in _STAGES:
        dispute |= {
            "stage": _STAGES[code],
            "ends": written(world.now() + _DAYS_TO_DEFEND * DAY),
            "documents": [],
            "defended": False,
            "auto_defended": auto_defended,
        }


def _take(world: World, dispute: Json, kind: str) -> None:
    payment = world.get("payment", dispute["payment"])
    back = kind == "chargebackReversal"
    value = dispute["amount"]["value"]
    transfer = ledger.opened(
        world,
        account=world.settings.balance_account,
        category="platformPayment",
        kind=kind,
        amount=dispute["amount"],
        incoming=back,
        reference=payment["reference"],
        data=category_data(payment, psp=dispute["id"], reference="<auto>", kind="BalanceAccount"),
    )
    ledger.step(world, transfer, _STATUS.get(kind, kind), balance=value if back else -value)


def _charge_fee(world: World, dispute: Json) -> None:
    payment, fee = world.get("payment", dispute["payment"]), world.settings.dispute_fee_minor
    transfer = ledger.opened(
        world,
        account=world.settings.balance_account,
        category="platformPayment",
        kind="chargeback",
        amount={"currency": dispute["amount"]["currency"], "value": fee},
        incoming=False,
        reference=payment["reference"],
        data=category_data(payment, psp=dispute["id"], reference="<auto>", kind="AdyenFees"),
    )
    ledger.step(world, transfer, "chargeback", balance=-fee)


def _item(world: World, dispute: Json, code: str) -> Json:
    payment = world.get("payment", dispute["payment"])
    data = {
        "disputeStatus": dispute["status"],
        "defendable": "true" if dispute["status"] in _OPEN else "false",
        "chargebackReasonCode": "10.4",
        "chargebackSchemeCode": "visa",
        "defensePeriodEndsAt": dispute["ends"],
    }
    if dispute["auto_defended"]:
        data["autoDefended"] = "true"
    return news.item(
        world,
        code,
        psp=dispute["id"],
        payment=payment,
        amount=dispute["amount"],
        reason="Other Fraud-Card Absent Environment",
        data=data,
    )
