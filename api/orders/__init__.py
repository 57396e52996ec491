"""What was ordered of payment gateways and is not done yet, for staff."""
