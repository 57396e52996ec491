"""What gateways say happened, beside the books, for finance."""
