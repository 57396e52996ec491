"""What the gateways say happened, matched item by item against the ledger; and whether what is held is there."""
