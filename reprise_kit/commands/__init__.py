"""What the commands print and which exit code they end with; one file a command."""
