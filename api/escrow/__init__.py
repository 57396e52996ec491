"""Contracts, milestones, every act on held money, and where each cent of it is."""
