"""The books over HTTP, for finance."""
