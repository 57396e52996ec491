"""Double entry: the one place where money is written down, and the source of every number about it."""
