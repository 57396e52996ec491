"""Workers at PayPal, where they have accounts of their own: there is none for us to open, and none to move money into.

A worker is known by their PayPal e-mail address or payer id. Released money stays on our balance until it is paid out:
a transfer is an entry of our ledger alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateways.contract import AccountFound, AccountState, Rejected, ReversalFound, TransferFound

if TYPE_CHECKING:
    from gateways.contract import AccountOrder, OnboardingLink, ReversalOrder, Secret, TransferOrder

# An e-mail address or a payer id, as long as anything we keep of a gateway's.
ACCOUNT = re.compile(r"[\w.@+-]{1,64}", re.ASCII)
# Whatever time it is, it is later.
_AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)


class Accounts:
    """Whom workers' money is sent to."""

    def create_account(self, order: AccountOrder) -> AccountFound | Rejected:
        """The worker's address, to which PayPal sends whether or not there is an account yet."""
        if ACCOUNT.fullmatch(order.email) is None:
            return Rejected("account_invalid", "PayPal does not take this e-mail address.")
        return _ready(order.email, order.account_id)

    def find_account(self, order: AccountOrder, *, since: datetime) -> AccountFound | Rejected:  # noqa: ARG002 - it is there
        """The same."""
        return self.create_account(order)

    def account(self, gateway_id: str) -> AccountFound | Rejected:
        """The same; what is wrong with an account PayPal says only when something is sent to it."""
        if ACCOUNT.fullmatch(gateway_id) is None:
            return Rejected("account_invalid", "PayPal does not take this e-mail address.")
        return _ready(gateway_id, None)

    def onboarding_link(
        self,
        account: str,  # noqa: ARG002 - there is none of anybody's
        *,
        return_url: str,  # noqa: ARG002 - the same
        refresh_url: str,  # noqa: ARG002 - the same
    ) -> OnboardingLink | Rejected:
        """None: whoever has a PayPal account has told PayPal everything."""
        return _not_offered()

    def account_session(self, account: str) -> Secret | Rejected:  # noqa: ARG002 - there is none
        """None: there are no components of an account at PayPal."""
        return _not_offered()

    def create_transfer(self, order: TransferOrder) -> TransferFound:
        """What is released is the worker's at once, and lies on our balance: PayPal is not asked."""
        return TransferFound(order.transfer_id, order.amount, _AT_ONCE, order.transfer_id)

    def find_transfer(self, order: TransferOrder) -> TransferFound:
        """The same."""
        return self.create_transfer(order)

    def create_reversal(self, order: ReversalOrder) -> ReversalFound:
        """What has not been paid out is ours again at once: PayPal is not asked."""
        return ReversalFound(order.reversal_id, order.amount, order.reversal_id)

    def find_reversal(self, order: ReversalOrder) -> ReversalFound:
        """The same."""
        return self.create_reversal(order)


def _ready(account: str, account_id: str | None) -> AccountFound:
    return AccountFound(
        gateway_id=account,
        state=AccountState.READY,
        can_receive_transfers=True,
        can_be_paid_out=True,
        missing=(),
        disabled_reason=None,
        bank_name="PayPal",
        bank_last4=None,
        account_id=account_id,
    )


def _not_offered() -> Rejected:
    return Rejected("not_offered", "PayPal has nothing to fill in.")
