"""Money out: the worker's account at the gateway, released money moved to it, the wallet, and withdrawals to a bank."""
