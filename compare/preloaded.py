"""Preloaded by a fork server before all else: it, and what it forks, are killed with their parents from then on."""

import os

from reprise_kit.compare.workers import killed_with_parent

killed_with_parent()
os.register_at_fork(after_in_child=killed_with_parent)
