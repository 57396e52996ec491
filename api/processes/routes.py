"""What can happen to a contract, a milestone, a payment: the very tables that decide it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import public
from api.blueprints import Blueprint, refuses
from api.processes.schemas import ProcessSchema
from escrow.states import CONTRACT, DISPUTE, MILESTONE, REFUND_REQUEST
from kernel.refusals import NotFound
from ledger.states import ACCOUNTING_PERIOD, ADJUSTMENT
from payments.states import CHARGEBACK, EVIDENCE_PROCESS, PAYMENT, REFUND
from payouts.states import PAYOUT, REVERSAL, TRANSFER
from reconciliation.states import OWN_PAYOUT

if TYPE_CHECKING:
    from kernel.states import Process

blueprint = Blueprint("processes", __name__, description="The state tables of every process.")

PROCESSES: dict[str, Process] = {
    process.name: process
    for process in (
        CONTRACT,
        MILESTONE,
        DISPUTE,
        REFUND_REQUEST,
        PAYMENT,
        REFUND,
        CHARGEBACK,
        EVIDENCE_PROCESS,
        TRANSFER,
        REVERSAL,
        PAYOUT,
        OWN_PAYOUT,
        ADJUSTMENT,
        ACCOUNTING_PERIOD,
    )
}


class ProcessNotFound(NotFound):
    """There is no process of this name."""

    code = "process_not_found"


@blueprint.get("/processes/<name>")
@public(reason="It says how Holdfast works, and nothing about anybody.")
@blueprint.response(200, ProcessSchema)
@refuses(ProcessNotFound)
def get_process(name: str) -> dict[str, Any]:
    """The states of a process, and who may do what in each."""
    process = PROCESSES.get(name)
    if process is None:
        raise ProcessNotFound(f"There is no process of this name. There are: {', '.join(PROCESSES)}.")
    return {
        "name": process.name,
        "initial": process.initial,
        "terminal": sorted(process.terminal),
        "states": process.states,
        "transitions": [
            {
                "act": act,
                "start": start,
                "to": step.to,
                "by": step.by,
                "event": step.event,
                "deadline": step.deadline,
            }
            for (start, act), step in process.table.items()
        ],
    }
