"""What each word about debts means."""

from __future__ import annotations

DEBTS = {
    "Debt.agreed": "Whether the worker ordered it, so that any money in the wallet goes towards it by itself.",
    "Debt.amount": "What had reached the worker's wallet of the money that the client has back.",
    "Debt.forgiven": "What Holdfast bears of it.",
    "Debt.id": "The chargeback (`cb_`) or the clawback (`cw_`) that it is owed for.",
    "Debt.outstanding": "What is still owed.",
    "Debt.recovered": "What the worker has given back of it.",
    "Debt.since": "Since when it is owed.",
    "Debt.worker_id": "Who owes it.",
    "DebtPayment.amount": "How much of it, at most what is outstanding.",
    "Forgiveness.amount": "How much of what the worker owes.",
    "Forgiveness.reason": "Why we bear it.",
}
