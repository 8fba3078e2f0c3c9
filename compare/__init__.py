"""Runs both sides on the same clips and compares their traces; NumPy and the standard library only."""
