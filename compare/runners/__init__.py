"""The ways of obtaining a trace."""
