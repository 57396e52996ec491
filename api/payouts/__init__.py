"""Money out: the worker's payout account, wallet and withdrawals; transfers for finance."""
