"""A Stripe to test against: stateful, strict, and with a clock that can be turned."""
