"""What every package may use: money, ids, time and the kinds of refusal."""
