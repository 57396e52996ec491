"""Receipts: what somebody keeps of a movement of money, with the proof that it is in the books."""
