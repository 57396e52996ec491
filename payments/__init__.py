"""Money in: saved cards, payments, what becomes of their charges, and refunds."""
