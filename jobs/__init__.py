"""Work in the background: a relay that finds what is due, workers that do it, and one module of jobs per package."""
