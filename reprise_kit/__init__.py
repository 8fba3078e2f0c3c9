"""Reprise: play an old deep-learning system exactly as it was, a modern port beside it, and prove that both agree."""
