"""Stripe, in the words of the contract: separate charges and transfers, payouts made by us only."""
