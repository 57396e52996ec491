"""Contracts: offered, accepted, ended."""
