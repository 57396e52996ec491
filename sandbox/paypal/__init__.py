"""A PayPal of one's own: orders, captures, refunds, the vault, disputes, payouts, reports and signed webhooks."""
