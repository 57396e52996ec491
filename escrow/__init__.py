"""Money held: contracts, milestones, release, refund and dispute."""
