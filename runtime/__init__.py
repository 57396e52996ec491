"""How one process of Holdfast is put together: settings, wiring, logging, readiness."""
