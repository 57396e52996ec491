"""Chargebacks, for staff."""
