"""What NumPy 1.10 computed: the order in which a selection leaves its winners."""
