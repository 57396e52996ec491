"""An "Adyen for Platforms" on this machine: payments, transfers, accounts, onboarding and disputes."""
