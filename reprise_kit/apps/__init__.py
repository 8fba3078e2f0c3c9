"""Programs that stand on the port and the harness: the demo, the archive."""
