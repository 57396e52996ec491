"""Workers' accounts at Stripe: opened by us, completed by the worker on Stripe's pages, paid out by us only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateways.contract import AccountFound, AccountState, OnboardingLink, Rejected
from gateways.stripe.cards import read_client_secret
from gateways.stripe.client import keyed
from gateways.stripe.outcomes import answered, our_id_of, searched
from kernel.time import from_epoch

if TYPE_CHECKING:
    from datetime import datetime

    from stripe.params import AccountCreateParams

    from gateways.contract import AccountOrder, Busy, Secret, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json

_CLOCKS_DIFFER = timedelta(hours=1)
_EPOCH = from_epoch(0)

# Stripe has looked and said no, or has stopped the account; nothing the worker hands in by themselves ends that.
_STOPPED = ("rejected.", "listed", "platform_paused", "other")


class Accounts:
    """Where released money goes, and the pages on which a worker says who they are."""

    connection: Connection

    def create_account(self, order: AccountOrder) -> AccountFound | Rejected | Busy | Unknown:
        """Open the worker's account; payouts from it are made by us only."""
        params: AccountCreateParams = {
            "country": order.country,
            "email": order.email,
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "requirement_collection": "stripe",
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            "metadata": {"holdfast_id": order.account_id, "user": order.user_id},
        }
        accounts = self.connection.client.v1.accounts
        return answered(lambda: accounts.create(params, keyed(order.key)), read_account)

    def find_account(
        self, order: AccountOrder, *, since: datetime
    ) -> AccountFound | Rejected | Busy | Unknown | None:
        """The account that came of an order whose answer was lost, and that first went out at `since`."""
        accounts = self.connection.client.v1.accounts
        # Stripe lists accounts by nothing but their age, and there are as many as there are workers.
        earliest = int(max(since - _CLOCKS_DIFFER, _EPOCH).timestamp())
        return searched(
            lambda: accounts.list({"created": {"gte": earliest}, "limit": 100}).auto_paging_iter(),
            read_account,
            our_id=order.account_id,
        )

    def account(self, gateway_id: str) -> AccountFound | Rejected | Busy | Unknown:
        """The worker's account now; one that was deleted is refused, as one is that we have no access to."""
        accounts = self.connection.client.v1.accounts
        return answered(lambda: accounts.retrieve(gateway_id), read_standing)

    def onboarding_link(
        self, account: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink | Rejected | Busy | Unknown:
        """A page on which the worker completes what is missing."""
        links = self.connection.client.v1.account_links
        return answered(
            lambda: links.create(
                {
                    "account": account,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                    # All that will ever be asked, at once: a worker who is asked again later is not paid meanwhile.
                    "collection_options": {"fields": "eventually_due"},
                }
            ),
            lambda values: OnboardingLink(values["url"], from_epoch(values["expires_at"])),
        )

    def account_session(self, account: str) -> Secret | Rejected | Busy | Unknown:
        """A secret with which the app shows the account's own components; none of them can pay out."""
        sessions = self.connection.client.v1.account_sessions
        return answered(
            lambda: sessions.create(
                {
                    "account": account,
                    "components": {
                        "account_onboarding": {"enabled": True},
                        "account_management": {"enabled": True},
                        "notification_banner": {"enabled": True},
                    },
                }
            ),
            read_client_secret,
        )


def read_standing(values: Json) -> AccountFound | Rejected:
    """A connected account in our words, unless there is no more of it than its name."""
    if values.get("deleted"):
        return Rejected("account_deleted", "This payout account was closed.")
    return read_account(values)


def read_account(values: Json) -> AccountFound:
    """A connected account in our words."""
    requirements = values.get("requirements") or {}
    bank = _default_bank(values)
    return AccountFound(
        gateway_id=values["id"],
        state=_state(values, requirements),
        can_receive_transfers=_can_receive_transfers(values),
        can_be_paid_out=bool(values.get("payouts_enabled")),
        missing=tuple(sorted(_missing(requirements))),
        disabled_reason=requirements.get("disabled_reason"),
        bank_name=bank.get("bank_name") or bank.get("brand"),
        bank_last4=bank.get("last4"),
        account_id=our_id_of(values),
        takes_instant="instant" in (bank.get("available_payout_methods") or ()),
    )


def _state(values: Json, requirements: Json) -> AccountState:
    reason = requirements.get("disabled_reason") or ""
    if reason.startswith(_STOPPED):
        return AccountState.RESTRICTED
    if _can_receive_transfers(values) and values.get("payouts_enabled"):
        return AccountState.READY
    if values.get("details_submitted") and requirements.get("past_due"):
        return AccountState.RESTRICTED
    if not values.get("details_submitted") or _missing(requirements):
        return AccountState.INCOMPLETE
    return AccountState.IN_REVIEW


def _can_receive_transfers(values: Json) -> bool:
    return (values.get("capabilities") or {}).get("transfers") == "active"


def _missing(requirements: Json) -> set[str]:
    return {*(requirements.get("currently_due") or ()), *(requirements.get("past_due") or ())}


def _default_bank(values: Json) -> Json:
    listed: list[Json] = (values.get("external_accounts") or {}).get("data") or []
    return next((bank for bank in listed if bank.get("default_for_currency")), next(iter(listed), {}))
