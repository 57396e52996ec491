"""Chargebacks at Adyen, which calls them disputes: what moved is in the transfers, the rest is only ever told.

Adyen has no question for how a dispute stands: its Disputes API hands documents in and says nothing back. So the state,
the reason and until when a bank waits are folded from the notifications about it that were verified and kept; all money
is read from the transfers, and where they are newer than what was kept they decide the state as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateways.adyen import ids
from gateways.adyen.amounts import from_adyen
from gateways.adyen.evidence import document
from gateways.adyen.lists import FEES, booked, instant, made_at, platform_type, transfers_of
from gateways.adyen.notices import items_as_kept
from gateways.adyen.outcomes import MISSING, answered, carried_out, ordered, prepared, searched
from gateways.adyen.payments import captured
from gateways.adyen.stages import APPEAL, CHARGEBACK, IN_PASSING, OPENING, QUESTION, stage_at, stages_of
from gateways.contract import ChargebackFound, ChargebackLine, ChargebackState, Rejected, Unknown
from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gateways.adyen.client import Connection, Json
    from gateways.adyen.ids import Dispute
    from gateways.adyen.stages import Stage
    from gateways.contract import Busy, EvidenceOrder

# Banks charge back for a year and a half at most.
_STRETCHES = 4

# What the transfers of a dispute are.
KINDS = (
    "chargeback",
    "chargebackCorrection",
    "chargebackReversal",
    "chargebackReversalCorrection",
    "secondChargeback",
    "secondChargebackCorrection",
)
_BY_MONEY = {
    "chargeback": ChargebackState.NEEDS_RESPONSE,
    # The bank may still take it a second time; that is a decision of its own.
    "chargebackReversal": ChargebackState.WON,
    "secondChargeback": ChargebackState.LOST,
}
_BY_WORD = {
    "REQUEST_FOR_INFORMATION": ChargebackState.INQUIRY,
    "NOTIFICATION_OF_CHARGEBACK": ChargebackState.NEEDS_RESPONSE,
    "DISPUTE_OPENED_WITH_CHARGEBACK": ChargebackState.NEEDS_RESPONSE,
    "CHARGEBACK": ChargebackState.NEEDS_RESPONSE,
    "INFORMATION_SUPPLIED": ChargebackState.UNDER_REVIEW,
    "CHARGEBACK_REVERSED": ChargebackState.WON,
    "SECOND_CHARGEBACK": ChargebackState.LOST,
    "DISPUTE_DEFENSE_PERIOD_ENDED": ChargebackState.LOST,
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": ChargebackState.WON,
    "PREARBITRATION_OPEN": ChargebackState.APPEAL_NEEDS_RESPONSE,
    "PREARBITRATION_DECLINED": ChargebackState.APPEAL_UNDER_REVIEW,
    "PREARBITRATION_ACCEPTED": ChargebackState.LOST,
    "PREARBITRATION_WON": ChargebackState.WON,
    "PREARBITRATION_LOST": ChargebackState.LOST,
    "PREARBITRATION_ISSUER_WITHDRAWN": ChargebackState.WON,
    "SCHEME_ARBITRATION": ChargebackState.APPEAL_UNDER_REVIEW,
    "SCHEME_ARBITRATION_WON": ChargebackState.WON,
    "SCHEME_ARBITRATION_LOST": ChargebackState.LOST,
    "NOTIFICATION_OF_FRAUD": ChargebackState.WARNED,
}
WORDS = frozenset(_BY_WORD) | frozenset(IN_PASSING)
_WARNING = "NOTIFICATION_OF_FRAUD"
_UNANSWERED = ChargebackState.NEEDS_RESPONSE


class Chargebacks:
    """What the clients' banks take back."""

    connection: Connection

    def chargeback(self, gateway_id: str) -> ChargebackFound | Rejected | Busy | Unknown:
        """The chargeback now, with all that has moved for it."""
        wanted = ids.dispute_asked(gateway_id)
        if wanted is None:
            return MISSING
        return answered(lambda: self._dispute(wanted, gateway_id))

    def fraud_warning(self, gateway_id: str) -> ChargebackFound | Rejected | Busy | Unknown:
        """What the card's network suspects of a payment, as it is now: told like a dispute, and moving nothing."""
        return self.chargeback(gateway_id)

    def submit_evidence(self, order: EvidenceOrder) -> ChargebackFound | Rejected | Busy | Unknown:
        """Answer the client's bank, for good: as one document, for the first reason that takes any."""
        wanted = ids.dispute_asked(order.chargeback)
        if wanted is None:
            return MISSING
        reason = prepared(lambda: self._supplied(wanted, order))
        return ordered(lambda: self._handed_in(wanted, order, reason)) if isinstance(reason, str) else reason

    def find_evidence(self, order: EvidenceOrder) -> ChargebackFound | Rejected | Busy | Unknown | None:
        """The chargeback, if Adyen has told that what the bank asked was answered; None while it has not.

        To hand in once more is safe: Adyen takes a defense once in each stage, and says no the second time.
        """
        wanted = ids.dispute_asked(order.chargeback)
        if wanted is None:
            return MISSING

        def look() -> ChargebackFound | Rejected | Unknown | None:
            stages = self._stages(order.chargeback)
            asked = stage_at(stages, order.handed_in_at)
            if asked is None or not asked.is_answered:
                return None
            found = self._dispute(wanted, order.chargeback)
            # Money was taken since, of which no word has come: that is what the order answers.
            if asked is stages[-1] and isinstance(found, ChargebackFound) and found.state is _UNANSWERED:
                return None
            return found

        return searched(look)

    def _stages(self, gateway_id: str) -> list[Stage]:
        return stages_of(items_as_kept(self.connection.told(gateway_id)))

    def _dispute(self, wanted: Dispute, gateway_id: str) -> ChargebackFound | Rejected:
        transfers = transfers_of(self.connection, wanted.reference, stretches=_STRETCHES)
        moved = [
            each
            for each in transfers
            if each["type"] in KINDS and each["categoryData"].get("modificationPspReference") == wanted.psp
        ]
        stages = self._stages(gateway_id)
        told = [item for stage in stages for item in stage.items]
        if not moved and not told:
            return MISSING
        state, word = _standing(moved, stages)
        warning = all(item["eventCode"] == _WARNING for item in told) and not moved
        paid = captured(transfers)
        return ChargebackFound(
            kind="fraud_warning" if warning else "chargeback",
            gateway_id=gateway_id,
            payment=ids.called(wanted.reference, from_adyen(paid["amount"]) if paid else None),
            state=state,
            word=word,
            amount=_amount(moved, told),
            reason=next((str(item["reason"]) for item in reversed(told) if item.get("reason")), "not told"),
            respond_by=next((instant(end) for item in reversed(told) if (end := _ends(item))), None),
            lines=tuple(line for each in moved for line in _lines(each)),
            answers=_answers(stages),
        )

    def _supplied(self, wanted: Dispute, order: EvidenceOrder) -> str | Rejected:
        """The reason that the bank is given, with its documents handed over; it is told of neither yet."""
        stages = self._stages(order.chargeback)
        if stages and stage_at(stages, order.handed_in_at) is not stages[-1]:
            return Rejected("asked_anew", "The bank has asked something else meanwhile.")
        disputes, about = self.connection.disputes, self._about(wanted)
        listed = disputes.retrieve_applicable_defense_reasons(about).message
        reason, kinds = _reason(listed.get("defenseReasons") or ())
        if not kinds:
            return Rejected("not_defendable", "The bank cannot be answered any more.")
        content = document(order.fields)
        papers = [
            {"content": content, "contentType": "application/pdf", "defenseDocumentTypeCode": kind}
            for kind in kinds
        ]
        supplied = disputes.supply_defense_document(about | {"defenseDocuments": papers}).message
        if not supplied["disputeServiceResult"]["success"]:
            return Rejected("documents_refused", "The payment provider did not take the answer.")
        return reason

    def _handed_in(
        self, wanted: Dispute, order: EvidenceOrder, reason: str
    ) -> ChargebackFound | Rejected | Busy | Unknown:
        before = _answers(self._stages(order.chargeback))
        asked = self._about(wanted) | {"defenseReasonCode": reason}
        handed_in = self.connection.disputes.defend_dispute(asked).message
        if not handed_in["disputeServiceResult"]["success"]:
            # Handed in before, or too late: Adyen says neither, and its notification will.
            return self.find_evidence(order) or Unknown(
                "Adyen did not take the defense; whether it has it already is told by notification"
            )
        found = carried_out(lambda: self._dispute(wanted, order.chargeback))
        if not isinstance(found, ChargebackFound):
            return Unknown("handed in, and not yet told of")
        return replace(found, state=_after_answer(found.state), answers=max(found.answers, before + 1))

    def _about(self, wanted: Dispute) -> Json:
        return {
            "disputePspReference": wanted.psp,
            "merchantAccountCode": self.connection.merchant_account,
        }


def _standing(moved: Sequence[Json], stages: Sequence[Stage]) -> tuple[ChargebackState, str]:
    by_money = [each for each in moved if platform_type(each) not in FEES]
    stage = next((each for each in reversed(stages) if each.last is not None), None)
    if stage is None or stage.last is None:
        word = str(by_money[-1]["type"]) if by_money else "feeOnly"
        return _BY_MONEY.get(word, ChargebackState.NOT_UNDERSTOOD), word
    unheard = _unheard(by_money, stages, since=instant(stage.last["eventDate"]))
    if unheard is not None:
        return _BY_MONEY[unheard], unheard
    code = str(stage.last["eventCode"])
    return _by_word(code, stage, took=bool(by_money)), code


def _unheard(by_money: Sequence[Json], stages: Sequence[Stage], *, since: datetime) -> str | None:
    """What has moved after the last word that arrived: its own word was lost, or is still on its way."""
    known = [each for each in by_money if each["type"] in _BY_MONEY and any(booked(each))]
    if not known or made_at(known[-1]) <= since:
        return None
    # What was noticed is taken in the end, whatever has been said meanwhile.
    kinds = {str(each["type"]) for each in known}
    as_noticed = kinds == {"chargeback"} and any(stage.kind == CHARGEBACK for stage in stages)
    return None if as_noticed else str(known[-1]["type"])


def _by_word(code: str, stage: Stage, *, took: bool) -> ChargebackState:
    if code == "DISPUTE_DEFENSE_PERIOD_ENDED" and stage.kind in {QUESTION, None}:
        # A question that was not answered took nothing.
        return ChargebackState.LOST if took else ChargebackState.INQUIRY_CLOSED
    if code == "INFORMATION_SUPPLIED" or (code in OPENING and stage.is_defended_by_adyen):
        if stage.kind == APPEAL:
            return ChargebackState.APPEAL_UNDER_REVIEW
        asked = stage.kind == QUESTION and not took
        return ChargebackState.INQUIRY if asked else ChargebackState.UNDER_REVIEW
    return _BY_WORD.get(code, ChargebackState.NOT_UNDERSTOOD)


def _after_answer(state: ChargebackState) -> ChargebackState:
    after = {
        ChargebackState.NEEDS_RESPONSE: ChargebackState.UNDER_REVIEW,
        ChargebackState.APPEAL_NEEDS_RESPONSE: ChargebackState.APPEAL_UNDER_REVIEW,
    }
    return after.get(state, state)


def _answers(stages: Sequence[Stage]) -> int:
    return sum(stage.is_answered for stage in stages)


def _ends(item: Json) -> str | None:
    end = item.get("additionalData", {}).get("defensePeriodEndsAt")
    return end if isinstance(end, str) and end else None


def _amount(moved: Sequence[Json], told: Sequence[Json]) -> Money:
    if told:
        return from_adyen(told[-1]["amount"])
    main = next((each for each in moved if platform_type(each) not in FEES), moved[0])
    return from_adyen(main["amount"])


def _lines(transfer: Json) -> list[ChargebackLine]:
    currency, is_fee = transfer["amount"]["currency"], platform_type(transfer) in FEES
    found = []
    for event, value in booked(transfer):
        taken, none = Money(-value, currency), Money.zero(currency)
        amount, fee = (none, taken) if is_fee else (taken, none)
        found.append(ChargebackLine(line_id=event["transactionId"], amount=amount, fee=fee))
    return found


def _reason(reasons: Sequence[Json]) -> tuple[str, list[str]]:
    """The first reason that can be put on paper, and under which names that paper is handed over."""
    for reason in reasons:
        kinds = _papers(reason.get("defenseDocumentTypes") or ())
        if kinds:
            return str(reason["defenseReasonCode"]), kinds
    return "", []


def _papers(types: Sequence[Json]) -> list[str]:
    # We have one paper, which says everything. It goes in as all that have to be there, and as one of those of which
    # one has to be; where Adyen demands none of these, as whatever else it reads.
    def named(level: str) -> list[str]:
        return [str(each["defenseDocumentTypeCode"]) for each in types if each["requirementLevel"] == level]

    demanded = named("Required") + named("OneOrMore")[:1]
    return demanded or named("AlternativeRequired")[:1] or named("Optional")[:1]
