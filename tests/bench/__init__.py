"""Measurements, side by side in one run: `make bench`, and `python -m tests.bench.archive` for a folder of clips."""
