"""The contract every payment gateway keeps, and the adapters that keep it."""
