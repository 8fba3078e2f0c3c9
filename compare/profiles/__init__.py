"""What only one kind of input needs; the harness's core knows files and arrays alone."""
