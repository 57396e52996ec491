"""One module for each family of Stripe's objects."""
