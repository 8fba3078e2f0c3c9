"""What the commands print and which exit code they end with: a file for each, or for those that belong together."""
