"""Adyen for Platforms as a gateway: clients pay through it, and workers are paid."""
