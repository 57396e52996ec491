"""Every resource of the interface, in the order in which the document shows them; a new one adds its line."""

from __future__ import annotations

from api.chargebacks.routes import blueprint as chargebacks
from api.debts.routes import blueprint as debts
from api.escrow.contract_routes import blueprint as contracts
from api.escrow.milestone_routes import blueprint as milestones
from api.identity.routes import blueprint as identity
from api.ledger.adjustment_routes import blueprint as adjustments
from api.ledger.entry_routes import blueprint as journal
from api.ledger.report_routes import blueprint as reports
from api.ledger.routes import blueprint as ledger
from api.orders.routes import blueprint as orders
from api.own_payouts.routes import blueprint as own_payouts
from api.payments.routes import blueprint as payments
from api.payouts.routes import blueprint as payouts
from api.processes.routes import blueprint as processes
from api.receipts.routes import blueprint as receipts
from api.reconciliation.routes import blueprint as reconciliation
from api.unclaimed.routes import blueprint as unclaimed
from api.webhooks.routes import blueprint as webhooks

RESOURCES = (
    identity,
    contracts,
    payments,
    milestones,
    payouts,
    debts,
    unclaimed,
    chargebacks,
    receipts,
    ledger,
    reports,
    journal,
    adjustments,
    reconciliation,
    own_payouts,
    orders,
    processes,
    webhooks,
)
