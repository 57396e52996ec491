"""The unclaimed resource: money of workers who have no account left to be paid to."""
