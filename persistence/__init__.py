"""The database: engine, columns, unit of work, locks, outbox, due table and idempotency keys."""
