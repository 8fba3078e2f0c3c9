# -*- coding: utf-8 -*-
"""Traces the old program: what left every stage on the way to its answer. Runs where the old program runs.

It computes nothing of its own: it taps the functions of the untouched program. How it is asked: adapter.py.
"""
import json
import os
import sys

import numpy as np

import adapter

# Stage of system.toml: the function of the old program that it leaves, and its dtype.
STAGES = (('letters', 'count', 'int64'), ('shares', 'share', 'float64'), ('scores', 'score', 'float64'),
          ('probs', 'softmax', 'float64'))


class Tap(object):
    """Stands in for a function and keeps what it returned."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        self.left = self.function(*args)
        return self.left


class Original(object):
    """The old program, its weights loaded once, with its taps in place."""

    packages = {}

    def __init__(self, weights, backend):
        sys.path.insert(0, os.path.join(adapter.HERE, 'old'))
        import letters
        self.program = letters
        with open(weights) as handle:
            self.weights = json.load(handle)
        self.taps = {}
        for stage, function, _ in STAGES:
            self.taps[stage] = Tap(getattr(letters, function))
            setattr(letters, function, self.taps[stage])

    def trace(self, path):
        """Arrays by stage name, no batch axis; scalars by name."""
        self.program.recognise(path, self.weights)
        return dict((stage, np.array(self.taps[stage].left, dtype)) for stage, _, dtype in STAGES), {}


if __name__ == '__main__':
    adapter.main(Original)
