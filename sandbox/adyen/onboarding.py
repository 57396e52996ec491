"""Account holders: what Adyen still wants to know of a worker, and what they may do meanwhile."""

from sandbox.adyen import news
from sandbox.adyen.errors import Json
from sandbox.adyen.state import World

CAPABILITIES = ("receiveFromBalanceAccount", "sendToTransferInstrument")


def asked_for(capabilities: Json) -> Json:
    """The capabilities of a holder who has told nothing yet."""
    return {
        name: {
            "requested": True,
            "enabled": True,
            "allowed": False,
            "verificationStatus": "pending",
            "problems": [],
        }
        for name in capabilities
    }


def completed(world: World, holder: Json, *, last4: str = "6789", takes_instant: bool = True) -> Json:
    """The worker fills in everything, with a bank account, and Adyen finds it in order."""
    instrument = world.put(
        "transferInstrument",
        {
            "id": world.new_id("SE"),
            "legalEntityId": holder["legalEntityId"],
            "last4": last4,
            "takes_instant": takes_instant,
        },
    )
    for capability in holder["capabilities"].values():
        capability |= {"allowed": True, "verificationStatus": "valid", "problems": []}
    sending = holder["capabilities"].get("sendToTransferInstrument")
    if sending is not None:
        sending["transferInstruments"] = [
            {
                "id": instrument["id"],
                "allowed": True,
                "enabled": True,
                "requested": True,
                "verificationStatus": "valid",
            }
        ]
    return told(world, holder)


def restricted(
    world: World, holder: Json, *, status: str = "invalid", code: str = "2_8036", what: str = "bankAccount"
) -> Json:
    """Adyen asks a worker for more and stops payouts; `status` rejected is for good."""
    problem = {
        "entity": {"id": holder["legalEntityId"], "type": "LegalEntity"},
        "verificationErrors": [
            {
                "code": code,
                "message": f"'{what}' was missing.",
                "remediatingActions": [{"code": "2_115", "message": f"Add '{what}'"}],
                "type": "dataMissing",
            }
        ],
    }
    sending = holder["capabilities"]["sendToTransferInstrument"]
    sending |= {"allowed": False, "verificationStatus": status, "problems": [problem]}
    return told(world, holder)


def told(world: World, holder: Json) -> Json:
    """Send news of an account holder."""
    data = {"accountHolder": holder, "balancePlatform": world.settings.balance_platform}
    news.platform(world, "balancePlatform.accountHolder.updated", data)
    return holder
