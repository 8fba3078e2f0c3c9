"""The demo: a page and an HTTP API over a system's pipeline; no signal processing here."""
